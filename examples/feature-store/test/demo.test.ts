import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { waitFor } from '@shardline/local-cluster'
import { describe, expect, test } from 'vitest'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

interface Until {
  readonly text: string
  readonly signal: NodeJS.Signals
}

/** Starts the demo and, when it has printed `until`, sends the signal. */
async function runDemo(until?: Until, command: readonly [string, ...string[]] = [process.execPath, main]) {
  const [program, ...argv] = command
  const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'pipe'] })
  let pid = child.pid ?? 0
  let printed = ''
  let complaints = ''
  let isSignalled = false
  child.stderr.on('data', (chunk) => (complaints += String(chunk)))
  child.stdout.on('data', (chunk) => {
    printed += String(chunk)
    if (until === undefined || isSignalled || !printed.includes(until.text)) return
    isSignalled = true
    if (program !== process.execPath) pid = childOf(pid)
    child.kill(until.signal)
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return { code, signal, printed, complaints, pid }
}

// A scratch folder bears the pid of its owner, and a postmaster names its folder.
const marks = (pid: number) => new RegExp(`shardline-\\d+-${pid}-`)
const serversOf = (pid: number) =>
  execFileSync('ps', ['-A', '-o', 'args='], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => marks(pid).test(line))
const foldersOf = (pid: number) =>
  ['/dev/shm', tmpdir()]
    .filter(existsSync)
    .flatMap((parent) => readdirSync(parent))
    .filter((name) => marks(pid).test(name))

const childOf = (pid: number) =>
  Number(execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' }))

const isAllGone = (pid: number) =>
  waitFor('servers and folders to go', () => serversOf(pid).length === 0 && foldersOf(pid).length === 0)

describe('the demo', () => {
  test('agrees with a single PostgreSQL in every statement, within a minute', async () => {
    const startedAt = performance.now()
    const { code, printed, complaints, pid } = await runDemo()
    expect({ code, complaints }).toEqual({ code: 0, complaints: '' })
    expect(performance.now() - startedAt).toBeLessThan(60_000)
    expect(printed.match(/equal to the single PostgreSQL/g)).toHaveLength(13)
    expect(printed.match(/refused, as it must be/g)).toHaveLength(2)
    for (const table of ['airports', 'flights', 'route_features', 'readings']) {
      expect(printed).toMatch(new RegExp(`= ${table} +[\\d,]+ rows, equal`))
    }
    expect(printed).toContain('17 results equal, 2 refused as they must be, 0 different')
    // the data is spread, and the reads with it
    expect(printed).toMatch(/flights .* s0 +[\d,]{4,} +s1 +[\d,]{4,}/)
    expect(printed).toMatch(/→ s[01]\/replica0$/m)
    expect(printed).toMatch(/→ s0\/\w+, s1\/\w+$/m)
    // off a terminal there is neither colour nor a line that moves
    expect(printed).not.toContain('\u001B')
    expect(printed).not.toContain('\r')
    expect(await isAllGone(pid)).toBe(true)
  })

  test.each([
    { signal: 'SIGINT', text: 'Data' },
    { signal: 'SIGINT', text: 'Totals' },
    { signal: 'SIGKILL', text: 'Servers' },
    { signal: 'SIGKILL', text: 'Totals' },
    { signal: 'SIGTERM', text: 'Data' },
  ] as const)('leaves nothing after $signal at "$text"', async (until) => {
    const { code, signal, printed, pid } = await runDemo(until)
    // Ctrl-C is answered; the others end the process at once
    expect([code, signal]).toEqual(until.signal === 'SIGINT' ? [130, null] : [null, until.signal])
    expect(printed).not.toContain('results equal')
    expect(await isAllGone(pid)).toBe(true)
  })

  test('leaves nothing when what started it is killed', async () => {
    const shell = ['/bin/sh', '-c', `"${process.execPath}" "${main}"; true`] as const
    const { printed, pid } = await runDemo({ text: 'Data', signal: 'SIGKILL' }, shell)
    expect(printed).not.toContain('results equal')
    expect(await isAllGone(pid)).toBe(true)
  })
})
