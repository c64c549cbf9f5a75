import { contextKey, type RouteContext, type Router } from '@shardline/core'
import type pg from 'pg'

/** What the adapter's pool is made with. */
export interface AdapterPoolOptions {
  readonly context: RouteContext | undefined
  /** Throws when the statement that is about to be sent may be in somebody else's context. */
  readonly assertAttributed: () => void
}

type PoolClass = typeof pg.Pool
type PoolQuery = (...args: unknown[]) => unknown

/**
 * The router's pool as an instance of a given copy of `pg.Pool`: `PrismaPg` takes a pool for one only when it is of the copy that
 * `@prisma/adapter-pg` itself imports, which need not be the application's. Nothing of that copy runs but its constructor,
 * which opens no connection.
 */
export function createAdapterPool(Pool: PoolClass, router: Router, options: AdapterPoolOptions): pg.Pool {
  return new (adapterPoolClass(Pool))(router, options)
}

type AdapterPoolClass = new (router: Router, options: AdapterPoolOptions) => pg.Pool

const classes = new WeakMap<PoolClass, AdapterPoolClass>()

function adapterPoolClass(Pool: PoolClass): AdapterPoolClass {
  const known = classes.get(Pool)
  if (known !== undefined) return known
  const created = createClass(Pool)
  classes.set(Pool, created)
  return created
}

function createClass(Pool: PoolClass): AdapterPoolClass {
  const Base = Pool as unknown as new (options: object) => object

  class AdapterPool extends Base {
    readonly #pool: pg.Pool
    readonly #router: Router
    readonly #options: AdapterPoolOptions

    constructor(router: Router, options: AdapterPoolOptions) {
      super(router.pool.options)
      this.#pool = router.pool
      this.#router = router
      this.#options = options
    }

    query(query: unknown, ...rest: unknown[]): unknown {
      this.#options.assertAttributed()
      const send = this.#pool.query.bind(this.#pool) as PoolQuery
      return send(this.#inContext(query), ...rest)
    }

    connect(callback?: unknown): unknown {
      this.#options.assertAttributed()
      if (callback !== undefined) return (this.#pool.connect as PoolQuery).call(this.#pool, callback)
      return this.#lease()
    }

    /** Reached only when the adapter's options say that disconnecting ends the router. */
    async end(): Promise<void> {
      if (!this.#pool.ending) await this.#router.end()
    }

    get totalCount(): number {
      return this.#pool.totalCount
    }

    get idleCount(): number {
      return this.#pool.idleCount
    }

    get waitingCount(): number {
      return this.#pool.waitingCount
    }

    on(event: string, listener: (...args: unknown[]) => void): this {
      this.#pool.on(event as 'error', listener)
      return this
    }

    removeListener(event: string, listener: (...args: unknown[]) => void): this {
      this.#pool.removeListener(event, listener)
      return this
    }

    async #lease(): Promise<pg.PoolClient> {
      const lease = await this.#pool.connect()
      if (this.#options.context === undefined) return lease
      const send = lease.query.bind(lease) as PoolQuery
      const query: PoolQuery = (config, ...rest) => send(this.#inContext(config), ...rest)
      return Object.assign(lease, { query })
    }

    #inContext(query: unknown): unknown {
      const { context } = this.#options
      if (context === undefined) return query
      const config = typeof query === 'string' ? { text: query } : (query as object)
      return { ...config, [contextKey]: context }
    }
  }

  return AdapterPool as unknown as AdapterPoolClass
}
