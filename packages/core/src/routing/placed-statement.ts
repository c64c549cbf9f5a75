import type { MergePlan } from '../statement/merge-plan.ts'
import type { DealtKeys } from './deal-keys.ts'
import type { PlacementReason } from './route.ts'

/** Where a statement runs, without the question of which server of a shard. */
export type PlacedStatement =
  | {
      readonly kind: 'single'
      readonly shard: string
      readonly isAnyShard: boolean
      readonly reason: PlacementReason
    }
  | {
      readonly kind: 'merge'
      readonly shards: readonly string[]
      readonly plan: MergePlan
      readonly keys: readonly DealtKeys[]
      readonly reason: PlacementReason
    }
  | {
      readonly kind: 'write-all'
      readonly shards: readonly string[]
      readonly isReference: boolean
      readonly keys: readonly DealtKeys[]
      readonly reason: PlacementReason
    }
  | {
      readonly kind: 'split'
      readonly rowsByShard: ReadonlyMap<string, readonly number[]>
      readonly reason: PlacementReason
    }
