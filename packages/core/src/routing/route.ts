import type { Consistency } from './context.ts'
import type { DealtKeys } from './deal-keys.ts'
import type { MergePlan } from '../statement/merge-plan.ts'
import type { Role, RoleReason } from '../statement/statement.ts'

/** Where a statement goes, and why: data, the same value for `explain` and for execution. */
export type Route = SingleRoute | MergeRoute | WriteAllRoute | SplitRoute

interface RouteBase {
  readonly role: Role
  readonly roleReason: RoleReason
  readonly placementReason: PlacementReason
  readonly consistency: Consistency
  /** Tag that a replica must carry. */
  readonly workload: string | undefined
}

/** One shard runs the statement as it is. */
export interface SingleRoute extends RouteBase {
  readonly kind: 'single'
  readonly shard: string
  /** True when every shard would answer alike, so an open transaction's shard may be taken. */
  readonly isAnyShard: boolean
}

/** Several shards run a read, and the plan merges their rows. */
export interface MergeRoute extends RouteBase {
  readonly kind: 'merge'
  readonly shards: readonly string[]
  readonly plan: MergePlan
  /** Lists of keys of which each shard gets its own. */
  readonly keys: readonly DealtKeys[]
}

/** Several shards run the same write, atomically; for a reference table one shard's result stands for all. */
export interface WriteAllRoute extends RouteBase {
  readonly kind: 'write-all'
  readonly shards: readonly string[]
  readonly isReference: boolean
  /** As in `MergeRoute`; none for a reference table. */
  readonly keys: readonly DealtKeys[]
}

/** Rows of one INSERT dealt out to several shards, atomically. */
export interface SplitRoute extends RouteBase {
  readonly kind: 'split'
  /** Row indices in VALUES order, by shard. */
  readonly rowsByShard: ReadonlyMap<string, readonly number[]>
}

export interface PlacementReason {
  readonly rule:
    | 'only-shard'
    | 'shard-key'
    | 'routable-id'
    | 'contradictory-keys'
    | 'no-table'
    | 'reference-table'
    | 'unsharded-table'
    | 'tenant-context'
    | 'shard-context'
    | 'hint'
    | 'no-key'
    | 'several-keys'
    | 'transaction'
  /** Tables or the context that decided. */
  readonly subject?: string
}
