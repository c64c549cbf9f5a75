import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const here = dirname(import.meta.dirname)
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')

// `tsc` decides: an expected error that is none fails as much as an unexpected one.
describe.each([
  ['kysely 0.29', 'tsconfig.test.json'],
  ['kysely 0.28', 'tsconfig.kysely-0-28.json'],
])('types with %s', (_version, project) => {
  it('are right, and refuse what is wrong', async () => {
    const run = promisify(execFile)(process.execPath, [tsc, '-p', join(here, project), '--pretty', 'false'])
    const { stdout } = await run.catch((error: { readonly stdout: string }) => error)
    expect(stdout).toBe('')
  })
})

describe('README.md', () => {
  it('shows the example that is compiled', () => {
    const [, ...example] = readFileSync(join(here, 'test/readme.types.ts'), 'utf8').split('\n')
    expect(readFileSync(join(here, 'README.md'), 'utf8')).toContain(`\`\`\`ts\n${example.join('\n')}\`\`\``)
  })
})
