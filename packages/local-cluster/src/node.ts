import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client, type QueryResult, type QueryResultRow } from 'pg'
import type { Binaries } from './binaries.ts'
import type { ChaosProxy } from './chaos-proxy.ts'
import { LocalClusterError } from './errors.ts'
import { Postmaster } from './postmaster.ts'
import { toConf, type Settings } from './settings.ts'
import { cloneData, dropSlots, reserveSlot, signalStandby, upstreamSettings } from './standby.ts'
import { waitFor, type WaitOptions } from './wait.ts'

// What a server says that cannot simply follow a new primary: its own WAL went on after the point where the
// new timeline begins, or the WAL it needs is gone.
const divergence =
  /forked off current database system timeline|is not a child of|is not in this server's history|has already been removed|is ahead of the WAL flush position|is behind recovery timeline/

const rejoinTimeoutMs = 10_000

let promotions = 0

/** How a node came to follow a primary again: with its own data, or with a fresh copy of the primary's. */
export type Rejoined = 'followed' | 'cloned'

/** One PostgreSQL server: a primary, or a streaming replica of one. */
export class PgNode {
  /** As at the start of the cluster (`s0p`, `s0r1`): the name stays when the role changes. */
  readonly name: string
  /** The data folder. */
  readonly dir: string
  /** Stands before this node when the cluster was started with `proxied`; `url` then leads through it. */
  proxy: ChaosProxy | undefined
  readonly #postmaster: Postmaster
  #upstream: PgNode | undefined
  #promotion = 0

  constructor(name: string, dir: string, binaries: Binaries) {
    this.name = name
    this.dir = dir
    this.#postmaster = new Postmaster(binaries, dir)
  }

  /** Where clients connect: the superuser `postgres`, no password, database `postgres`. */
  get url(): string {
    return this.proxy?.url ?? this.directUrl
  }

  /** The server itself, even if a proxy stands before it. */
  get directUrl(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`
  }

  /** The server's own port; it stays the same over restarts. */
  get port(): number {
    return this.#postmaster.port
  }

  /** @throws LocalClusterError NOT_RUNNING */
  get pid(): number {
    return this.#postmaster.pid
  }

  get isRunning(): boolean {
    return this.#postmaster.isRunning
  }

  get log(): string {
    return this.#postmaster.log
  }

  /** The primary that this node follows; undefined when it is a primary itself. */
  get upstream(): PgNode | undefined {
    return this.#upstream
  }

  /** Grows with every promotion in this process; 0 for a node that was never promoted. */
  get promotion(): number {
    return this.#promotion
  }

  /** Runs SQL on this node over a connection of its own, past any proxy, and returns the rows (of the last statement). */
  async sql<Row extends QueryResultRow = QueryResultRow>(
    text: string,
    values?: readonly unknown[],
  ): Promise<Row[]> {
    const client = new Client(this.directUrl)
    client.on('error', () => undefined) // a killed server ends the connection besides failing the query
    await client.connect()
    try {
      const result: QueryResult<Row> | QueryResult<Row>[] = await client.query<Row>(text, values?.slice())
      return (Array.isArray(result) ? result.at(-1) : result)?.rows ?? []
    } finally {
      await client.end().catch(() => undefined)
    }
  }

  /** Starts the server, or does nothing when it runs. Resolves when it accepts connections. */
  async start(): Promise<this> {
    await this.#postmaster.start()
    return this
  }

  /** Clean and fast shutdown (SIGINT): open transactions are rolled back, WAL is sent to the replicas. */
  async stop(): Promise<void> {
    await this.#postmaster.end('SIGINT')
  }

  /** Crash: SIGKILL for the postmaster and all its children, or SIGQUIT, PostgreSQL's own immediate shutdown. */
  async kill(signal: 'SIGKILL' | 'SIGQUIT' = 'SIGKILL'): Promise<void> {
    await this.#postmaster.end(signal)
  }

  /** SIGSTOP for the postmaster and all its children: a server that is there and silent. */
  pause(): void {
    this.#postmaster.freeze()
  }

  /** Ends `pause`. */
  continue(): void {
    this.#postmaster.thaw()
  }

  /** Adds lines to postgresql.conf; a running server reads them at once (some need a restart, as PostgreSQL says). */
  async configure(settings: Settings): Promise<void> {
    const loaded = () =>
      this.sql<{ at: string }>('select pg_conf_load_time()::text as at').then(([row]) => row?.at)
    const before = this.isRunning ? await loaded() : undefined
    appendFileSync(join(this.dir, 'postgresql.conf'), toConf(settings))
    if (before === undefined) return
    await this.sql('select pg_reload_conf()')
    await waitFor(`${this.name} to read its settings`, async () => (await loaded()) !== before)
  }

  /** The replica receives WAL and stops applying it. Resolves when replay has come to its halt. */
  async pauseReplay(): Promise<void> {
    this.#requireUpstream()
    await this.sql('select pg_wal_replay_pause()')
    await waitFor(`${this.name} to pause replay`, async () => {
      const [row] = await this.sql<{ state: string }>('select pg_get_wal_replay_pause_state() as state')
      return row?.state === 'paused'
    })
  }

  async resumeReplay(): Promise<void> {
    this.#requireUpstream()
    await this.sql('select pg_wal_replay_resume()')
  }

  /** The replica applies every commit this many milliseconds late; 0 is the default. */
  async setReplayDelayMs(delayMs: number): Promise<void> {
    await this.configure({ recovery_min_apply_delay: `${delayMs}ms` })
  }

  /**
   * Resolves when this replica has replayed everything its primary had written at the call.
   * @throws LocalClusterError TIMEOUT, NOT_A_REPLICA
   */
  async waitForReplay(options?: WaitOptions): Promise<void> {
    const upstream = this.#requireUpstream()
    const [target] = await upstream.sql<{ lsn: string }>('select pg_current_wal_lsn()::text as lsn')
    await waitFor(
      `${this.name} to replay what ${upstream.name} has written`,
      async () => {
        const [row] = await this.sql<{ done: boolean }>(
          'select pg_last_wal_replay_lsn() >= $1::pg_lsn as done',
          [target?.lsn],
        )
        return row?.done
      },
      options,
    )
  }

  /** The replica becomes a primary on a timeline of its own. Resolves when it accepts writes; nobody else is told. */
  async promote(): Promise<void> {
    this.#requireUpstream()
    await this.sql('select pg_promote(true, 60)')
    await waitFor(`${this.name} to leave recovery`, async () => {
      const [row] = await this.sql<{ standby: boolean }>('select pg_is_in_recovery() as standby')
      return row?.standby === false
    })
    this.#upstream = undefined
    this.#promotion = promotions += 1
  }

  /** Before the first start: this node's data is the same image as the primary's, so streaming from the first byte is enough. */
  async followFromImage(primary: PgNode): Promise<void> {
    await this.#becomeStandby(primary)
    await this.start()
  }

  /**
   * Makes this node (a former primary, or a replica of one) a replica of `primary`. It keeps its data when they are
   * a beginning of the primary's history, and is cloned again when they are not.
   */
  async rejoin(primary: PgNode): Promise<Rejoined> {
    await this.stop()
    const logged = this.log.length
    dropSlots(this.dir)
    await this.#becomeStandby(primary)
    try {
      await this.start()
      const outcome = await waitFor(
        `${this.name} to follow ${primary.name}`,
        async () => {
          if (divergence.test(this.log.slice(logged))) return 'diverged'
          return (await this.isStreaming()) ? 'streaming' : undefined
        },
        { timeoutMs: rejoinTimeoutMs },
      )
      if (outcome === 'streaming') return 'followed'
    } catch (error) {
      // a server whose history diverged may end at start, or retry for ever
      if (!(error instanceof LocalClusterError)) throw error
    }
    await this.cloneFrom(primary)
    return 'cloned'
  }

  /** Replaces this node's data with a copy of the running primary's, and follows it. */
  async cloneFrom(primary: PgNode): Promise<void> {
    await this.kill('SIGQUIT')
    await cloneData(primary, this.dir, this.name)
    await this.#becomeStandby(primary)
    await this.start()
    await waitFor(`${this.name} to stream from ${primary.name}`, () => this.isStreaming())
  }

  /**
   * Whether this replica receives its primary's WAL on the primary's own timeline. "Streaming" alone proves nothing: a server
   * whose history diverged streams the common part from the start of a segment before it finds out.
   */
  async isStreaming(): Promise<boolean> {
    const [primary] = await this.#requireUpstream().sql<{ timeline: string }>(
      'select left(pg_walfile_name(pg_current_wal_lsn()), 8) as timeline',
    )
    const rows = await this.sql(
      "select from pg_stat_wal_receiver where status = 'streaming' and lpad(upper(to_hex(received_tli)), 8, '0') = $1",
      [primary?.timeline],
    )
    return rows.length > 0
  }

  async #becomeStandby(primary: PgNode): Promise<void> {
    await reserveSlot(primary, this.name)
    await this.configure(upstreamSettings(primary, this.name))
    signalStandby(this.dir)
    this.#upstream = primary
  }

  #requireUpstream(): PgNode {
    if (this.#upstream === undefined) {
      throw new LocalClusterError('NOT_A_REPLICA', `${this.name} is a primary: it follows nobody.`)
    }
    return this.#upstream
  }
}
