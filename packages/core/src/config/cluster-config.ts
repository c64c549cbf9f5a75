import type pg from 'pg'
import type { Balance } from '../selection/balance.ts'
import type { Assignment } from '../sharding/assignment.ts'
import type { Period } from '../sharding/period.ts'
import type { NodeDescription } from '../topology/topology.ts'

/** A validated cluster description with its defaults filled in; made by `defineCluster`, frozen. */
export interface ClusterConfig {
  readonly keyspaces: ReadonlyMap<string, KeyspaceConfig>
  /** All shards of all keyspaces by name, in the order of the description. */
  readonly shards: ReadonlyMap<string, ShardConfig>
  readonly reads: {
    readonly balance: Balance
    readonly zone: string | undefined
    readonly maxLagMs: number | undefined
  }
  readonly consistency: 'eventual' | 'session' | 'strong'
  readonly pool: PoolConfig
  readonly prepare: { readonly isEnabled: boolean; readonly max: number }
  readonly planCache: { readonly max: number }
  readonly start: { readonly deadlineMs: number }
  readonly searchPath: readonly string[] | undefined
  readonly functions: ReadonlyMap<string, 'shard-local'>
  /** Whether tenant tables that say nothing themselves are guarded. */
  readonly isGuarded: boolean
  /** Type parsers of the common client options. */
  readonly types: pg.CustomTypesConfig | undefined
}

export interface PoolConfig {
  readonly max: number
  readonly min: number
  readonly idleTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly acquireTimeoutMs: number
  readonly maxWaiting: number
  readonly maxUses: number
  readonly maxLifetimeMs: number
  readonly allowExitOnIdle: boolean
  /** Undefined: on, unless there is a pooler. */
  readonly multiplex: boolean | { readonly depth?: number | undefined } | undefined
}

export interface KeyspaceConfig {
  readonly name: string
  readonly shards: ReadonlyMap<string, ShardConfig>
  readonly home: string
  /** By `schema.table`. */
  readonly tables: ReadonlyMap<string, TableConfig>
  /** Buckets to shards, without the pins of `directory`: their spelling depends on the key's type, which a server tells. */
  readonly assignment: Assignment
  /** Shards of pinned keys by group and by the key as it was written. */
  readonly directory: ReadonlyMap<string, ReadonlyMap<string, string>>
}

export interface ShardConfig {
  readonly name: string
  readonly keyspace: string
  readonly primary: NodeConfig
  readonly replicas: readonly NodeConfig[]
}

export interface NodeConfig extends NodeDescription {
  /** For `pg.Client`; not enumerable, so that printing a configuration prints no password. */
  readonly clientConfig: pg.ClientConfig
}

interface TableName {
  readonly schema: string
  readonly name: string
  readonly keyspace: string
}

export type TableConfig = (TableName & { readonly strategy: 'reference' | 'unsharded' }) | KeyedTableConfig

export interface KeyedTableConfig extends TableName {
  readonly strategy: 'tenant' | 'entity' | 'time'
  readonly keyColumn: string
  /** Unique over the keyspaces: with several of them, it starts with the keyspace's name. */
  readonly group: string
  readonly every: Period | undefined
  readonly isGuarded: boolean
  /** Columns of routable ids, sorted; undefined when nothing is said of them. */
  readonly routable: readonly string[] | undefined
}

export function isKeyed(table: TableConfig): table is KeyedTableConfig {
  return 'group' in table
}
