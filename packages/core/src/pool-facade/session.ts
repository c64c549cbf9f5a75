import type { ShardlineError } from '../errors.ts'
import { StatementError, TopologyError } from '../errors.ts'
import { layContext } from '../execution/contexts.ts'
import { isUnknownTable, planQuery, routeQuery, toRefusal } from '../execution/decide.ts'
import { execute, observeDirectly } from '../execution/execute.ts'
import { isOutcomeUnknown, judge } from '../execution/failure.ts'
import { commandResult } from '../execution/result.ts'
import { serverError } from '../execution/server-error.ts'
import { beginTag, refuseMeaningSettings, sessionCommand } from '../execution/session-command.ts'
import { openRowStream, streamOn } from '../execution/row-stream.ts'
import { noNode } from '../execution/single.ts'
import { observeStatement } from '../telemetry/statement-trace.ts'
import { abortedTransaction, PendingTransaction } from './pending-transaction.ts'
import type pg from 'pg'
import type { Engine } from '../execution/engine.ts'
import type { RowStream } from '../execution/row-stream.ts'
import type { Connection } from '../pool/connection.ts'
import type { NodePool } from '../pool/node-pool.ts'
import type { RouteContext } from '../routing/context.ts'
import type { Route, SingleRoute } from '../routing/route.ts'
import type { Pin, Statement, TransactionCommand } from '../statement/statement.ts'
import type { Answer, Complaint } from './pending-transaction.ts'
import type { Request } from './request.ts'

export type Done = (error: unknown, result: pg.QueryResult | undefined) => void

/** What a session tells the lease that shows it to the application. */
export interface SessionObserver {
  bound(connection: Connection): void
  unbound(connection: Connection): void
  noticed(notice: Complaint): void
  /** True when settings of a connection may be reset to those of its start: nobody set any when it was opened. */
  mayResetSettings(): boolean
}

/**
 * One caller's session over the cluster: which server it is bound to, and why it must stay there.
 *
 * Unbound, transaction commands and settings are kept (PendingTransaction) and go ahead of the first statement that
 * has a route. Bound inside a transaction or by a pin, only that server will do. Otherwise every statement goes where
 * its own route says, and a connection to a primary is kept at hand for the next one.
 *
 * Statements are handed over one at a time.
 */
export class Session {
  readonly #engine: Engine
  readonly #observer: SessionObserver
  readonly #pending = new PendingTransaction()
  readonly #pins = new Set<Pin>()
  #connection: Connection | undefined
  #pool: NodePool | undefined
  /** A refusal aborted the transaction, of which the server knows nothing. */
  #isRefused = false
  /** The open transaction has run something that may have written. */
  #hasWritten = false
  #changesCatalog = false
  /** The route of the statement that is on its way, for whoever observes it. */
  #routed: Route | undefined
  /** The connection died while it held a transaction or a pin. */
  #isLost = false

  constructor(engine: Engine, observer: SessionObserver) {
    this.#engine = engine
    this.#observer = observer
  }

  get connection(): Connection | undefined {
    return this.#connection
  }

  get transactionStatus(): 'I' | 'T' | 'E' {
    if (this.#isRefused) return 'E'
    const { status } = this.#pending
    if (status !== 'idle') return status === 'open' ? 'T' : 'E'
    return this.#connection?.transactionStatus ?? 'I'
  }

  run(request: Request, done: Done): void {
    let context: RouteContext | undefined
    let statement: Statement
    if (this.#hasLostConnection()) {
      done(lostConnection(), undefined)
      return
    }
    try {
      context = layContext(this.#engine.context(), request.context)
      if (context === undefined && this.#isDirect) {
        this.#runDirectly(request, done)
        return
      }
      statement = planQuery(this.#engine, request)
    } catch (error) {
      this.#refuse(error, done)
      return
    }
    const { transaction } = statement
    if (transaction !== undefined && this.#runTransactionCommand(statement, transaction, request, done))
      return
    if (this.#isAborted && statement.kind !== 'unparsable' && statement.kind !== 'empty') {
      done(serverError(this.#engine.pg, abortedTransaction), undefined)
      return
    }
    // The server complains about everything but the end of its aborted transaction, in its own words.
    if (this.#connection?.transactionStatus === 'E' && this.#pending.status === 'idle') {
      this.#runHere(statement, request, done)
      return
    }
    try {
      if (this.#runSessionCommand(statement, request, done)) return
    } catch (error) {
      this.#refuse(error, done)
      return
    }
    this.#route(statement, request, context, done)
  }

  /**
   * The bound connection for something with its own protocol (a cursor, a COPY), with everything held already run on
   * it; or a route that needs no connection of the session, for whoever can run one. `settle` must be called when the
   * connection is free again.
   */
  async borrow(query: BorrowingQuery, canRunRoute: boolean): Promise<Borrowed> {
    try {
      return await this.#borrow(query, canRunRoute)
    } catch (error) {
      this.#abort()
      throw toRefusal(this.#engine, error)
    }
  }

  async #borrow(query: BorrowingQuery, canRunRoute: boolean): Promise<Borrowed> {
    const engine = this.#engine
    const request: Request = { ...blankRequest, ...query }
    const context = layContext(engine.context(), query.context)
    if (this.#hasLostConnection()) throw lostConnection()
    if (context === undefined && this.#isDirect) {
      return { kind: 'connection', connection: await this.#bindOnly(query.signal), settle: () => {} }
    }
    const statement = planQuery(engine, request)
    if (this.#isAborted) throw serverError(engine.pg, abortedTransaction)
    if (statement.transaction !== undefined) {
      throw new StatementError(
        'UNSUPPORTED_STATEMENT',
        'Transaction commands cannot be sent through a cursor or stream. Send them with query(text).',
      )
    }
    if (engine.shards.length > 1 && statement.pins === 'setting') refuseMeaningSettings(query.text)
    // In an aborted transaction the server complains in its own words, wherever the statement belongs.
    if (this.#connection?.transactionStatus !== 'E') {
      const route = await this.#routeWithCatalog(statement, request, context)
      this.#checkReach(statement, route)
      const isOutside =
        !this.#isTied && (this.#isFreeRead(statement) || this.#mayRunOutside(statement, route))
      if (route.kind !== 'single' || (isOutside && canRunRoute)) {
        if (this.#pending.status === 'open') this.#pending.hasRunStatement()
        this.#letGo()
        return { kind: 'route', statement, route }
      }
      if (isOutside && this.#pending.status === 'idle') {
        this.#letGo()
        await this.#leaseOneOf(engine.candidates(route, route.shard), route.shard, query.signal)
      } else await this.#bind(route, query.signal)
      await this.#replay()
    }
    const connection = this.#connection
    if (connection === undefined) throw noNode('')
    return { kind: 'connection', connection, settle: (error) => this.#settle(statement, error) }
  }

  /** Rows in batches, inside the session; the caller hands the next statement over when they have ended. */
  async stream(query: BorrowingQuery, batchSize: number): Promise<RowStream> {
    const borrowed = await this.borrow(query, true)
    if (borrowed.kind === 'route') {
      return openRowStream(this.#engine, { ...borrowed, query, observer: undefined }, batchSize)
    }
    const { connection, settle } = borrowed
    return streamOn(this.#engine, connection, { query, batchSize, freed: settle })
  }

  /** Gives the connection back, cleaned of what the session left on it. */
  end(error: unknown): void {
    const connection = this.#connection
    const pool = this.#pool
    this.#pending.clear()
    if (connection === undefined || pool === undefined) return
    this.#unbind()
    const cleaning = error ? undefined : this.#cleaning(connection)
    if (cleaning === undefined) {
      pool.release(connection, error || (this.#pins.size > 0 ? true : undefined))
      return
    }
    connection.run({ text: cleaning }, (failure) => pool.release(connection, failure))
  }

  /** One server, and nothing held back: everything goes to it as it is. */
  get #isDirect(): boolean {
    return this.#engine.isSingleNode && this.#pending.status === 'idle' && !this.#pending.hasSettings
  }

  /** True when nothing but the bound connection will do. */
  get #isTied(): boolean {
    return (
      this.#pins.size > 0 || (this.#connection !== undefined && this.#connection.transactionStatus !== 'I')
    )
  }

  /** Also when it died idle: a transaction or a pin never goes on anywhere else. */
  #hasLostConnection(): boolean {
    if (this.#connection?.isBroken === true && this.#isTied) this.#isLost = true
    return this.#isLost
  }

  get #isAborted(): boolean {
    return this.#isRefused || this.#pending.status === 'failed'
  }

  #runDirectly(request: Request, done: Done): void {
    const observer = observeDirectly(this.#engine, request)
    const run = (connection: Connection): void => {
      if (observer === undefined) {
        connection.run(request, done)
        return
      }
      if (this.#pool !== undefined) observer.asked(this.#pool)
      connection.run(request, (error, result) => {
        if (error === undefined) observer.ended(result?.rowCount ?? null)
        else observer.failed(error)
        done(error, result)
      })
    }
    if (this.#connection === undefined) {
      this.#bindOnly(request.signal).then(run, (error: unknown) => done(error, undefined))
    } else run(this.#connection)
  }

  /** Binds to the only node there is. */
  async #bindOnly(signal: AbortSignal | undefined): Promise<Connection> {
    if (this.#connection !== undefined) return this.#connection
    const [pool] = this.#engine.pools()
    if (pool === undefined) throw noNode('')
    return this.#hold(pool, pool.tryLease() ?? (await pool.lease({ signal })))
  }

  /** For a single node: a lease has its connection from the start, as with `pg`. */
  async bindEagerly(): Promise<void> {
    await this.#bindOnly(undefined)
  }

  /** Returns false when the command has to go on to a server by its own route. */
  #runTransactionCommand(
    statement: Statement,
    command: TransactionCommand,
    request: Request,
    done: Done,
  ): boolean {
    const connection = this.#connection
    const isOpenHere = connection !== undefined && connection.transactionStatus !== 'I'
    if (isOpenHere && this.#pending.status === 'idle') {
      this.#runInTransaction(statement, command, request, done)
      return true
    }
    switch (command.command) {
      case 'commit-prepared':
      case 'rollback-prepared':
        return false
      case 'set-session-characteristics':
        if (this.#isTied) return false
        this.#answer(this.#pending.answer(command, statement.text), done)
        return true
      case 'prepare-transaction':
        this.#refuse(
          new StatementError(
            'UNSUPPORTED_STATEMENT',
            'PREPARE TRANSACTION needs a transaction that has run a statement on a shard. Run one first.',
          ),
          done,
        )
        return true
      default:
        try {
          if (this.#engine.shards.length > 1) refuseMeaningSettings(statement.text)
        } catch (error) {
          this.#refuse(error, done)
          return true
        }
        this.#answer(this.#pending.answer(command, statement.text, beginTag(statement)), done)
        return true
    }
  }

  #runInTransaction(statement: Statement, command: TransactionCommand, request: Request, done: Done): void {
    const isEnd = command.command === 'commit' || command.command === 'rollback'
    if (!this.#isRefused || isEnd || command.command === 'rollback-to') {
      if (this.#isRefused && command.command === 'commit') {
        // The server would commit what the refused statement was part of.
        request.text = command.chain ? 'ROLLBACK AND CHAIN' : 'ROLLBACK'
        request.values = undefined
      }
      const wasRefused = this.#isRefused
      this.#runHere(statement, request, (error, result) => {
        if (error === undefined && wasRefused && (isEnd || command.command === 'rollback-to'))
          this.#isRefused = false
        if (error === undefined && command.command === 'commit') this.#noteCommit()
        done(error, result)
      })
      return
    }
    done(serverError(this.#engine.pg, abortedTransaction), undefined)
  }

  /** Settings of an unbound session are kept; what ends the session's state unties it. */
  #runSessionCommand(statement: Statement, request: Request, done: Done): boolean {
    if (statement.kind === 'empty') {
      done(undefined, commandResult(this.#engine.pg, undefined))
      return true
    }
    const isSetting = statement.pins === 'setting' || statement.pins === 'session-authorization'
    if (isSetting && this.#engine.shards.length > 1) refuseMeaningSettings(statement.text)
    if (this.#isTied && isOfSession(statement)) {
      this.#runTied(statement, request, done)
      return true
    }
    if (statement.kind !== 'session') return false
    const command = sessionCommand(statement.text)
    if (command.command === 'set') {
      this.#answer(this.#pending.set(statement.text, command.tag), done)
      return true
    }
    if (this.#pending.status !== 'idle' || command.command === 'other') return false
    // Nothing of the session has reached a server that it would have to be undone on.
    if (command.command !== 'unlisten-all') this.#pending.forgetSettings()
    done(undefined, commandResult(this.#engine.pg, resetTags[command.command]))
    return true
  }

  /** What is about the session itself is about the one that there is. */
  #runTied(statement: Statement, request: Request, done: Done): void {
    const { command } =
      statement.kind === 'session' ? sessionCommand(statement.text) : { command: 'other' as const }
    this.#runBound(statement, request, (error, result) => {
      if (error === undefined && command !== 'other' && command !== 'set') this.#untie(command)
      done(error, result)
    })
  }

  #untie(command: 'reset-all' | 'discard-all' | 'unlisten-all'): void {
    if (command === 'discard-all') this.#pins.clear()
    else this.#pins.delete(command === 'reset-all' ? 'setting' : 'listen')
  }

  #answer(answer: Answer, done: Done): void {
    if (answer.notice !== undefined) this.#observer.noticed(answer.notice)
    if (answer.error === undefined) done(undefined, commandResult(this.#engine.pg, answer.command))
    else done(serverError(this.#engine.pg, answer.error), undefined)
  }

  #route(statement: Statement, request: Request, context: RouteContext | undefined, done: Done): void {
    let route: Route
    try {
      route = routeQuery(this.#engine, statement, request, context)
    } catch (error) {
      if (!isUnknownTable(error)) {
        this.#refuse(error, done)
        return
      }
      this.#engine.refreshCatalog('unknown-table').then(
        () => {
          try {
            const again = planQuery(this.#engine, request)
            this.#dispatch(again, routeQuery(this.#engine, again, request, context), request, done)
          } catch (second) {
            this.#refuse(second, done)
          }
        },
        (failure: unknown) => this.#refuse(failure, done),
      )
      return
    }
    this.#dispatch(statement, route, request, done)
  }

  async #routeWithCatalog(
    statement: Statement,
    request: Request,
    context: RouteContext | undefined,
  ): Promise<Route> {
    try {
      return routeQuery(this.#engine, statement, request, context)
    } catch (error) {
      if (!isUnknownTable(error)) throw toRefusal(this.#engine, error)
      await this.#engine.refreshCatalog('unknown-table')
      return routeQuery(this.#engine, planQuery(this.#engine, request), request, context)
    }
  }

  #dispatch(statement: Statement, route: Route, request: Request, done: Done): void {
    this.#routed = route
    try {
      this.#checkReach(statement, route)
    } catch (error) {
      this.#refuse(error, done)
      return
    }
    if (this.#isTied) {
      this.#runBound(statement, request, done)
      return
    }
    if (this.#mayRunOutside(statement, route)) {
      this.#pending.hasRunStatement()
      this.#letGo()
      execute(this.#engine, statement, route, request).then(
        (result) => done(undefined, result),
        (error: unknown) => {
          this.#pending.fail()
          done(error, undefined)
        },
      )
      return
    }
    const isFree = route.kind !== 'single' || this.#isFreeRead(statement)
    if (isFree && !this.#isFirstChoice(route)) {
      // Whoever holds one connection and waits for another may wait for himself.
      this.#letGo()
      execute(this.#engine, statement, route, request).then(
        (result) => done(undefined, result),
        (error: unknown) => done(error, undefined),
      )
      return
    }
    if (isFree || this.#atHand(route)) {
      this.#runBound(statement, request, done)
      return
    }
    this.#bind(route, request.signal).then(
      () => this.#runBound(statement, request, done),
      (error: unknown) => {
        // As with any error inside a transaction block.
        this.#pending.fail()
        done(error, undefined)
      },
    )
  }

  /** Throws when the statement needs another server than the one that the session is tied to. */
  #checkReach(statement: Statement, route: Route): void {
    const connection = this.#connection
    if (this.#isTied && connection !== undefined) {
      const { node } = connection
      if (route.kind !== 'single' || (route.shard !== node.shard && !route.isAnyShard)) {
        throw connection.transactionStatus === 'I'
          ? pinned(this.#pins, route, connection)
          : spansShards(route, connection)
      }
      if (node.role === 'replica' && statement.pins === 'advisory-lock') {
        throw new StatementError(
          'SESSION_STATE',
          'Advisory locks exist on the primary only, and this READ ONLY transaction runs on a replica. Begin it READ WRITE, or take the lock first in router.run({ role: "primary" }, …).',
          { details: { node: node.name } },
        )
      }
      return
    }
    if (route.kind === 'single') {
      if (statement.pins === 'sequence-value' && statement.isSessionChanging && connection === undefined) {
        throw new StatementError(
          'SESSION_STATE',
          'currval() and lastval() answer for the connection that called nextval(), and this lease is not bound to one. Use INSERT … RETURNING, or call nextval() and currval() in one transaction.',
        )
      }
      return
    }
    if (this.#pending.status === 'open' && !this.#mayRunOutside(statement, route))
      throw spansShards(route, undefined)
    if (this.#pending.hasSettings && !this.#isFreeRead(statement) && !this.#mayRunOutside(statement, route)) {
      throw new StatementError(
        'SESSION_STATE',
        'The lease has settings of its own, which hold on one server, and this statement needs several. Run it on another lease or on the pool.',
      )
    }
  }

  /** A read outside of any transaction, with nothing of the session to see. */
  #isFreeRead(statement: Statement): boolean {
    return (
      this.#pending.status === 'idle' &&
      statement.role === 'replica' &&
      statement.pins === undefined &&
      (statement.isConstant || !this.#pending.hasSettings)
    )
  }

  /**
   * A read that sees nothing of its transaction yet, in a transaction that has no snapshot to share: it may run
   * anywhere, and the transaction stays free to bind to the shard that it will write to.
   */
  #mayRunOutside(statement: Statement, route: Route): boolean {
    const { status, modes, hasSettings } = this.#pending
    if (status !== 'open' || this.#isTied || statement.role !== 'replica') return false
    if (statement.pins !== undefined) return false
    if (statement.isConstant) return true
    if (hasSettings) return false
    const isReadCommitted =
      modes.isolation === undefined
        ? this.#engine.isReadCommittedByDefault
        : modes.isolation === 'read committed' || modes.isolation === 'read uncommitted'
    if (!isReadCommitted || modes.hasSnapshot === true || !statement.isCacheable) return false
    return route.kind === 'merge' || (route.kind === 'single' && route.isAnyShard)
  }

  /** True when a read would go to the very node that the session has a connection to. */
  #isFirstChoice(route: Route): route is SingleRoute {
    const pool = this.#pool
    if (route.kind !== 'single' || pool === undefined || this.#connection?.isReusable !== true) return false
    return pool.node.shard === route.shard && this.#engine.candidates(route, route.shard)[0] === pool
  }

  /** True when the connection at hand is the one that the route would choose. */
  #atHand(route: SingleRoute): boolean {
    const connection = this.#connection
    if (connection === undefined || connection.isBroken) return false
    const { node } = connection
    return node.shard === route.shard && node.role === (this.#wantsReplica(route) ? 'replica' : 'primary')
  }

  /** READ ONLY transactions may use a replica, but for the isolation levels that a standby does not have. */
  #wantsReplica(route: SingleRoute): boolean {
    const { status, modes } = this.#pending
    return (
      status === 'open' &&
      modes.isReadOnly === true &&
      modes.isolation !== 'serializable' &&
      modes.hasSnapshot !== true &&
      route.role === 'replica'
    )
  }

  /** Binds to the node that the route chooses. */
  async #bind(route: SingleRoute, signal: AbortSignal | undefined): Promise<void> {
    if (this.#isTied || this.#atHand(route)) return
    this.#letGo()
    const nodes = this.#wantsReplica(route)
      ? this.#engine.candidates(route, route.shard)
      : [this.#engine.primary(route.shard)]
    await this.#leaseOneOf(nodes, route.shard, signal)
  }

  async #leaseOneOf(
    nodes: readonly NodePool[],
    shard: string,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    let last: unknown = noNode(shard)
    for (const pool of nodes) {
      try {
        this.#hold(pool, pool.tryLease() ?? (await pool.lease({ signal })))
        return
      } catch (error) {
        last = error
        if (judge(error, pool.node.role === 'replica') === 'statement') break
      }
    }
    throw last
  }

  #hold(pool: NodePool, connection: Connection): Connection {
    this.#pool = pool
    this.#connection = connection
    this.#observer.bound(connection)
    return connection
  }

  /** Runs a statement on the bound connection, after everything that is held back. */
  #runBound(statement: Statement, request: Request, done: Done): void {
    const isSingleCommand = statement.kind !== 'multiple' && statement.kind !== 'unparsable'
    if (!this.#pending.hasSessionSettings && isSingleCommand) {
      const block = this.#pending.takeBlock()
      // In the same packet: opening a transaction costs no round trip.
      if (block.length > 0) request.preface = block
      this.#runHere(statement, request, done)
      return
    }
    this.#replay().then(
      () => this.#runHere(statement, request, done),
      (error: unknown) => this.#refuse(error, done),
    )
  }

  /** Runs everything that is held back on the bound connection. */
  async #replay(): Promise<void> {
    const connection = this.#connection
    if (connection === undefined) throw noNode('')
    if (this.#pending.hasSessionSettings) this.#pins.add('setting')
    let failure: { readonly error: unknown } | undefined
    for (const text of this.#pending.takeSession()) {
      // Each on its own: a setting that fails does not take the others back.
      await connection.query({ text }).catch((error: unknown) => {
        failure ??= { error }
      })
    }
    const block = this.#pending.takeBlock()
    if (block.length > 0) await connection.query({ text: block.join(';') })
    if (failure !== undefined) throw failure.error
  }

  #runHere(statement: Statement, request: Request, done: Done): void {
    const connection = this.#connection
    if (connection === undefined) {
      done(noNode(''), undefined)
      return
    }
    if (this.#isLost) {
      done(lostConnection(), undefined)
      return
    }
    const wasInTransaction = connection.transactionStatus !== 'I' || request.preface !== undefined
    const observer = observeStatement(statement, this.#routed)
    if (observer !== undefined && this.#pool !== undefined) observer.asked(this.#pool)
    this.#routed = undefined
    connection.run(request, (error, result) => {
      if (error === undefined) observer?.ended(result?.rowCount ?? null)
      else observer?.failed(error)
      if (connection.isBroken && (wasInTransaction || this.#pins.size > 0)) this.#isLost = true
      const wait = this.#settle(statement, error, result?.command)
      if (wait === undefined) done(error, result)
      else
        wait.then(
          () => done(error, result),
          (failure: unknown) => done(failure, undefined),
        )
    })
  }

  /** After a statement on the bound connection: what it left there, and whether the connection may go. */
  #settle(statement: Statement, error: unknown, command?: string): Promise<unknown> | undefined {
    const connection = this.#connection
    if (connection === undefined) return undefined
    const { shard, role } = connection.node
    if (statement.isSessionChanging && statement.pins !== undefined && statement.pins !== 'sequence-value') {
      this.#pins.add(statement.pins)
    }
    if (statement.changesCatalog && error === undefined) this.#changesCatalog = true
    const mayHaveWritten =
      role === 'primary' && statement.role === 'primary' && statement.transaction === undefined
    if (connection.transactionStatus !== 'I' && !connection.isBroken) {
      this.#hasWritten ||= mayHaveWritten
      return undefined
    }
    const hasEnded = statement.transaction !== undefined
    const isRolledBack = hasEnded && command === 'ROLLBACK'
    const mayHaveFailed = error !== undefined && !isOutcomeUnknown(error)
    if ((mayHaveWritten && !mayHaveFailed) || (this.#hasWritten && !isRolledBack)) this.#engine.wrote(shard)
    this.#hasWritten = false
    const changesCatalog = this.#changesCatalog
    this.#changesCatalog = false
    if (hasEnded) this.#isRefused = false
    if (this.#pins.size === 0 && (hasEnded || role === 'replica' || connection.isBroken) && !this.#isLost) {
      this.#letGo()
    }
    return changesCatalog ? this.#engine.refreshCatalog('ddl') : undefined
  }

  /** COMMIT AND CHAIN goes on in the next transaction, but the writes are there. */
  #noteCommit(): void {
    if (!this.#hasWritten || this.#connection === undefined) return
    this.#hasWritten = false
    this.#engine.wrote(this.#connection.node.shard)
  }

  #letGo(): void {
    const connection = this.#connection
    const pool = this.#pool
    if (connection === undefined || pool === undefined) return
    this.#unbind()
    pool.release(connection)
  }

  #unbind(): void {
    const connection = this.#connection
    this.#connection = undefined
    this.#pool = undefined
    if (connection !== undefined) this.#observer.unbound(connection)
  }

  /** The cheapest way to a connection without session state; undefined when only a new connection is clean. */
  #cleaning(connection: Connection): string | undefined {
    if (this.#pins.size === 0 || !connection.isReusable) return undefined
    const steps: string[] = []
    for (const pin of this.#pins) {
      if (pin === 'advisory-lock') steps.push('SELECT pg_catalog.pg_advisory_unlock_all()')
      else if (pin === 'cursor') steps.push('CLOSE ALL')
      else if (pin === 'setting' && this.#observer.mayResetSettings()) steps.push('RESET ALL')
      else return undefined
    }
    return steps.join(';')
  }

  /** An error that no server raised aborts an open transaction, as every error does. */
  #abort(): void {
    this.#pending.fail()
    if (this.#connection?.transactionStatus === 'T') this.#isRefused = true
  }

  /** Nothing of the statement was sent. */
  #refuse(error: unknown, done: Done): void {
    this.#abort()
    done(toRefusal(this.#engine, error), undefined)
  }
}

export type BorrowingQuery = Pick<Request, 'text' | 'values' | 'signal' | 'context'>

export type Borrowed =
  | {
      readonly kind: 'connection'
      readonly connection: Connection
      readonly settle: (error: unknown) => unknown
    }
  | { readonly kind: 'route'; readonly statement: Statement; readonly route: Route }

/** LISTEN is not: whoever notifies does so on the home shard. */
function isOfSession({ kind, pins }: Statement): boolean {
  return (kind === 'session' || kind === 'show') && pins !== 'listen'
}

const resetTags = { 'reset-all': 'RESET', 'discard-all': 'DISCARD ALL', 'unlisten-all': 'UNLISTEN' } as const

const blankRequest: Request = {
  text: '',
  values: undefined,
  rowMode: undefined,
  types: undefined,
  name: undefined,
  binary: undefined,
  queryMode: undefined,
  mayPrepare: false,
  preface: undefined,
  timeoutMs: undefined,
  signal: undefined,
  context: undefined,
}

function shardsOf(route: Route): string {
  if (route.kind === 'single') return `shard "${route.shard}"`
  const names = route.kind === 'split' ? [...route.rowsByShard.keys()] : route.shards
  return `shards ${names.map((name) => `"${name}"`).join(', ')}`
}

function spansShards(route: Route, connection: Connection | undefined): StatementError {
  const bound =
    connection === undefined
      ? 'a transaction has one shard'
      : `the transaction belongs to shard "${connection.node.shard}"`
  return new StatementError(
    'TRANSACTION_SPANS_SHARDS',
    `The statement needs ${shardsOf(route)}, but ${bound}. Run it outside of the transaction, or give each shard a transaction of its own.`,
    { details: { bound: connection?.node.shard } },
  )
}

function pinned(pins: ReadonlySet<Pin>, route: Route, connection: Connection): ShardlineError {
  return new StatementError(
    'SESSION_STATE',
    `The statement needs ${shardsOf(route)}, but the lease is pinned to "${connection.node.name}" by session state (${[...pins].join(', ')}). Use another lease, or the pool.`,
    { details: { node: connection.node.name, pins: [...pins] } },
  )
}

function lostConnection(): TopologyError {
  return new TopologyError(
    'NODE_UNREACHABLE',
    'Client has encountered a connection error and is not queryable. The transaction or session state that it held is lost: release it and start again.',
  )
}
