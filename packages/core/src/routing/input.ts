import type { KeyedPlacement } from '../statement/catalog.ts'
import type { KeyList } from '../statement/key-list.ts'
import type { KeySet, KeyValue } from '../statement/key-set.ts'
import type { Topology } from '../topology/topology.ts'
import type { Consistency } from './context.ts'

/** Everything a routing decision rests on besides the statement, its values and the caller's context. */
export interface RoutingInput {
  readonly topology: Topology
  readonly keys: KeyResolver
  readonly consistency: Consistency
  /** Tenant placements by keyspace, one per group: a tenant context is resolved through those of the statement's keyspace. */
  readonly tenantPlacements: ReadonlyMap<string, readonly KeyedPlacement[]>
  /** The keyspace of statements that name no relation. */
  readonly defaultKeyspace: string
  /** Uniform in [0, 1): spreads statements that any shard can answer. */
  readonly random: () => number
}

/** From key sets and values to shards: the sharding room, closed over the current assignment. */
export interface KeyResolver {
  /**
   * The shards on which rows with a key in `set` may lie. `home` is the shard of a context's tenant: an id that may lie
   * there lies there, as far as the tenant's own rows go.
   */
  resolve(placement: KeyedPlacement, set: KeySet, values: readonly unknown[], home?: string): KeyResolution
  /** The indices of the list's keys by the shards on which their rows may lie; undefined when one is not certain. */
  deal(list: KeyList, values: readonly unknown[]): ReadonlyMap<string, readonly number[]> | undefined
  /** The shard of a row that is about to be written. */
  locate(placement: KeyedPlacement, value: KeyValue, values: readonly unknown[]): KeyLocation
  /** The shard and canonical spelling of a tenant given by a context. */
  locateTenant(placement: KeyedPlacement, tenant: string | number | bigint): KeyLocation
}

export type KeyResolution =
  | { readonly kind: 'all' }
  | {
      readonly kind: 'some'
      readonly shards: readonly string[]
      /** Canonical keys, when they are a finite list (absent for time ranges and for ids). */
      readonly keys: readonly CanonicalText[] | undefined
      /** True when ids prove the shards and nothing proves the keys. */
      readonly isById?: boolean
      /** Where the keys lie that ids contradict, so that no shard is left. */
      readonly near?: string | undefined
    }

/** A key spelled in the one way in which equal keys are equal strings. */
export type CanonicalText = string

export type KeyLocation =
  | { readonly kind: 'found'; readonly shard: string; readonly key: CanonicalText }
  | { readonly kind: 'null' }
  /** The parameter was not given. */
  | { readonly kind: 'missing'; readonly parameter: number }
  /** The value is none that PostgreSQL would certainly read as one known key of this type. */
  | { readonly kind: 'unprovable' }
