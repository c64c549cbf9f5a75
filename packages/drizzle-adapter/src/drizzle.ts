import { drizzle as connect } from 'drizzle-orm/node-postgres'
import { ConfigError, type RouteContext, type RoutedPool, type Router } from '@shardline/core'
import type { AnyModel, DrizzleOptions, NoModel, ShardlineDatabase } from './config.ts'
import { poolInContext } from './context-pool.ts'
import { describeTables, refuseForgottenTables } from './describe-tables.ts'
import { scopedCache, type QueryCache } from './scoped-cache.ts'
import type { TableModel } from './table-model.ts'

/**
 * Drizzle's own database, with the router's pool as its client: `drizzle(router, { schema })`.
 *
 * Takes the options of `drizzle-orm/node-postgres`. Tables that were `sharded`, or that `tables` describes, are made
 * known to the router. The router is ended by whoever made it; `$client` is its pool.
 *
 * @throws ConfigError CONFIG_CONFLICT when a table is described otherwise elsewhere, CONFIG_INVALID when a description
 * names no column of its table or when tables were `sharded` and none was given, UNSUPPORTED_OPTION for a cache that
 * answers every query, CATALOG_MISMATCH when the servers contradict a description
 */
export function drizzle<Model extends AnyModel = NoModel, Schema extends object = object>(
  router: Router,
  options: DrizzleOptions<Model, Schema> = {},
): ShardlineDatabase<Model> {
  const { tables, cache, ...config } = options as LooseOptions
  if (cache !== undefined) refuseCacheOfEverything(cache)
  const open = connect as unknown as (config: object) => Database
  const connectTo = (client: RoutedPool, isInContext: () => boolean): Database =>
    open({ ...config, client, ...(cache === undefined ? {} : { cache: scopedCache(cache, isInContext) }) })
  const db = connectTo(router.pool, () => router.context !== undefined)

  const { schema, relations } = config
  if (schema === undefined && relations === undefined && tables === undefined) refuseForgottenTables()
  describeTables(router, db as never, {
    schemas: [schema ?? {}, tablesOf(relations ?? {})],
    models: tables ?? {},
  })

  const inContext = (context: RouteContext) =>
    connectTo(poolInContext(router, Object.freeze({ ...context })), () => true)
  const onPrimary = once(() => inContext({ role: 'primary' }))
  const onReplica = once(() => inContext({ role: 'replica' }))
  Object.defineProperties(db, {
    $primary: { get: onPrimary },
    $replica: { get: onReplica },
    $replicas: { get: () => [onReplica()] },
    $context: { value: inContext },
  })
  return db as unknown as ShardlineDatabase<Model>
}

type Schema = Readonly<Record<string, unknown>>

/** The options of both versions, as they arrive. */
interface LooseOptions {
  readonly schema?: Schema
  readonly relations?: Readonly<Record<string, { readonly table: unknown }>>
  readonly tables?: Readonly<Record<string, TableModel | undefined>>
  readonly cache?: QueryCache | undefined
}

interface Database {
  readonly $client: RoutedPool
}

function tablesOf(relations: NonNullable<LooseOptions['relations']>): Schema {
  return Object.fromEntries(Object.entries(relations).map(([key, { table }]) => [key, table]))
}

/** With this strategy Drizzle answers from the cache what it takes for a read, statements that write among them. */
function refuseCacheOfEverything(cache: QueryCache): void {
  if (cache.strategy() !== 'all') return
  throw new ConfigError(
    'UNSUPPORTED_OPTION',
    'cache: with the strategy "all" (`global: true`) Drizzle answers from the cache without knowing what a statement does or where it runs: writes in CTEs would not be executed, and reads inside of transactions would be stale. Use the strategy "explicit", and $withCache() on the queries that may be stale.',
  )
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => (made ??= { value: make() }).value
}
