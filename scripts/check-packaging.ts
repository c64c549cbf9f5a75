/**
 * Builds every publishable package, packs it as the registry would get it, and checks the tarball with publint
 * and "are the types wrong". Prints one line per package; exits 1 when one of them is not clean.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'

const root = join(import.meta.dirname, '..')
const bin = (name: string): string => join(root, 'node_modules', '.bin', name)
const out = mkdtempSync(join(tmpdir(), 'shardline-pack-'))
let failures = 0

try {
  execFileSync(bin('tsc'), ['-b'], { cwd: root, stdio: 'inherit' })
  for (const name of readdirSync(join(root, 'packages'))) {
    const folder = join(root, 'packages', name)
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name: string }
    const packed = JSON.parse(
      execFileSync('npx', ['-y', 'pnpm@12', 'pack', '--json', '--pack-destination', out], {
        cwd: folder,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    ) as { filename: string }
    const tarball = join(out, packed.filename.split('/').at(-1) ?? packed.filename)
    const { messages, pkg } = await publint({
      pack: { tarball: new Uint8Array(readFileSync(tarball)).buffer },
      level: 'suggestion',
    })
    for (const message of messages)
      console.error(`${manifest.name}: ${formatMessage(message, pkg) ?? message.code}`)
    failures += messages.length
    try {
      execFileSync(bin('attw'), [tarball, '--profile', 'esm-only', '--format', 'ascii'], { encoding: 'utf8' })
    } catch (error) {
      failures += 1
      console.error((error as { stdout?: string }).stdout ?? error)
    }
    console.log(`${manifest.name}: ${messages.length === 0 ? 'clean' : `${messages.length} remarks`}`)
  }
} finally {
  rmSync(out, { recursive: true, force: true })
}
process.exitCode = failures === 0 ? 0 : 1
