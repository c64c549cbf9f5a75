/** An immutable snapshot of which servers there are. Status changes make a new snapshot. */
export interface Topology {
  readonly version: number
  /** Shards by name, in the order of the configuration. */
  readonly shards: ReadonlyMap<string, ShardDescription>
  readonly keyspaces: ReadonlyMap<string, KeyspaceDescription>
}

export interface KeyspaceDescription {
  readonly name: string
  /** Shard names; index = shard number in the assignment. */
  readonly shards: readonly string[]
  /** The shard with the unsharded tables. */
  readonly home: string
}

export interface ShardDescription {
  readonly name: string
  readonly keyspace: string
  readonly primary: NodeDescription
  readonly replicas: readonly NodeDescription[]
}

export interface NodeDescription {
  /** Unique in the cluster, e.g. `eu0/primary`, `eu0/replica0`. */
  readonly name: string
  readonly shard: string
  readonly role: 'primary' | 'replica'
  readonly zone: string | undefined
  readonly tags: readonly string[]
  readonly weight: number
}
