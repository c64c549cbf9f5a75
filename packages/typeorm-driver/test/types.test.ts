import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const here = dirname(import.meta.dirname)
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')

// `tsc` decides: an expected error that is none fails as much as an unexpected one.
describe.each([
  ['typeorm 1.1', 'tsconfig.test.json'],
  ['typeorm 0.3', 'tsconfig.typeorm-0-3.json'],
])('types with %s', (_version, project) => {
  it('are right, and refuse what is wrong', async () => {
    const run = promisify(execFile)(process.execPath, [tsc, '-p', join(here, project), '--pretty', 'false'])
    const { stdout } = await run.catch((error: { readonly stdout: string }) => error)
    expect(stdout).toBe('')
  })
})
