import { connect } from 'node:net'
import { join } from 'node:path'
import { unpackDebianProgram } from './debian-program.ts'
import { LocalClusterError } from './errors.ts'
import { findOnPath } from './find-on-path.ts'
import { startListening } from './listening-program.ts'
import { createScratchDir } from './scratch-dir.ts'

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

const debian = {
  name: 'redis',
  packages: ['redis-server', 'redis-tools'],
  libraries: /^(libatomic1|libhiredis|libjemalloc2|liblua5\.1-0|liblzf1|lua-cjson|lua-bitop|libssl3)/,
  path: 'usr/bin/redis-server',
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
  const unpacked = await unpackDebianProgram(debian)
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
  const dir = scratch.path
  try {
    const { port } = await startListening({
      ...source,
      name: 'Redis',
      dir,
      prepare: (at) => {
        const nothingKept = ['--save', '', '--appendonly', 'no']
        const own = ['--dir', dir, '--pidfile', join(dir, 'redis.pid')]
        return ['--port', `${at}`, '--bind', '127.0.0.1', ...nothingKept, ...own]
      },
      isReady: answersPing,
    })
    return { url: `redis://127.0.0.1:${port}`, stop: () => scratch.remove() }
  } catch (error) {
    await scratch.remove()
    throw error
  }
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
