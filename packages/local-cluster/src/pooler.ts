import { readFileSync } from 'node:fs'
import pg from 'pg'
import { unpackDebianProgram, type DebianProgram } from './debian-program.ts'
import { LocalClusterError } from './errors.ts'
import { findOnPath } from './find-on-path.ts'
import { startListening } from './listening-program.ts'
import { childrenOf } from './processes.ts'
import { createScratchDir } from './scratch-dir.ts'
import type { Settings } from './settings.ts'

/** A pooler before servers of a cluster, for as long as this process lives. */
export interface Pooler {
  readonly url: string
  readonly pid: number
  /** CPU that its processes have used so far, user and system, milliseconds (Linux). */
  cpuMs(): number
  /** Ends it. The servers behind it stay. */
  stop(): Promise<void>
}

export interface PoolerProgram extends DebianProgram {
  /** For messages. */
  readonly title: string
  /** Writes the configuration into `dir` and returns the arguments that lead to it. */
  configure(dir: string, port: number): readonly string[]
  /** The user and database of its URL, as in the servers'. */
  readonly target: URL
}

/**
 * Starts the program of the PATH, or Debian's, unpacked into node_modules/.cache. Where there is none, this throws
 * in CI (`CI` is set), and elsewhere says so on stderr and returns undefined.
 * @throws LocalClusterError POOLER_MISSING, START_FAILED
 */
export async function startPooler(program: PoolerProgram): Promise<Pooler | undefined> {
  const found = await findProgram(program)
  if (found === undefined) return undefined
  const scratch = createScratchDir()
  const dir = scratch.path
  const urlAt = (port: number): string => {
    const url = new URL(program.target)
    url.host = `127.0.0.1:${port}`
    return url.href
  }
  try {
    const { port, pid } = await startListening({
      ...found,
      name: program.title,
      dir,
      prepare: (at) => program.configure(dir, at),
      isReady: (at) => answers(urlAt(at)),
    })
    return { url: urlAt(port), pid, cpuMs: () => cpuOf(pid), stop: () => scratch.remove() }
  } catch (error) {
    await scratch.remove()
    throw error
  }
}

async function findProgram(
  program: PoolerProgram,
): Promise<{ readonly path: string; readonly env: Readonly<Record<string, string>> } | undefined> {
  // Debian puts servers where only root's PATH leads.
  const path = findOnPath([program.name], ['/usr/sbin', '/usr/local/sbin'])
  if (path !== undefined) return { path, env: {} }
  const unpacked = await unpackDebianProgram(program)
  if ('path' in unpacked) return unpacked
  const message = `There is no ${program.title} (${unpacked.reason}). Install it: "apt-get install ${program.packages[0]}" (Debian, Ubuntu).`
  if (process.env.CI) throw new LocalClusterError('POOLER_MISSING', message)
  process.stderr.write(`\n  SKIPPED: ${message}\n\n`)
  return undefined
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('select 1')
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Of a process and its children, in the nanoseconds of the scheduler: the ticks of `stat` round each of many children down. */
function cpuOf(pid: number): number {
  const nanos = [pid, ...childrenOf(pid)].map((each) => {
    try {
      return Number(readFileSync(`/proc/${each}/schedstat`, 'utf8').split(' ')[0])
    } catch {
      return 0 // it has just ended
    }
  })
  return nanos.reduce((sum, each) => sum + each, 0) / 1e6
}

/** `name = value` lines, as both poolers read them. */
export function toLines(settings: Settings, quote = ''): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${quote}${value}${quote}\n`)
    .join('')
}
