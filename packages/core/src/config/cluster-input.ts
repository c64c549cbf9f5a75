import type pg from 'pg'
import type { StoredAssignment } from '../sharding/assignment-json.ts'
import type { Balance } from '../selection/balance.ts'
import type { Guard, TableDescription } from './table-description.ts'

/** What a user gives to `defineCluster`: one keyspace in short form, or several by name. */
export type ClusterInput = ClusterSettings &
  (
    | (KeyspaceInput & { readonly keyspaces?: undefined })
    | ({ readonly keyspaces: Readonly<Record<string, KeyspaceInput>> } & {
        readonly [K in keyof KeyspaceInput]?: undefined
      })
  )

/** A set of shards and the tables that live on them. */
export interface KeyspaceInput {
  /** Shards by name. Names are part of the stored assignment: keep them when servers change. */
  readonly shards: Readonly<Record<string, ShardInput>>
  /** Tables by `table` (in schema public) or `schema.table`; those left out are unsharded. */
  readonly tables?: Readonly<Record<string, TableDescription>> | undefined
  /** The shard with the unsharded tables. Default: the first. */
  readonly home?: string | undefined
  /** Pinned keys of tenant groups: `{ tenant: { 7: 'eu1' } }` by group, key and shard. */
  readonly directory?: Readonly<Record<string, Readonly<Record<string, string>>>> | undefined
  /**
   * A stored assignment of buckets to shards. Default: a fresh one, balanced over the shards in the order of their
   * names. Store it before you add or remove shards: a fresh one for other shards looks for rows elsewhere.
   */
  readonly assignment?: StoredAssignment | string | undefined
}

export interface ShardInput {
  readonly primary: NodeInput
  readonly replicas?: readonly NodeInput[] | undefined
}

/** A server: its connection string, or everything that `pg.Client` takes and what Shardline wants to know of it. */
export type NodeInput = string | NodeOptions

/** Result formats and pipelining are Shardline's own business, so these options of `pg.Client` cannot be set. */
export type ClientOptions = Omit<pg.ClientConfig, 'connectionString' | 'connectionTimeoutMillis' | 'pipeline'>

export interface NodeOptions extends ClientOptions {
  /** `postgres://user:password@host:5432/database?…`; what it says goes before the other options. */
  readonly url?: string | undefined
  /** Unique in the cluster. Default: `eu0/primary`, `eu0/replica0`, … */
  readonly name?: string | undefined
  /** Where the server is; replicas in the caller's own `reads.zone` are preferred. */
  readonly zone?: string | undefined
  /** Workloads that ask for this replica by name. */
  readonly tags?: readonly string[] | undefined
  /** Share of reads under `balance: 'weighted'`. Default 1. */
  readonly weight?: number | undefined
}

export interface ClusterSettings {
  /** Options of `pg.Client` for every node; a node's own go before them. */
  readonly client?: ClientOptions | undefined
  readonly reads?:
    | {
        /** How replicas are picked. Default `p2c`: the less loaded of two random ones. */
        readonly balance?: Balance | undefined
        /** The zone that this process runs in. */
        readonly zone?: string | undefined
        /**
         * Replicas that are not known to be within this many milliseconds of their primary are not asked; at least 10.
         * Judged when a read (or a READ ONLY transaction) is given its node. Default: no limit, and nothing is measured.
         */
        readonly maxLagMs?: number | undefined
      }
    | undefined
  /** What a read must see. Default `session`: everything that this process has written. */
  readonly consistency?: 'eventual' | 'session' | 'strong' | undefined
  /** Connections to each node. */
  readonly pool?:
    | {
        /** Most connections to one node. Default 10. */
        readonly max?: number | undefined
        /** Connections that idling does not close. Default 0. */
        readonly min?: number | undefined
        /** 0 for never. Default 10,000. */
        readonly idleTimeoutMs?: number | undefined
        /** For TCP, TLS, authentication and role check together; 0 for no limit. Default 5,000. */
        readonly connectTimeoutMs?: number | undefined
        /** How long a caller waits for a connection; 0 for no limit. Default 10,000. */
        readonly acquireTimeoutMs?: number | undefined
        /** Callers that may wait at a time, at each node; the next one is refused with POOL_OVERLOADED. Default: no limit. */
        readonly maxWaiting?: number | undefined
        /** Leases after which a connection is replaced. Default: no limit. */
        readonly maxUses?: number | undefined
        /** 0 for never. Default 0. */
        readonly maxLifetimeMs?: number | undefined
        /** Lets the process end while connections idle. Default false. */
        readonly allowExitOnIdle?: boolean | undefined
        /**
         * Whether reads outside of transactions share connections when all are busy, and how many at most are on one
         * (default 16). Default: on, and off by itself behind a pooler; `true` or a depth shares there, too.
         */
        readonly multiplex?: boolean | { readonly depth?: number | undefined } | undefined
      }
    | undefined
  /** Automatic named prepared statements; `false` for poolers that cannot keep them. Default on, 256 per connection. */
  readonly prepare?:
    | boolean
    | { readonly enabled?: boolean | undefined; readonly max?: number | undefined }
    | undefined
  /** Most analysed statements kept. Default 10,000. */
  readonly planCache?: { readonly max?: number | undefined } | undefined
  /** How long `createRouter` may take. Default 10,000. */
  readonly start?: { readonly deadlineMs?: number | undefined } | undefined
  /** `required` refuses statements on tenant tables that do not prove a tenant. Default `off`. */
  readonly guard?: Guard | undefined
  /** `search_path` of every connection. Default: what the servers say. */
  readonly searchPath?: readonly string[] | undefined
  /**
   * User functions by `schema.function` that may run on several shards although their bodies cannot be read:
   * `shard-local` promises that they touch only rows of the shard's own that the statement could touch as well.
   */
  readonly functions?: Readonly<Record<string, 'shard-local'>> | undefined
}
