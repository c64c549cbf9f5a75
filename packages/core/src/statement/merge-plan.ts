import type { Collation } from './catalog.ts'

/** How the results of several shards become one. Columns are numbered from 0 in the shard's (rewritten) output. */
export interface MergePlan {
  /** The text each shard runs: the original, or a rewrite with hidden columns and a widened limit. */
  readonly text: string
  /** True when `text` differs from what the application wrote (so its prepared name must not be kept). */
  readonly isRewritten: boolean
  /** Columns the application sees; further ones are hidden. */
  readonly visibleColumns: number | undefined
  readonly order: readonly SortKey[]
  readonly distinct: DistinctMerge | undefined
  readonly grouping: GroupMerge | undefined
  readonly limit: RowCount | undefined
  readonly offset: RowCount | undefined
  /** FETCH FIRST … WITH TIES. */
  readonly withTies: boolean
  /**
   * Values for the rewritten text: index i gives parameter i+1 as "original parameter n" or the sum of two
   * (`limit + offset`). Undefined when the values are passed on as they are.
   */
  readonly parameters: readonly ShardParameter[] | undefined
}

export type ShardParameter =
  | { readonly kind: 'original'; readonly number: number }
  | { readonly kind: 'sum'; readonly terms: readonly RowCount[] }

export type RowCount =
  | { readonly source: 'parameter'; readonly number: number }
  | { readonly source: 'literal'; readonly count: bigint }

export interface SortKey {
  readonly column: number
  readonly isDescending: boolean
  readonly isNullsFirst: boolean
  /** Undefined when the text does not tell (an expression): refused at run time if the column's type needs one. */
  readonly collation: Collation | undefined
}

export interface DistinctMerge {
  /** Columns that tell rows apart; for DISTINCT ON the ON columns. */
  readonly columns: readonly number[]
  readonly isOn: boolean
}

export interface GroupMerge {
  /** Columns that identify a group. */
  readonly keys: readonly number[]
  readonly aggregates: readonly AggregateMerge[]
  /** Conditions over merged columns. */
  readonly having: HavingCondition | undefined
}

export interface AggregateMerge {
  /** The output column that receives the result. */
  readonly column: number
  readonly fn: 'count' | 'sum' | 'min' | 'max' | 'bool_and' | 'bool_or' | 'avg'
  /** Shard columns with the partial results: one, or for `avg` sum and count. */
  readonly partials: readonly number[]
  readonly collation: Collation | undefined
}

export type HavingCondition =
  | { readonly kind: 'and' | 'or'; readonly conditions: readonly HavingCondition[] }
  | { readonly kind: 'not'; readonly condition: HavingCondition }
  | {
      readonly kind: 'compare'
      readonly column: number
      readonly operator: '=' | '<>' | '<' | '<=' | '>' | '>='
      readonly operand:
        | { readonly source: 'parameter'; readonly number: number }
        | { readonly source: 'literal'; readonly text: string }
    }
  | { readonly kind: 'null-test'; readonly column: number; readonly isNull: boolean }
