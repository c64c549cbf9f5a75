import { TopologyError } from '../errors.ts'
import { layContext } from '../execution/contexts.ts'
import { isUnknownTable, planQuery, routeQuery, toRefusal } from '../execution/decide.ts'
import { execute, executeDirectly } from '../execution/execute.ts'
import { openRowStream } from '../execution/row-stream.ts'
import { Lease } from './lease.ts'
import { hideConnectionString, poolOptions } from './pool-options.ts'
import { isSubmitted, plainRequest, toRequest } from './request.ts'
import { rowsOf } from './streaming.ts'
import { refuseUnleased } from './unleased.ts'
import type pg from 'pg'
import type { Engine } from '../execution/engine.ts'
import type { Connection } from '../pool/connection.ts'
import type { NodePool, PgModule } from '../pool/node-pool.ts'
import type { RouteContext } from '../routing/context.ts'
import type { LeaseOwner } from './lease-events.ts'
import type { QueryCallback, Request, RequestConfig, Submitted } from './request.ts'
import type { StreamOptions } from './streaming.ts'

/** What `connect()` gives, beyond a `pg.PoolClient`. */
export interface RoutedClient extends pg.PoolClient {
  /** Rows in batches, as they come, inside the lease's transaction if there is one. */
  stream<R extends pg.QueryResultRow = pg.QueryResultRow>(
    text: string,
    values?: readonly unknown[],
    options?: StreamOptions,
  ): AsyncGenerator<R[], void, undefined>
  /** Cancels on the server what the lease runs there. */
  cancel(): Promise<void>
  /** The node it is bound to; undefined while it is bound to none. */
  readonly boundNode: string | undefined
}

type ConnectCallback = (
  error: Error | undefined,
  client: RoutedClient | undefined,
  release: (error?: unknown) => void,
) => void

/** A `pg.Pool` over the whole cluster: every statement runs on the server that its text and values prove. */
export interface RoutedPool extends pg.Pool {
  connect(): Promise<RoutedClient>
  connect(callback: ConnectCallback): void
  /**
   * Rows in batches, as they come: from one server through a portal, from several merged on the way. Memory is bounded
   * by the batch size and the number of shards. Errors are those of `query`.
   */
  stream<R extends pg.QueryResultRow = pg.QueryResultRow>(
    text: string,
    values?: readonly unknown[],
    options?: StreamOptions,
  ): AsyncGenerator<R[], void, undefined>
}

export type RoutedPoolClass = new (engine: Engine) => RoutedPool

const classes = new WeakMap<PgModule, RoutedPoolClass>()

/** The pool class over this copy of `pg`, so that `instanceof pg.Pool` holds for the application. */
function createRoutedPoolClass(pg: PgModule): RoutedPoolClass {
  const known = classes.get(pg)
  if (known !== undefined) return known
  const created = createClass(pg)
  classes.set(pg, created)
  return created
}

/** The pool of an engine, of the class over the engine's own copy of `pg`. */
export function createRoutedPool(engine: Engine): RoutedPool {
  return new (createRoutedPoolClass(engine.pg))(engine)
}

/** What `pg-pool` keeps about itself, and what it never gets to do here: it opens no connection. */
type PoolBase = new (
  options: object,
) => EventEmitterLike & { ending: boolean; ended: boolean; options: object }
interface EventEmitterLike {
  on(event: string, listener: (...args: never[]) => void): unknown
  emit(event: string, ...args: unknown[]): boolean
  listenerCount(event: string): number
}

function createClass(pg: PgModule): RoutedPoolClass {
  const Base = pg.Pool as unknown as PoolBase

  class RoutedPool extends Base implements LeaseOwner {
    readonly #engine: Engine
    readonly #texts = new Map<string, string>()

    constructor(engine: Engine) {
      super(poolOptions(engine))
      hideConnectionString(this.options)
      this.#engine = engine
      for (const pool of engine.pools()) this.#forward(pool)
    }

    query(query: unknown, values?: unknown, callback?: unknown): unknown {
      if (
        typeof query === 'string' &&
        callback === undefined &&
        (values === undefined || Array.isArray(values))
      ) {
        if (this.ending) return Promise.reject(endedPool())
        return this.#run(plainRequest(query, values)).catch(rethrowHere)
      }
      return this.#queryInFull(query, values, callback)
    }

    connect(callback?: ConnectCallback): unknown {
      if (callback === undefined) return this.#lease()
      this.#lease().then(
        (client) =>
          runCallback(callback, undefined, client, (error?: unknown) => client.release(error as Error)),
        (error: unknown) => runCallback(callback, error as Error, undefined, () => {}),
      )
      return undefined
    }

    stream<R extends pg.QueryResultRow>(
      text: string,
      values?: readonly unknown[],
      options: StreamOptions = {},
    ): AsyncGenerator<R[], void, undefined> {
      return rowsOf<R>(this.#engine, options, async (batchSize) => {
        if (this.ending) throw endedPool()
        const request = { ...plainRequest(text, values), signal: options.signal, context: options.context }
        const { statement, route } = await this.#decide(request)
        const stream = await openRowStream(
          this.#engine,
          { statement, route, query: request, observer: undefined },
          batchSize,
        )
        return { stream, done: () => {} }
      })
    }

    end(callback?: (error?: Error) => void): unknown {
      const ended = this.#end()
      if (callback === undefined) return ended
      ended.then(
        () => runCallback(callback as (...args: unknown[]) => void),
        (error: unknown) => runCallback(callback as (...args: unknown[]) => void, error),
      )
      return undefined
    }

    override on(event: string, listener: (...args: never[]) => void): this {
      if (event === 'connect' && this.listenerCount('connect') === 0) this.#renewIdle()
      super.on(event, listener)
      return this
    }

    get totalCount(): number {
      return sum(this.#engine, ({ totalCount }) => totalCount)
    }

    get idleCount(): number {
      return sum(this.#engine, ({ idleCount }) => idleCount)
    }

    get waitingCount(): number {
      return sum(this.#engine, ({ waitingCount }) => waitingCount)
    }

    /** Connections past their lifetime are closed at once here, so there is never one to be counted. */
    get expiredCount(): number {
      return 0
    }

    mayResetSettings(): boolean {
      return this.listenerCount('connect') === 0
    }

    #run(request: Request): Promise<pg.QueryResult> {
      const engine = this.#engine
      let context: RouteContext | undefined
      try {
        context = layContext(engine.context(), request.context)
        if (context === undefined && engine.isSingleNode) return this.#runDirectly(request)
        const statement = planQuery(engine, request)
        refuseUnleased(statement)
        return execute(engine, statement, routeQuery(engine, statement, request, context), request)
      } catch (error) {
        if (isUnknownTable(error)) return this.#runWithNewCatalog(request, context)
        return Promise.reject(toRefusal(engine, error))
      }
    }

    #runDirectly(request: Request): Promise<pg.QueryResult> {
      const [pool] = this.#engine.pools()
      return pool === undefined ? Promise.reject(endedPool()) : executeDirectly(this.#engine, pool, request)
    }

    async #runWithNewCatalog(request: Request, context: RouteContext | undefined): Promise<pg.QueryResult> {
      const engine = this.#engine
      await engine.refreshCatalog('unknown-table')
      const statement = planQuery(engine, request)
      return execute(engine, statement, routeQuery(engine, statement, request, context), request)
    }

    async #decide(request: Request) {
      const engine = this.#engine
      const context = layContext(engine.context(), request.context)
      try {
        const statement = planQuery(engine, request)
        refuseUnleased(statement)
        return { statement, route: routeQuery(engine, statement, request, context) }
      } catch (error) {
        if (!isUnknownTable(error)) throw toRefusal(engine, error)
        await engine.refreshCatalog('unknown-table')
        const statement = planQuery(engine, request)
        return { statement, route: routeQuery(engine, statement, request, context) }
      }
    }

    #queryInFull(query: unknown, values: unknown, callback: unknown): unknown {
      if (typeof query === 'function') {
        const error = new Error('Passing a function as the first parameter to pool.query is not supported')
        setImmediate(query as QueryCallback, error)
        return undefined
      }
      const given = typeof values === 'function' ? values : callback
      const parameters = typeof values === 'function' ? undefined : (values as readonly unknown[] | undefined)
      const answer = isSubmitted(query)
        ? this.#submit(query)
        : this.#runConfig(query as string | RequestConfig | null | undefined, parameters)
      const answering = answer.catch(rethrowHere)
      const config = query as RequestConfig | null | undefined
      const done = given ?? (isSubmitted(query) ? undefined : config?.callback)
      if (done === undefined) return answering
      answering.then(
        (result) => runCallback(done as (...args: unknown[]) => void, undefined, result),
        (error: unknown) => runCallback(done as (...args: unknown[]) => void, error),
      )
      return undefined
    }

    #runConfig(
      query: string | RequestConfig | null | undefined,
      values: readonly unknown[] | undefined,
    ): Promise<pg.QueryResult> {
      if (query === null || query === undefined) {
        return Promise.reject(new TypeError('Client was passed a null or undefined query'))
      }
      if (this.ending) return Promise.reject(endedPool())
      const request = toRequest(query, values)
      if (typeof request.text !== 'string') {
        const text = request.name === undefined ? undefined : this.#texts.get(request.name)
        if (text === undefined) {
          return Promise.reject(
            new Error('A query must have either text or a name. Supplying neither is unsupported.'),
          )
        }
        request.text = text
      } else if (request.name !== undefined) this.#remember(request.name, request.text)
      return this.#run(request)
    }

    /** `pg` lets a named statement be run by its name alone, once a connection has seen its text. */
    #remember(name: string, text: string): void {
      if (this.#texts.size >= rememberedNames) this.#texts.clear()
      this.#texts.set(name, text)
    }

    /** As in `pg`: the promise is settled by the object's own callback. */
    async #submit(submitted: Submitted): Promise<unknown> {
      const client = await this.#lease()
      return new Promise((resolve, reject) => {
        const own = submitted.callback
        submitted.callback = (error, result) => {
          own?.(error, result)
          if (error) reject(error)
          else resolve(result)
        }
        client.query(submitted)
        // Released once the object is done with the connection: the lease waits for what runs on it.
        client.release()
      })
    }

    #lease(): Promise<RoutedClient> {
      if (this.ending) return Promise.reject(endedPool())
      const lease = new Lease(this.#engine, this)
      const client = lease as unknown as RoutedClient
      return this.#engine.isSingleNode ? lease.bindEagerly().then(() => client) : Promise.resolve(client)
    }

    async #end(): Promise<void> {
      if (this.ending) throw new Error('Called end on pool more than once')
      this.ending = true
      await this.#engine.end()
      this.ended = true
    }

    /**
     * Applications prepare every connection when they hear of it. Those that reading the catalogs has left behind
     * were never told of, so they make room for new ones.
     */
    #renewIdle(): void {
      for (const pool of this.#engine.pools()) {
        for (let idle = pool.tryLease(); idle !== undefined; idle = pool.tryLease()) pool.release(idle, true)
      }
    }

    /** Connections come and go at the nodes; the application listens here. */
    #forward(pool: NodePool): void {
      pool.on('connect', ({ client }: Connection) => {
        this.emit('connect', client)
      })
      pool.on('remove', ({ client }: Connection) => {
        this.emit('remove', client)
      })
      pool.on('error', (error: Error, { client }: Connection) => {
        // Nobody has to listen: a lost idle connection is replaced when it is needed.
        if (this.listenerCount('error') > 0) this.emit('error', error, client)
      })
      pool.on('acquire', ({ client }: Connection) => {
        this.emit('acquire', client)
      })
      pool.on('release', (error: unknown, { client }: Connection) => {
        this.emit('release', error, client)
      })
    }
  }
  return RoutedPool as unknown as RoutedPoolClass
}

/** Named statements whose texts are kept for being run by name; applications have few. */
const rememberedNames = 10_000

function sum(engine: Engine, count: (pool: NodePool) => number): number {
  let total = 0
  for (const pool of engine.pools()) total += count(pool)
  return total
}

/** What a callback throws is an uncaught exception, as with `pg`, and not a rejected promise of ours. */
function runCallback<A extends unknown[]>(callback: (...args: A) => void, ...args: A): void {
  process.nextTick(callback, ...args)
}

/** Where the statement was given, not where the socket was read. */
function rethrowHere(error: unknown): never {
  if (error instanceof Error) Error.captureStackTrace(error)
  throw error
}

function endedPool(): TopologyError {
  return new TopologyError('POOL_ENDED', 'Cannot use a pool after calling end on the pool')
}
