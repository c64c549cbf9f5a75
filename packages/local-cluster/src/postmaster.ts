import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { serverAccount } from './account.ts'
import type { Binaries } from './binaries.ts'
import { LocalClusterError } from './errors.ts'
import { freePort } from './ports.ts'
import { childrenOf, isAlive, signalAll } from './processes.ts'
import { waitFor } from './wait.ts'

const startTimeoutMs = 60_000
const portAttempts = 8

/** The server process of one node and its children: starting, signals, ending. It knows nothing of replication. */
export class Postmaster {
  readonly #binaries: Binaries
  readonly #dir: string
  readonly #choosePort: () => Promise<number>
  #child: ChildProcess | undefined
  #port: number | undefined

  constructor(binaries: Binaries, dir: string, choosePort = freePort) {
    this.#binaries = binaries
    this.#dir = dir
    this.#choosePort = choosePort
  }

  /** Chosen at the first start and kept from then on. */
  get port(): number {
    if (this.#port === undefined) throw this.#notRunning()
    return this.#port
  }

  get pid(): number {
    const pid = this.isRunning ? this.#child?.pid : undefined
    if (pid === undefined) throw this.#notRunning()
    return pid
  }

  get isRunning(): boolean {
    const child = this.#child
    return child !== undefined && child.exitCode === null && child.signalCode === null
  }

  /** What the server has logged since its folder was made. */
  get log(): string {
    try {
      return readFileSync(this.#logFile, 'utf8')
    } catch {
      return ''
    }
  }

  /** Starts the server and resolves when it accepts connections, as primary or as hot standby. */
  async start(): Promise<void> {
    if (this.isRunning) return
    const isFirst = this.#port === undefined
    for (let attempt = 1; ; attempt += 1) {
      if (isFirst) this.#port = await this.#choosePort()
      const logged = this.log.length
      if (await this.#tryStart()) return
      const lines = this.log.slice(logged).trim()
      const lostPort = lines.includes('could not bind') || lines.includes('Address already in use')
      if (!lostPort || attempt === portAttempts) {
        throw new LocalClusterError(
          'START_FAILED',
          `The server in ${this.#dir} did not start:\n${lines.slice(-2000)}`,
        )
      }
    }
  }

  async #tryStart(): Promise<boolean> {
    const pidFile = join(this.#dir, 'postmaster.pid')
    const log = openSync(this.#logFile, 'a')
    const child = spawn(join(this.#binaries.dir, 'postgres'), ['-D', this.#dir, '-p', String(this.port)], {
      ...serverAccount,
      cwd: this.#dir,
      env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' },
      stdio: ['ignore', log, log],
      detached: true, // a session of its own: Ctrl-C reaches only us, and we decide
    })
    closeSync(log)
    child.unref()
    child.once('error', () => undefined)
    this.#child = child
    const isReady = () => {
      try {
        const [pid, , , , , , , status] = readFileSync(pidFile, 'utf8').split('\n')
        return Number(pid) === child.pid && status?.startsWith('ready') === true
      } catch {
        return false
      }
    }
    const outcome = await waitFor(
      `the server in ${this.#dir} to start`,
      () => (isReady() ? 'ready' : !this.isRunning || child.pid === undefined ? 'ended' : undefined),
      { timeoutMs: startTimeoutMs },
    )
    return outcome === 'ready'
  }

  /** Sends a signal to the postmaster and resolves when it and all its children are gone. */
  async end(signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (!this.isRunning || child?.pid === undefined) return
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    child.ref()
    // stopped first, so that it starts no new child between the listing and the signal
    signalAll([child.pid], 'SIGSTOP')
    const children = childrenOf(child.pid)
    if (signal === 'SIGKILL') signalAll([child.pid, ...children], 'SIGKILL')
    else signalAll([child.pid], signal)
    signalAll([...children, child.pid], 'SIGCONT')
    await ended
    // a new server refuses to start while a child of the old one still holds its shared memory
    await waitFor(`the children of the server in ${this.#dir} to end`, () => !children.some(isAlive))
  }

  /** Freezes the postmaster and its children: connections stay open and nothing answers. */
  freeze(): void {
    const { pid } = this
    signalAll([pid], 'SIGSTOP')
    signalAll(childrenOf(pid), 'SIGSTOP')
  }

  thaw(): void {
    const { pid } = this
    signalAll([...childrenOf(pid), pid], 'SIGCONT')
  }

  get #logFile(): string {
    return join(this.#dir, 'log')
  }

  #notRunning(): LocalClusterError {
    return new LocalClusterError(
      'NOT_RUNNING',
      `The server in ${this.#dir} is not running. Start it with node.start().`,
    )
  }
}
