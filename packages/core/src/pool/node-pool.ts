import { EventEmitter } from 'node:events'
import { assertPgInternals, knowsPipelining, takeQueryTimeout } from './client-internals.ts'
import { Connection } from './connection.ts'
import { IdleReaper } from './idle-reaper.ts'
import { Lanes } from './lanes.ts'
import { NodeLoad } from '../topology/node-load.ts'
import { markNeverSent } from './never-sent.ts'
import { resolveNodePoolOptions } from './node-pool-options.ts'
import { openConnection } from './open-connection.ts'
import { createPoolCounters } from './pool-counters.ts'
import { poolEnded, poolOverloaded, poolTimeout } from './pool-errors.ts'
import { Waiters } from './waiters.ts'
import type pg from 'pg'
import type { LeaseOptions, NodeAddress, NodePoolConfig, NodePoolEvents } from './node-pool-config.ts'
import type { ResolvedNodePoolOptions } from './node-pool-options.ts'
import type { Opening, ServerRole } from './open-connection.ts'
import type { PoolCounters } from './pool-counters.ts'
import type { LaneHost } from './lanes.ts'
import type { SharedStatement } from './lane.ts'
import type { Waiter } from './waiters.ts'
import type { StatementDone } from './wire-statement.ts'
import type { WireQuery } from './wire-query.ts'
import type { NodeDescription } from '../topology/topology.ts'

export type { PgModule } from './pg-module.ts'

/** How long an orderly goodbye may take before the socket is destroyed. */
const closeTimeoutMs = 1_000

/** The connections to one node. */
export class NodePool extends EventEmitter<NodePoolEvents> {
  readonly node: NodeDescription
  readonly load: NodeLoad
  readonly options: ResolvedNodePoolOptions
  /** Where it connects to, as configured or defaulted by `pg`. */
  readonly address: NodeAddress
  readonly counters: PoolCounters = createPoolCounters()

  readonly #config: NodePoolConfig
  readonly #connections = new Set<Connection>()
  readonly #openings = new Set<Opening>()
  /** A stack: the connection used last is the warmest, and the others can grow old. */
  readonly #idle: Connection[] = []
  readonly #waiters = new Waiters((waiter) => {
    this.counters.timedOut++
    waiter.fail(poolTimeout(this.node, this.#counts()))
  })
  readonly #lanes: Lanes
  /** Whether reads may share connections; known to be wrong once a pooler shows itself. */
  #isSharing: boolean
  #role: ServerRole | undefined
  readonly #reaper: IdleReaper
  #closing = 0
  /** Callers waiting with `isAwaitedByHolders`. */
  #awaitedByHolders = 0
  #ended: Promise<void> | undefined
  #onEmpty: (() => void) | undefined

  /**
   * Throws DEPENDENCY_UNSUPPORTED when this copy of `pg` cannot be used, and what `pg` throws for a client
   * configuration that it cannot read. Opens nothing yet.
   */
  constructor(config: NodePoolConfig) {
    super()
    assertPgInternals(config.pg)
    this.#config = config
    this.node = config.node
    this.load = config.load ?? new NodeLoad()
    this.options = resolveNodePoolOptions(config.options ?? {})
    const client = new config.pg.Client(config.clientConfig)
    const { host, port, database } = client
    this.address = { host, port, database }
    // With a deadline for everything, everything needs a connection that may be cancelled and destroyed.
    this.#isSharing =
      this.options.sharedDepth > 1 && knowsPipelining(client) && takeQueryTimeout(client) === undefined
    this.#reaper = new IdleReaper(this.options, this.#idle, {
      total: () => this.#connections.size,
      isExpired: (connection) => this.#isExpired(connection),
      remove: (connection) => this.#remove(connection),
    })
    this.#lanes = new Lanes(this.#laneHost(), {
      depth: this.options.sharedDepth,
      max: this.options.max,
    })
  }

  /** What its connections are opened with; holds the password. */
  get clientConfig(): Readonly<pg.ClientConfig> {
    return this.#config.clientConfig
  }

  /** Connections that are open or being opened. */
  get totalCount(): number {
    return this.#connections.size + this.#openings.size
  }

  get idleCount(): number {
    return this.#idle.length
  }

  get waitingCount(): number {
    return this.#waiters.size + this.#lanes.waitingCount
  }

  /** Statements sent and not yet answered. */
  get inFlight(): number {
    return this.load.inFlight
  }

  /** Of the statements in flight, those on connections that may be shared. */
  get sharedInFlight(): number {
    return this.#lanes.inFlight
  }

  get isEnded(): boolean {
    return this.#ended !== undefined
  }

  /** What the server last said it is; undefined before the first connection. */
  get observedRole(): ServerRole | undefined {
    return this.#role
  }

  /** An idle connection, at once, or none: the way that costs no promise. */
  tryLease(): Connection | undefined {
    for (;;) {
      const connection = this.#idle.pop()
      if (connection === undefined) return undefined
      if (connection.isReusable && !this.#isExpired(connection)) {
        this.#hand(connection)
        return connection
      }
      this.#remove(connection)
    }
  }

  /**
   * A connection for one caller alone, to be given back with `release`.
   *
   * Rejects with POOL_TIMEOUT, POOL_OVERLOADED, POOL_ENDED, CONNECT_TIMEOUT, NODE_UNREACHABLE, NODE_ROLE_MISMATCH, PostgreSQL's own
   * error when it refused the connection, or the signal's reason; `wasNeverSent` is true for all of them.
   */
  lease(options: LeaseOptions = {}): Promise<Connection> {
    return new Promise((resolve, reject) => this.leaseThen(options, resolve, reject))
  }

  /**
   * As `lease`, without a promise: one of the functions is called, at once when a connection is idle. The connection that
   * somebody gives back then has its next statement before anything else is done.
   */
  leaseThen(
    options: LeaseOptions,
    serve: (connection: Connection) => void,
    fail: (error: unknown) => void,
  ): void {
    const { signal } = options
    const idle = this.#ended === undefined && signal?.aborted !== true ? this.tryLease() : undefined
    if (idle !== undefined) serve(idle)
    else if (this.#ended !== undefined) fail(poolEnded(this.node))
    else if (signal?.aborted === true) fail(markNeverSent(signal.reason))
    else this.#wait(options, serve, fail)
  }

  /**
   * Gives a connection back. With an `error`, or when its state is not that of a fresh one (broken, cancelled, inside
   * a transaction), it is closed instead of being handed to the next caller.
   */
  release(connection: Connection, error?: unknown): void {
    if (connection.place !== 'leased') {
      throw new Error('Release called on client which has already been released to the pool.')
    }
    connection.uses++
    this.emit('release', error, connection)
    const isWorn = connection.uses >= this.options.maxUses || this.#isExpired(connection)
    const isSurplus = this.totalCount > this.options.max && this.#awaitedByHolders === 0
    if (error || isWorn || isSurplus || this.#ended !== undefined || !connection.isReusable) {
      this.#remove(connection)
      return
    }
    const waiter = this.#waiters.shift()
    if (waiter === undefined) {
      this.#rest(connection)
      return
    }
    this.#hand(connection)
    waiter.serve(connection)
    this.#lanes.balance()
  }

  /** Runs one statement outside any transaction; a read may share its connection with others (decision 0010). */
  execute(query: WireQuery): Promise<pg.QueryResult> {
    return new Promise((resolve, reject) => {
      this.run(query, (error, result) => {
        if (result === undefined) reject(error)
        else resolve(result)
      })
    })
  }

  /** As `execute`, without a promise: `done` is called once. */
  run(query: WireQuery, done: StatementDone): void {
    if (this.#isSharing && this.#ended === undefined && isShareable(query)) this.#lanes.run(query, done)
    else this.#runAlone(query, done)
  }

  /** As `execute`, for statements that holders of connections wait for: it never waits for one of theirs. */
  async executeForHolders(query: WireQuery): Promise<pg.QueryResult> {
    const connection =
      this.tryLease() ?? (await this.lease({ signal: query.signal, isAwaitedByHolders: true }))
    try {
      return await connection.query(query)
    } finally {
      this.release(connection)
    }
  }

  #runAlone(query: WireQuery, done: StatementDone): void {
    const connection = this.tryLease()
    if (connection !== undefined) this.#runOn(connection, query, done)
    else if (this.#ended !== undefined) done(poolEnded(this.node), undefined)
    else if (query.signal?.aborted === true) done(markNeverSent(query.signal.reason), undefined)
    else {
      this.#wait(
        { signal: query.signal },
        (leased) => this.#runOn(leased, query, done),
        (error) => done(error, undefined),
      )
    }
  }

  #laneHost(): LaneHost {
    return {
      counters: this.counters,
      tryLease: () => this.tryLease(),
      mayOpen: () => this.totalCount < this.options.max,
      waitShared: (statement, fail) =>
        this.#wait({}, (leased) => this.#lanes.open(leased, statement), fail, statement),
      nextShared: () => this.#waiters.shiftShared()?.shared,
      ownWaiting: () => this.#waiters.ownSize,
      refuseSurplus: () => this.#refuseSurplus(),
      release: (connection) => this.release(connection),
      runAlone: (query, done) => this.#runAlone(query, done),
      isWorn: (connection) => connection.uses + 1 >= this.options.maxUses || this.#isExpired(connection),
    }
  }

  /**
   * Asks the server again which role it has (after 25006, say). When it is not the described one, the connections are
   * given up and new ones are refused with NODE_ROLE_MISMATCH. Rejects as `lease` and `Connection.query` do.
   */
  async askRole(options: { readonly timeoutMs?: number } = {}): Promise<ServerRole> {
    const result = await this.execute({
      text: 'select pg_catalog.pg_is_in_recovery()::text',
      rowMode: 'array',
      timeoutMs: options.timeoutMs,
    })
    const [isInRecovery] = (result.rows as unknown as string[][])[0] ?? []
    const role: ServerRole = isInRecovery === 'true' ? 'replica' : 'primary'
    this.#observeRole(role)
    return role
  }

  /**
   * Refuses new leases and those waiting callers that no connection is being opened for, waits for the leased
   * connections to come back, and closes everything. Calling it again returns the same promise.
   */
  end(): Promise<void> {
    this.#ended ??= this.#end()
    return this.#ended
  }

  #end(): Promise<void> {
    this.#reaper.stop()
    const emptied = new Promise<void>((resolve) => {
      this.#onEmpty = resolve
    })
    this.#refuseWaiting(poolEnded(this.node), this.#openings.size)
    const giveUp = (): void => {
      this.#refuseWaiting(poolEnded(this.node), 0)
      this.#waiters.stop()
      for (const opening of this.#openings) opening.abandon()
    }
    // As with `pg`, a query that was given before the end still gets its connection, if that comes soon.
    if (this.#waiters.size === 0) giveUp()
    else setTimeout(giveUp, closeTimeoutMs).unref()
    // `#remove` counts on `#ended`, which is set when this returns.
    queueMicrotask(() => {
      this.#lanes.end()
      for (const connection of this.#idle.splice(0)) this.#remove(connection)
      this.#checkEmpty()
    })
    return emptied
  }

  #checkEmpty(): void {
    if (this.#connections.size + this.#openings.size + this.#closing === 0) this.#onEmpty?.()
  }

  #runOn(connection: Connection, query: WireQuery, done: StatementDone): void {
    if (this.#isSharing && query.mayShare === true) {
      this.#lanes.runOn(connection, query, done)
      return
    }
    connection.run(query, (error, result) => {
      this.release(connection)
      done(error, result)
    })
  }

  #wait(
    options: LeaseOptions,
    serve: (connection: Connection) => void,
    fail: (error: unknown) => void,
    shared?: SharedStatement,
  ): void {
    const { signal } = options
    const refusal = options.isAwaitedByHolders === true ? undefined : this.#refuseSurplus()
    if (refusal !== undefined) {
      fail(refusal)
      return
    }
    const waitMs = options.deadlineMs ?? this.options.acquireTimeoutMs
    const expiresAt = waitMs > 0 ? performance.now() + waitMs : Number.POSITIVE_INFINITY
    this.counters.waited++
    const plain: Waiter =
      options.isAwaitedByHolders === true
        ? this.#counted({ serve, fail, expiresAt })
        : { serve, fail, expiresAt, shared }
    const waiter = signal === undefined ? plain : this.#abortable(signal, plain)
    if (options.isAwaitedByHolders === true) this.#waiters.addFirst(waiter)
    else this.#waiters.add(waiter)
    this.#grow()
    if (shared === undefined) this.#lanes.balance()
  }

  /** The error for a caller more than may wait; undefined while there is room. */
  #refuseSurplus(): unknown {
    const { maxWaiting, max } = this.options
    if (this.waitingCount < maxWaiting) return undefined
    this.counters.overloaded++
    return poolOverloaded(this.node, { maxWaiting, max, total: this.totalCount })
  }

  /** Whatever becomes of the caller, exactly one of its functions is called, once. */
  #counted({ serve, fail, expiresAt }: Waiter): Waiter {
    this.#awaitedByHolders++
    return {
      expiresAt,
      serve: (connection) => {
        this.#awaitedByHolders--
        serve(connection)
      },
      fail: (error) => {
        this.#awaitedByHolders--
        fail(error)
      },
    }
  }

  #abortable(signal: AbortSignal, { serve, fail, expiresAt }: Waiter): Waiter {
    const abort = (): void => {
      if (this.#waiters.remove(waiter)) fail(markNeverSent(signal.reason))
    }
    const waiter: Waiter = {
      expiresAt,
      serve: (connection) => {
        signal.removeEventListener('abort', abort)
        serve(connection)
      },
      fail: (error) => {
        signal.removeEventListener('abort', abort)
        fail(error)
      },
    }
    signal.addEventListener('abort', abort, { once: true })
    return waiter
  }

  #counts(): { acquireTimeoutMs: number; max: number; total: number; waiting: number } {
    const { acquireTimeoutMs, max } = this.options
    return { acquireTimeoutMs, max, total: this.totalCount, waiting: this.#waiters.size + 1 }
  }

  #isExpired(connection: Connection): boolean {
    const { maxLifetimeMs } = this.options
    return maxLifetimeMs > 0 && performance.now() - connection.openedAt >= maxLifetimeMs
  }

  #hand(connection: Connection): void {
    connection.place = 'leased'
    this.counters.leased++
    if (this.options.allowExitOnIdle) connection.setRef(true)
    this.emit('acquire', connection)
  }

  #rest(connection: Connection): void {
    connection.place = 'idle'
    connection.idleSince = performance.now()
    this.#idle.push(connection)
    if (this.options.allowExitOnIdle) connection.setRef(false)
    this.#reaper.watch()
  }

  /** Opens connections for the callers that none of the attempts under way is for. */
  #grow(): void {
    const max = this.options.max + (this.#awaitedByHolders > 0 ? 1 : 0)
    while (this.#ended === undefined && this.#openings.size < this.#waiters.size && this.totalCount < max) {
      this.#open()
    }
  }

  /** Those who have waited longest may go on waiting. */
  #refuseWaiting(error: unknown, remaining: number): void {
    const kept = Array.from({ length: Math.min(remaining, this.#waiters.size) }, () => this.#waiters.shift())
    for (let waiter = this.#waiters.shift(); waiter !== undefined; waiter = this.#waiters.shift())
      waiter.fail(error)
    for (const waiter of kept) if (waiter !== undefined) this.#waiters.add(waiter)
  }

  #open(): void {
    const { pg, clientConfig: config, onConnect } = this.#config
    let opening: Opening
    try {
      opening = openConnection({
        pg,
        node: this.node,
        config,
        timeoutMs: this.options.connectTimeoutMs,
        mustAskRole: this.#role !== this.node.role,
        mustProveDirect: this.#isSharing && !this.options.sharesBehindPooler,
        onRole: (role) => this.#observeRole(role),
        onConnect,
      })
    } catch (error) {
      // A client configuration that `pg` cannot even read.
      this.#fail(markNeverSent(error))
      return
    }
    this.#openings.add(opening)
    opening.opened.then(
      () => {
        this.#openings.delete(opening)
        this.#admit(opening)
      },
      (error: unknown) => {
        this.#openings.delete(opening)
        this.#fail(error)
      },
    )
  }

  #admit({ client, isDirect }: Opening): void {
    const { pg, clientConfig: config } = this.#config
    const { load, counters, node } = this
    const connection = new Connection(
      client,
      { pg, node, config, load, counters, maxPrepared: this.options.prepare ? this.options.maxPrepared : 0 },
      (error, broken) => this.#lose(broken, error),
    )
    connection.mayBeShared = isDirect
    // One address is one kind of server; should it ever change, each connection still knows for itself.
    if (!isDirect) this.#isSharing = false
    this.counters.opened++
    this.#connections.add(connection)
    const waiter = this.#waiters.shift()
    if (this.#ended !== undefined && waiter === undefined) {
      this.#remove(connection)
      return
    }
    this.emit('connect', connection)
    if (waiter === undefined) {
      this.#rest(connection)
      return
    }
    this.#hand(connection)
    waiter.serve(connection)
  }

  /**
   * A failed attempt fails the caller that has waited longest. While no connection lives, it fails all those that the
   * remaining attempts are not for: nothing would ever come free for them.
   */
  #fail(error: unknown): void {
    this.counters.failed++
    this.emit('failed', error)
    const mayRemain =
      this.#connections.size > 0
        ? this.#waiters.size - 1
        : Math.min(this.#openings.size, this.#waiters.size - 1)
    while (this.#waiters.size > Math.max(mayRemain, 0)) this.#waiters.shift()?.fail(error)
    this.#grow()
    this.#checkEmpty()
  }

  #lose(connection: Connection, error: Error): void {
    if (connection.place === 'removed') return
    this.counters.broken++
    this.emit('broken', error)
    // Whoever has it leased finds out by its statement, and gives it back.
    if (connection.place === 'leased') return
    const index = this.#idle.indexOf(connection)
    if (index >= 0) this.#idle.splice(index, 1)
    this.#remove(connection)
    if (this.listenerCount('error') > 0) this.emit('error', error, connection)
  }

  #remove(connection: Connection): void {
    connection.place = 'removed'
    this.#connections.delete(connection)
    this.counters.closed++
    this.#closing++
    void connection.close(closeTimeoutMs).finally(() => {
      this.#closing--
      this.emit('remove', connection)
      this.#checkEmpty()
    })
    this.#grow()
  }

  #observeRole(role: ServerRole): void {
    if (this.#role === role) return
    this.#role = role
    if (role === this.node.role) return
    // What these connections answer is no longer what a node of this role would say.
    for (const connection of this.#connections) connection.retire()
    for (const connection of this.#idle.splice(0)) this.#remove(connection)
    this.emit('role', role)
  }
}

/** Cancelling one of several statements on a connection would hit another one; a name is the application's own affair. */
function isShareable({ mayShare, signal, timeoutMs, name, preface }: WireQuery): boolean {
  return (
    mayShare === true &&
    signal === undefined &&
    timeoutMs === undefined &&
    name === undefined &&
    preface === undefined
  )
}
