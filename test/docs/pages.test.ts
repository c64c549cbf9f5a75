import { execFile } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startCluster, type Cluster } from '@shardline/local-cluster'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pageProgram } from './page-program.ts'

const root = resolve(import.meta.dirname, '../..')
const paths = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  ...readdirSync(join(root, 'packages')).map((name) => `packages/${name}/README.md`),
]
const pages = paths.map((path) => {
  const markdown = readFileSync(join(root, path), 'utf8')
  const program = pageProgram(markdown, fileURLToPath(import.meta.resolve('./run-blocks.ts')))
  return { path, markdown, ...program, file: `${path.replaceAll('/', '-')}.ts` }
})

const dir = mkdtempSync(join(tmpdir(), 'shardline-docs-'))
linkModules(join(dir, 'node_modules'))
// The Prisma client that a page imports is generated before any test runs.
symlinkSync(join(root, 'packages/prisma-extension/generated'), join(dir, 'generated'))
for (const { file, text } of pages) writeFileSync(join(dir, file), text)
writeFileSync(join(dir, 'package.json'), '{ "type": "module" }')
const typeRoots = [join(root, 'node_modules/@types')]
writeFileSync(
  join(dir, 'tsconfig.json'),
  JSON.stringify({
    extends: join(root, 'tsconfig.base.json'),
    compilerOptions: {
      // Readers know how many elements their arrays have.
      noUncheckedIndexedAccess: false,
      typeRoots,
      noEmit: true,
      composite: false,
      declaration: false,
      declarationMap: false,
      sourceMap: false,
      allowImportingTsExtensions: true,
      rewriteRelativeImportExtensions: false,
      lib: ['es2024', 'esnext.disposable'],
    },
    files: pages.map(({ file }) => file),
  }),
)
afterAll(() => rmSync(dir, { recursive: true }))

const run = promisify(execFile)

test('every example compiles', async () => {
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
  const { stdout } = await run(process.execPath, [tsc, '--pretty', 'false'], { cwd: dir }).catch(
    (error: { readonly stdout: string }) => error,
  )
  // The packages' own sources are compiled along, and judged elsewhere.
  expect(stdout.split('\n').filter((line) => !line.startsWith('..'))).toEqual([''])
})

describe('every example that says so runs, and prints what the page says', () => {
  let cluster: Cluster
  let env: Record<string, string>
  beforeAll(async () => {
    cluster = await startCluster({ shards: 2, replicas: 1, conf: { max_prepared_transactions: 20 } })
    const [eu0, eu1] = cluster.shards.map((shard) => ({
      primary: shard.urls.primary,
      replica: shard.urls.replicas[0] ?? '',
    }))
    env = {
      EU0: eu0?.primary ?? '',
      EU0_R1: eu0?.replica ?? '',
      EU1: eu1?.primary ?? '',
      EU1_R1: eu1?.replica ?? '',
    }
  })
  afterAll(() => cluster.stop())

  const runnable = pages.filter(({ blocks }) => blocks.some(({ isRun }) => isRun))
  test.each(runnable)('$path', async ({ file, blocks }) => {
    await cluster.sql('drop schema public cascade; create schema public')
    await cluster.waitForReplay()
    const { stdout } = await run(process.execPath, [join(dir, file)], { env: { ...process.env, ...env } })
    const printed = new Map<number, string[]>()
    let current: string[] = []
    for (const line of stdout.trim().split('\n')) {
      const said = JSON.parse(line) as number | string
      if (typeof said === 'number') printed.set(said, (current = []))
      else current.push(oneSpaced(said))
    }
    const promised = blocks.flatMap(({ line, isRun, prints }) =>
      isRun ? [[line, prints?.map(oneSpaced) ?? []] as const] : [],
    )
    expect(printed).toEqual(new Map(promised))
  })
})

describe('links', () => {
  test.each(pages)('of $path lead to files and headings', ({ path, markdown }) => {
    const targets = [...markdown.matchAll(/\]\((?!https?:)([^)]+)\)/g)].map(([, target = '']) => target)
    const isThere = (target: string): boolean => {
      const [file = '', heading] = target.split('#')
      const found = resolve(root, dirname(path), file)
      if (heading === undefined) return existsSync(found)
      const text = readFileSync(file === '' ? join(root, path) : found, 'utf8')
      return [...text.matchAll(/^#+ (.*)$/gm)].some(([, title = '']) => slug(title) === heading)
    }
    expect(targets.filter((target) => !isThere(target))).toEqual([])
  })
})

/** What a reader installs: the packages themselves, and what they and the example application are developed with. */
function linkModules(target: string): void {
  const folders = readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name))
  const link = (name: string, path: string): void => {
    mkdirSync(dirname(join(target, name)), { recursive: true })
    if (!existsSync(join(target, name))) symlinkSync(path, join(target, name))
  }
  for (const folder of folders) {
    const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      readonly name: string
    }
    link(name, folder)
  }
  for (const folder of [join(root, 'examples/feature-store'), ...folders]) {
    const modules = join(folder, 'node_modules')
    for (const name of existsSync(modules) ? readdirSync(modules) : []) {
      if (name.startsWith('.')) continue
      const scoped = name.startsWith('@')
        ? readdirSync(join(modules, name)).map((one) => `${name}/${one}`)
        : [name]
      for (const one of scoped) link(one, join(modules, one))
    }
  }
}

/** The anchor that GitHub gives a heading. */
function slug(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
}

/** Line breaks and columns are the page's own. */
function oneSpaced(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}
