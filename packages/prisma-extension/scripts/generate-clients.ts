// Generates the Prisma clients that tests and examples use, without downloading anything. They are not committed:
// vitest's globalSetup and the `types` script run this, and it does nothing while all is up to date.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { basename, delimiter, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

interface ClientSource {
  /** From the root of the repository, as the other paths. */
  readonly schema: string
  /** The package whose Prisma generates the client. */
  readonly with: string
  /** Where the client goes; the generated code imports the version of Prisma that it finds from there. */
  readonly into: string
  /** False for a file that holds models only: data source and client generator are written above them. */
  readonly isWhole: boolean
}

const sources: readonly ClientSource[] = [
  ...bothVersions('packages/prisma-extension/test/schema.prisma', 'packages/prisma-extension', 'extension'),
  ...bothVersions('packages/prisma-extension/test/readme.prisma', 'packages/prisma-extension', 'prisma'),
  ...bothVersions('test/orm-suite/prisma/schema.prisma', 'test/orm-suite', 'orm-suite'),
  {
    schema: 'examples/orders-prisma/prisma/schema.prisma',
    with: 'examples/orders-prisma',
    into: 'examples/orders-prisma/src/generated/client',
    isWhole: true,
  },
  { schema: 'bench/orms/schema.prisma', with: 'bench', into: 'bench/generated/orms', isWhole: false },
]

function bothVersions(schema: string, of: string, name: string): readonly ClientSource[] {
  return [
    { schema, with: of, into: `${of}/generated/${name}`, isWhole: false },
    { schema, with: 'test/prisma-6', into: `test/prisma-6/generated/${name}`, isWhole: false },
  ]
}

const root = join(import.meta.dirname, '../../..')

/** For vitest's globalSetup. */
export async function setup(): Promise<void> {
  const ofGenerator = await generatorHash()
  await Promise.all(sources.map((source) => generate(source, ofGenerator)))
}

if (import.meta.main) await setup()

async function generate(source: ClientSource, ofGenerator: string): Promise<void> {
  const from = join(root, source.with)
  const into = join(root, source.into)
  const prisma = join(from, 'node_modules/prisma')
  const { version } = JSON.parse(await readFile(join(prisma, 'package.json'), 'utf8')) as {
    readonly version: string
  }
  const text = await readFile(join(root, source.schema), 'utf8')
  const schema = source.isWhole ? text : `${header(version, into)}\n${text}`
  const hash = createHash('sha256').update(`${version}\0${ofGenerator}\0${schema}`).digest('hex')
  if (await isUpToDate(into, hash)) return
  await locked(into, async () => {
    if (await isUpToDate(into, hash)) return
    await rm(into, { recursive: true, force: true })
    const file = source.isWhole ? join(root, source.schema) : `${into}.prisma`
    if (!source.isWhole) await writeFile(file, schema)
    await runPrisma(source, join(prisma, 'build/index.js'), file)
    await writeFile(`${into}.hash`, hash)
  })
}

async function runPrisma(source: ClientSource, cli: string, file: string): Promise<void> {
  const from = join(root, source.with)
  const bins = [join(from, 'node_modules/.bin'), join(root, 'node_modules/.bin'), process.env['PATH'] ?? '']
  const env = {
    ...process.env,
    PATH: bins.join(delimiter),
    // Nothing here needs the schema engine, and one that is named is not downloaded.
    PRISMA_SCHEMA_ENGINE_BINARY: '/bin/false',
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
    CHECKPOINT_DISABLE: '1',
  }
  try {
    await promisify(execFile)(process.execPath, [cli, 'generate', '--schema', file], { cwd: from, env })
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { readonly stdout?: string; readonly stderr?: string }
    throw new Error(`prisma generate failed for ${source.schema} in ${source.with}:\n${stdout}${stderr}`, {
      cause: error,
    })
  }
}

/** Prisma 7 takes no URL in the schema; Prisma 6 wants one, and to be told that there is no engine. */
function header(version: string, into: string): string {
  const isSix = version.startsWith('6.')
  return `generator client {
  provider               = "prisma-client"
  output                 = "./${basename(into)}"
  runtime                = "nodejs"
  moduleFormat           = "esm"
  generatedFileExtension = "ts"
  importFileExtension    = "ts"${isSix ? '\n  engineType             = "client"' : ''}
}

datasource db {
  provider = "postgresql"${isSix ? '\n  url      = "postgres://given.by.the.adapter"' : ''}
}
`
}

/** A schema may name our own generator, whose output changes with its source. */
async function generatorHash(): Promise<string> {
  const src = join(root, 'packages/prisma-extension/src')
  const files = (await readdir(src, { recursive: true }))
    .filter((file) => file.startsWith('generator'))
    .sort()
  const hash = createHash('sha256')
  for (const file of files) {
    if (file.endsWith('.ts')) hash.update(await readFile(join(src, file)))
  }
  return hash.digest('hex')
}

async function isUpToDate(into: string, hash: string): Promise<boolean> {
  const known = await readFile(`${into}.hash`, 'utf8').catch(() => '')
  return known === hash && (await stat(into).catch(() => undefined)) !== undefined
}

/** Several runs may start at once. A lock older than a generation can take is one of a process that died. */
async function locked(into: string, act: () => Promise<void>): Promise<void> {
  const lock = `${into}.lock`
  await mkdir(dirname(lock), { recursive: true })
  for (;;) {
    try {
      await mkdir(lock)
      break
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      const made = await stat(lock).catch(() => undefined)
      if (made !== undefined && Date.now() - made.mtimeMs > 60_000) await rm(lock, { recursive: true })
      await sleep(50)
    }
  }
  try {
    await act()
  } finally {
    await rm(lock, { recursive: true, force: true })
  }
}
