import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const here = dirname(import.meta.dirname)
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')

async function check(project: string): Promise<string> {
  const run = promisify(execFile)(process.execPath, [tsc, '-p', project, '--pretty', 'false'])
  const { stdout } = await run.catch((error: { readonly stdout: string }) => error)
  return stdout
}

// `tsc` decides: an expected error that is none fails as much as an unexpected one.
describe('types', () => {
  it('are right with Prisma 7, and refuse what is wrong', async () => {
    expect(await check(join(here, 'tsconfig.test.json'))).toBe('')
  }, 120_000)

  it('are right with Prisma 6, and refuse what is wrong', async () => {
    // A copy beside the client of version 6: what is generated imports the Prisma that it finds from where it is.
    const six = join(here, '../../test/prisma-6')
    const generated = join(six, 'generated/.types')
    mkdirSync(generated, { recursive: true })
    const source = readFileSync(join(here, 'test/models.types.ts'), 'utf8')
    writeFileSync(
      join(generated, 'models.types.ts'),
      source
        .replaceAll('../generated/', '../')
        .replaceAll('../src/', `${relative(generated, join(here, 'src'))}/`)
        .replaceAll(`'@shardline/core'`, `'${join(here, '../core/src/index.ts')}'`),
    )
    writeFileSync(
      join(generated, 'tsconfig.json'),
      JSON.stringify({
        extends: relative(generated, join(here, 'tsconfig.test.json')),
        compilerOptions: {
          paths: { '@prisma/adapter-pg': [join(six, 'node_modules/@prisma/adapter-pg/dist/index.d.ts')] },
        },
        files: ['models.types.ts'],
      }),
    )
    expect(await check(generated)).toBe('')
  }, 120_000)
})

describe('README.md', () => {
  it('shows the schema of the client that its example runs with', () => {
    const schema = readFileSync(join(here, 'test/readme.prisma'), 'utf8')
    expect(readFileSync(join(here, 'README.md'), 'utf8')).toContain(`\`\`\`prisma\n${schema}\`\`\``)
  })
})
