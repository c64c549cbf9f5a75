import { layContext } from '../execution/contexts.ts'
import { isUnknownTable, planQuery, routeQuery, toRefusal } from '../execution/decide.ts'
import { executeThen, observeDirectly } from '../execution/execute.ts'
import { isOutcomeUnknown } from '../execution/failure.ts'
import { commandResult } from '../execution/result.ts'
import { openRowStream, streamOn } from '../execution/row-stream.ts'
import { serverError } from '../execution/server-error.ts'
import { beginTag, refuseMeaningSettings, sessionCommand } from '../execution/session-command.ts'
import { noNode } from '../execution/single.ts'
import { observeStatement } from '../telemetry/statement-trace.ts'
import { Binding } from './binding.ts'
import { abortedTransaction, PendingTransaction } from './pending-transaction.ts'
import { plainRequest } from './request.ts'
import {
  commandInPortal,
  lockOnReplica,
  lostConnection,
  nothingToPrepare,
  pinned,
  sequenceOfNobody,
  settingsOfOneServer,
  spansShards,
} from './session-errors.ts'
import type pg from 'pg'
import type { Engine } from '../execution/engine.ts'
import type { RowStream } from '../execution/row-stream.ts'
import type { Connection } from '../pool/connection.ts'
import type { NodePool } from '../pool/node-pool.ts'
import type { RouteContext } from '../routing/context.ts'
import type { Route, SingleRoute } from '../routing/route.ts'
import type { Statement, TransactionCommand } from '../statement/statement.ts'
import type { BindingObserver } from './binding.ts'
import type { Answer, Complaint } from './pending-transaction.ts'
import type { Request } from './request.ts'

export type Done = (error: unknown, result: pg.QueryResult | undefined) => void

/** What a session tells the lease that shows it to the application. */
export interface SessionObserver extends BindingObserver {
  noticed(notice: Complaint): void
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
  readonly #binding: Binding
  /** A refusal aborted the transaction, of which the server knows nothing. */
  #isRefused = false
  /** The open transaction has run something that may have written. */
  #hasWritten = false
  #changesCatalog = false

  constructor(engine: Engine, observer: SessionObserver) {
    this.#engine = engine
    this.#observer = observer
    this.#binding = new Binding(observer)
  }

  get connection(): Connection | undefined {
    return this.#binding.connection
  }

  get transactionStatus(): 'I' | 'T' | 'E' {
    if (this.#isRefused) return 'E'
    const { status } = this.#pending
    if (status !== 'idle') return status === 'open' ? 'T' : 'E'
    return this.#binding.connection?.transactionStatus ?? 'I'
  }

  run(request: Request, done: Done): void {
    let context: RouteContext | undefined
    let statement: Statement
    if (this.#binding.isLost) {
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
    if (this.#binding.connection?.transactionStatus === 'E' && this.#pending.status === 'idle') {
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
    const request: Request = { ...plainRequest(query.text, query.values), ...query }
    const context = layContext(engine.context(), query.context)
    if (this.#binding.isLost) throw lostConnection()
    if (context === undefined && this.#isDirect) {
      return { kind: 'connection', connection: await this.#bindOnly(query.signal), settle: () => {} }
    }
    const statement = planQuery(engine, request)
    if (this.#isAborted) throw serverError(engine.pg, abortedTransaction)
    if (statement.transaction !== undefined) {
      throw commandInPortal()
    }
    if (engine.shards.length > 1 && statement.pins === 'setting') refuseMeaningSettings(statement)
    // In an aborted transaction the server complains in its own words, wherever the statement belongs.
    if (this.#binding.connection?.transactionStatus !== 'E') {
      const route = await this.#routeWithCatalog(statement, request, context)
      this.#checkReach(statement, route)
      const isOutside =
        !this.#binding.isTied && (this.#isFreeRead(statement) || this.#mayRunOutside(statement, route))
      if (route.kind !== 'single' || (isOutside && canRunRoute)) {
        if (this.#pending.status === 'open') this.#pending.hasRunStatement()
        this.#binding.letGo()
        return { kind: 'route', statement, route }
      }
      if (isOutside && this.#pending.status === 'idle') {
        this.#binding.letGo()
        await this.#binding.leased(engine.candidates(route, route.shard), {
          shard: route.shard,
          signal: query.signal,
        })
      } else if (!this.#binding.isTied && !this.#atHand(route)) {
        await this.#binding.leased(this.#nodesFor(route), { shard: route.shard, signal: query.signal })
      }
      await this.#replay()
    }
    const connection = this.#binding.connection
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
    this.#pending.clear()
    this.#binding.end(error)
  }

  /** One server, and nothing held back: everything goes to it as it is. */
  get #isDirect(): boolean {
    return this.#engine.isSingleNode && this.#pending.status === 'idle' && !this.#pending.hasSettings
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
      if (this.#binding.pool !== undefined) observer.asked(this.#binding.pool)
      connection.run(request, (error, result) => {
        if (error === undefined) observer.ended(result?.rowCount ?? null)
        else observer.failed(error)
        done(error, result)
      })
    }
    if (this.#binding.connection === undefined) {
      this.#bindOnly(request.signal).then(run, (error: unknown) => done(error, undefined))
    } else run(this.#binding.connection)
  }

  /** Binds to the only node there is. */
  async #bindOnly(signal: AbortSignal | undefined): Promise<Connection> {
    if (this.#binding.connection !== undefined) return this.#binding.connection
    const [pool] = this.#engine.pools()
    if (pool === undefined) throw noNode('')
    return this.#binding.leased([pool], { shard: pool.node.shard, signal })
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
    const connection = this.#binding.connection
    const isOpenHere = connection !== undefined && connection.transactionStatus !== 'I'
    try {
      if (command.command === 'set-local' && this.#engine.shards.length > 1) refuseMeaningSettings(statement)
    } catch (error) {
      this.#refuse(error, done)
      return true
    }
    if (isOpenHere && this.#pending.status === 'idle') {
      this.#runInTransaction(statement, command, request, done)
      return true
    }
    switch (command.command) {
      case 'commit-prepared':
      case 'rollback-prepared':
        return false
      case 'set-session-characteristics':
        if (this.#binding.isTied) return false
        this.#answer(this.#pending.answer(command, statement.text), done)
        return true
      case 'prepare-transaction':
        this.#refuse(nothingToPrepare(), done)
        return true
      default:
        this.#answer(this.#pending.answer(command, statement.text, beginTag(statement)), done)
        return true
    }
  }

  #runInTransaction(statement: Statement, command: TransactionCommand, request: Request, done: Done): void {
    if (this.#isRefused) {
      this.#runAfterRefusal(statement, command, request, done)
      return
    }
    this.#runHere(statement, request, (error, result) => {
      if (error === undefined && command.command === 'commit') this.#noteCommit()
      done(error, result)
    })
  }

  /** The server knows nothing of the refusal: it would commit what the refused statement was part of. */
  #runAfterRefusal(statement: Statement, command: TransactionCommand, request: Request, done: Done): void {
    const isEnd = command.command === 'commit' || command.command === 'rollback'
    if (!isEnd && command.command !== 'rollback-to') {
      done(serverError(this.#engine.pg, abortedTransaction), undefined)
      return
    }
    if (isEnd) {
      request.text = 'ROLLBACK'
      request.values = undefined
    }
    this.#runHere(statement, request, (error, result) => {
      if (error === undefined) {
        this.#isRefused = false
        // After an error the chained transaction has no characteristics of the one before.
        if (isEnd && command.chain) this.#pending.answer({ command: 'begin', modes: {} }, 'BEGIN')
      }
      done(error, result)
    })
  }

  /** Settings of an unbound session are kept; what ends the session's state unties it. */
  #runSessionCommand(statement: Statement, request: Request, done: Done): boolean {
    if (statement.kind === 'empty') {
      done(undefined, commandResult(this.#engine.pg, undefined))
      return true
    }
    const isSetting = statement.pins === 'setting' || statement.pins === 'session-authorization'
    if (isSetting && this.#engine.shards.length > 1) refuseMeaningSettings(statement)
    if (this.#binding.isTied && isOfSession(statement)) {
      this.#runTied(statement, request, done)
      return true
    }
    if (statement.kind !== 'session') return false
    const command = sessionCommand(statement)
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
      statement.kind === 'session' ? sessionCommand(statement) : { command: 'other' as const }
    this.#runBound(statement, request, (error, result) => {
      if (error === undefined && command !== 'other' && command !== 'set') this.#untie(command)
      done(error, result)
    })
  }

  #untie(command: 'reset-all' | 'discard-all' | 'unlisten-all'): void {
    const pins = { 'reset-all': 'setting', 'discard-all': 'all', 'unlisten-all': 'listen' } as const
    this.#binding.unpin(pins[command])
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
    try {
      this.#checkReach(statement, route)
    } catch (error) {
      this.#refuse(error, done)
      return
    }
    if (this.#binding.isTied) {
      this.#runRouted(statement, route, request, done)
      return
    }
    if (this.#mayRunOutside(statement, route)) {
      this.#pending.hasRunStatement()
      this.#binding.letGo()
      executeThen(this.#engine, { statement, route, query: request }, (error, result) => {
        if (result === undefined) this.#pending.fail()
        done(error, result)
      })
      return
    }
    const isFree = route.kind !== 'single' || this.#isFreeRead(statement)
    if (isFree && !this.#isFirstChoice(route)) {
      // Whoever holds one connection and waits for another may wait for himself.
      this.#binding.letGo()
      executeThen(this.#engine, { statement, route, query: request }, done)
      return
    }
    if (isFree || this.#atHand(route)) this.#runRouted(statement, route, request, done)
    else this.#bindAndRun(statement, route, request, done)
  }

  #runRouted(statement: Statement, route: Route, request: Request, done: Done): void {
    request.observer = observeStatement(statement, route)
    this.#runBound(statement, request, done)
  }

  #bindAndRun(statement: Statement, route: SingleRoute, request: Request, done: Done): void {
    // Before it waits: its turn comes when somebody else gives a connection back, and that is somebody else's context.
    request.observer = observeStatement(statement, route)
    const failed = (error: unknown): void => {
      // As with any error inside a transaction block.
      this.#pending.fail()
      request.observer?.failed(error)
      done(error, undefined)
    }
    let nodes: readonly NodePool[]
    try {
      nodes = this.#nodesFor(route)
    } catch (error) {
      failed(error)
      return
    }
    this.#binding.lease(
      nodes,
      { shard: route.shard, signal: request.signal },
      { bound: () => this.#runBound(statement, request, done), failed },
    )
  }

  /** Throws when the statement needs another server than the one that the session is tied to. */
  #checkReach(statement: Statement, route: Route): void {
    const connection = this.#binding.connection
    if (this.#binding.isTied && connection !== undefined) {
      const { node } = connection
      if (route.kind !== 'single' || (route.shard !== node.shard && !route.isAnyShard)) {
        throw connection.transactionStatus === 'I'
          ? pinned(this.#binding.pins, route, connection)
          : spansShards(route, connection)
      }
      if (node.role === 'replica' && statement.pins === 'advisory-lock') {
        throw lockOnReplica(connection)
      }
      return
    }
    if (route.kind === 'single') {
      if (statement.pins === 'sequence-value' && statement.isSessionChanging && connection === undefined) {
        throw sequenceOfNobody()
      }
      return
    }
    if (this.#pending.status === 'open' && !this.#mayRunOutside(statement, route))
      throw spansShards(route, undefined)
    if (this.#pending.hasSettings && !this.#isFreeRead(statement) && !this.#mayRunOutside(statement, route)) {
      throw settingsOfOneServer()
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
    if (status !== 'open' || this.#binding.isTied || statement.role !== 'replica') return false
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
    const pool = this.#binding.pool
    if (route.kind !== 'single' || pool === undefined || this.#binding.connection?.isReusable !== true)
      return false
    return pool.node.shard === route.shard && this.#engine.candidates(route, route.shard)[0] === pool
  }

  /** True when the connection at hand is the one that the route would choose. */
  #atHand(route: SingleRoute): boolean {
    const connection = this.#binding.connection
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

  /** The nodes to bind to, best first. */
  #nodesFor(route: SingleRoute): readonly NodePool[] {
    return this.#wantsReplica(route)
      ? this.#engine.candidates(route, route.shard)
      : [this.#engine.primary(route.shard)]
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
      (error: unknown) => {
        request.observer?.failed(error)
        this.#refuse(error, done)
      },
    )
  }

  /** Runs everything that is held back on the bound connection. */
  async #replay(): Promise<void> {
    const connection = this.#binding.connection
    if (connection === undefined) throw noNode('')
    if (this.#pending.hasSessionSettings) this.#binding.pin('setting')
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
    const connection = this.#binding.connection
    if (connection === undefined || this.#binding.isLost) {
      const error = connection === undefined ? noNode('') : lostConnection()
      request.observer?.failed(error)
      done(error, undefined)
      return
    }
    const wasInTransaction = connection.transactionStatus !== 'I' || request.preface !== undefined
    const observer = request.observer ?? observeStatement(statement, undefined)
    if (observer !== undefined && this.#binding.pool !== undefined) observer.asked(this.#binding.pool)
    connection.run(request, (error, result) => {
      if (error === undefined) observer?.ended(result?.rowCount ?? null)
      else observer?.failed(error)
      if (connection.isBroken && wasInTransaction) this.#binding.lose()
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
    const connection = this.#binding.connection
    if (connection === undefined) return undefined
    const { shard, role } = connection.node
    this.#binding.pinBy(statement)
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
    const mayGo = hasEnded || role === 'replica' || connection.isBroken
    if (mayGo && !this.#binding.isTied && !this.#binding.isLost) {
      this.#binding.letGo()
    }
    return changesCatalog ? this.#engine.refreshCatalog('ddl') : undefined
  }

  /** COMMIT AND CHAIN goes on in the next transaction, but the writes are there. */
  #noteCommit(): void {
    if (!this.#hasWritten || this.#binding.connection === undefined) return
    this.#hasWritten = false
    this.#engine.wrote(this.#binding.connection.node.shard)
  }

  /** An error that no server raised aborts an open transaction, as every error does. */
  #abort(): void {
    this.#pending.fail()
    if (this.#binding.connection?.transactionStatus === 'T') this.#isRefused = true
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
