import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import { unpackDebianRedis } from './debian-redis.ts'
import { LocalClusterError } from './errors.ts'
import { freePort } from './ports.ts'
import { createScratchDir } from './scratch-dir.ts'
import { waitFor } from './wait.ts'

/** Either a server that somebody else runs, or a program that can be started. */
export type RedisSource =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'program'; readonly path: string; readonly env: Readonly<Record<string, string>> }

export interface Redis {
  readonly url: string
  /** Ends the server if it is ours; a server of `REDIS_URL` is left alone. */
  stop(): Promise<void>
}

const hint =
  'Set REDIS_URL, or install it: "apt-get install redis-server" (Debian, Ubuntu), "brew install redis" (macOS).'
const portAttempts = 8

function findOnPath(names: readonly string[]): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path))
}

/**
 * Looks for a Redis to test with: `REDIS_URL`, then redis-server or valkey-server on the PATH, then Debian's
 * packages unpacked into node_modules/.cache (Linux with apt-get; no root, no system service, 5 s the first time).
 *
 * Where there is none, tests must not pass in silence: in CI (`CI` is set) this throws; elsewhere it says so
 * on stderr and returns undefined, for `describe.skipIf`.
 * @throws LocalClusterError REDIS_MISSING
 */
export async function findRedis(): Promise<RedisSource | undefined> {
  const url = process.env.REDIS_URL
  if (url) return { kind: 'url', url }
  const path = findOnPath(['redis-server', 'valkey-server'])
  if (path !== undefined) return { kind: 'program', path, env: {} }
  const unpacked = await unpackDebianRedis()
  if ('path' in unpacked) return { kind: 'program', ...unpacked }
  const message = `There is no Redis to test with (${unpacked.reason}). ${hint}`
  if (process.env.CI) throw new LocalClusterError('REDIS_MISSING', message)
  process.stderr.write(`\n  SKIPPED: ${message}\n\n`)
  return undefined
}

/** A real Redis on a port of its own that keeps nothing on disk and ends with this process; undefined as in `findRedis`. */
export async function startRedis(): Promise<Redis | undefined> {
  const source = await findRedis()
  if (source === undefined) return undefined
  if (source.kind === 'url') return { url: source.url, stop: async () => undefined }
  const scratch = createScratchDir()
  try {
    for (let attempt = 1; ; attempt += 1) {
      const port = await freePort()
      const output = await tryStart(source, port, scratch.path)
      if (output === undefined) return { url: `redis://127.0.0.1:${port}`, stop: () => scratch.remove() }
      if (!output.includes('in use') || attempt === portAttempts) {
        throw new LocalClusterError('START_FAILED', `${source.path} did not start:\n${output.slice(-2000)}`)
      }
    }
  } catch (error) {
    await scratch.remove()
    throw error
  }
}

/** Resolves to undefined when the server answers, and to what it printed when it ended instead. */
async function tryStart(
  { path, env }: RedisSource & { kind: 'program' },
  port: number,
  dir: string,
): Promise<string | undefined> {
  const flags = [
    '--port',
    `${port}`,
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    dir,
    '--pidfile',
    join(dir, 'redis.pid'),
  ]
  const server = spawn(path, flags, {
    cwd: dir, // where the reaper finds it
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  let hasEnded = false
  for (const stream of [server.stdout, server.stderr])
    stream.on('data', (text: Buffer) => (output += text.toString()))
  server.once('close', () => (hasEnded = true)).once('error', (error) => (output += error.message))
  await waitFor('Redis to answer', async () => hasEnded || (await answersPing(port)))
  if (hasEnded) return output
  server.stdout.destroy()
  server.stderr.destroy()
  server.unref()
  return undefined
}

function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
    socket.once('data', (reply) => {
      socket.destroy()
      resolve(reply.toString().startsWith('+PONG'))
    })
    socket.once('error', () => resolve(false)).once('close', () => resolve(false))
  })
}
