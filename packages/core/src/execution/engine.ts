import type pg from 'pg'
import type { Route } from '../routing/route.ts'
import type { RouteContext } from '../routing/context.ts'
import type { Statement } from '../statement/statement.ts'
import type { NodePool, PgModule } from '../pool/node-pool.ts'

/**
 * What execution needs from the router, which implements it: plans, routes and nodes.
 *
 * Nothing here waits, except reading the catalog again; a statement on a plan hit goes from text to node
 * without a promise.
 */
export interface Engine {
  readonly pg: PgModule
  /**
   * One server in all (one shard without replicas) and no guarded table: statements pass through as `pg` would send
   * them, unless a context is given.
   */
  readonly isSingleNode: boolean
  /** True when every node's `default_transaction_isolation` is `read committed`. */
  readonly isReadCommittedByDefault: boolean
  /** Type parsers of the client configuration; undefined for those registered on `pg.types`. */
  readonly types: pg.CustomTypesConfig | undefined
  /** Shard names of all keyspaces, in the order of the configuration; locks are always taken in this order. */
  readonly shards: readonly string[]
  /** The analysed statement, from the plan cache when its text was seen before. */
  plan(text: string): Statement
  /** Where it goes. Throws StatementError when it cannot be run rightly. */
  route(statement: Statement, values: readonly unknown[], context: RouteContext | undefined): Route
  /** The caller's context; `undefined` without any look-up while no `run()` was ever used. */
  context(): RouteContext | undefined
  /**
   * The nodes of a shard that may run a statement of this route, best first: for role `replica` the eligible
   * replicas and then the primary, for role `primary` the primary alone.
   */
  candidates(route: Route, shard: string): readonly NodePool[]
  primary(shard: string): NodePool
  /** The only shard that the caller's operation has read so far, inside of `keepNodes`. */
  readShard(): string | undefined
  /** Every node's pool. */
  pools(): Iterable<NodePool>
  /** A write was acknowledged on the shard, or may have happened there: its replicas are behind until proved otherwise. */
  wrote(shard: string): void
  /** A replica refused the statement as a write (25006): its plan needs the primary from now on. */
  learnPrimary(statement: Statement): void
  /** Reads the catalogs again; resolves to false when nothing was read anew (so a second attempt is pointless). */
  refreshCatalog(cause: 'unknown-table' | 'ddl'): Promise<boolean>
  /** Labels of an enum type in their order, by its OID on the shard. */
  enumLabels(shard: string, typeOid: number): readonly string[] | undefined
  /** The shard's name in the catalog for a user type, `schema.name`; undefined for built-in types. */
  typeName(shard: string, typeOid: number): string | undefined
  /** Ends every node's pool. */
  end(): Promise<void>
}
