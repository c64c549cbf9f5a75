import type {
  KyselyPlugin,
  PluginTransformQueryArgs,
  PluginTransformResultArgs,
  QueryResult,
  RootOperationNode,
  UnknownRow,
} from 'kysely'
import type { RouteContext, Router } from '@shardline/core'
import type { ShardlineDialectOptions } from './dialect-options.ts'
import { ShardlineDialect } from './dialect.ts'
import { wasExecuted } from './executed.ts'
import { HintPlugin } from './hint-plugin.ts'
import { Mark, dialectMissing, markQuery } from './mark.ts'
import { inSqlNames } from './sql-names.ts'
import type { TablesOf } from './tables.ts'

export interface ShardlinePluginOptions<DB> {
  /** Where the rows of each table live, by the names of `DB`. A table may also be described in `defineCluster`, alike. */
  readonly tables?: TablesOf<DB>
  /**
   * The plugins of the same `Kysely` that rename tables or columns, such as `new CamelCasePlugin()`, so that the names
   * of `DB` in `tables` become those of PostgreSQL. Default none: the names are the same.
   */
  readonly plugins?: readonly KyselyPlugin[]
}

/**
 * The Shardline plugin of one database, and the source of the dialect and of the hints that belong to it.
 *
 * The plugin describes tables and refuses to run without its dialect; what decides about statements is the router.
 */
export class ShardlinePlugin implements KyselyPlugin {
  readonly #router: Router
  readonly #mark: Mark

  constructor(router: Router) {
    this.#router = router
    this.#mark = new Mark(router)
  }

  /** The dialect that runs queries through the router; it does so also where this plugin is not registered. */
  dialect(options?: ShardlineDialectOptions): ShardlineDialect {
    return new ShardlineDialect(this.#router, options)
  }

  /**
   * A plugin that gives queries a context: `db.withPlugin(shardline.hint({ role: 'primary' }))`, or on a
   * transaction or a single query builder. It is laid over the context of `router.run`: it can
   * narrow that, and never lift a guard.
   */
  hint(context: RouteContext): KyselyPlugin {
    return new HintPlugin(this.#router, context)
  }

  transformQuery(args: PluginTransformQueryArgs): RootOperationNode {
    return markQuery(args.node, this.#mark)
  }

  async transformResult(args: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> {
    // Only a query that was compiled elsewhere comes here unmarked, such as CompiledQuery.raw().
    if (!wasExecuted(args.queryId)) throw dialectMissing('It has already run there.')
    return args.result
  }
}

/**
 * Shardline for Kysely: `shardlinePlugin<DB>(router, { tables: { orders: tenant('tenantId') } })`.
 *
 * `DB` must be named: tables and columns are checked against it, and a shard key must be a column that is never
 * null. Throws ConfigError CONFIG_CONFLICT when a table is described differently in `defineCluster`, and
 * CATALOG_MISMATCH when the servers do not have it so.
 */
export function shardlinePlugin<DB = never>(
  router: Router,
  options: NoInfer<ShardlinePluginOptions<DB>> = {},
): ShardlinePlugin {
  const { tables, plugins = [] } = options
  if (tables !== undefined) router.describeTables(inSqlNames(tables, plugins))
  return new ShardlinePlugin(router)
}
