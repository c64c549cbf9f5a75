import type { Collation } from './catalog.ts'

/**
 * How the results of several shards become one.
 *
 * Every shard runs `text` with the values that `shardValues` makes of `parameters`; its output is the visible columns,
 * followed by `hiddenColumns` columns that only the merge looks at.
 */
export interface MergePlan {
  /** The text each shard runs: the original, or a rewrite with hidden columns, a widened limit, no HAVING. */
  readonly text: string
  /** True when `text` differs from what the application wrote (so its prepared name must not be kept). */
  readonly isRewritten: boolean
  /** How many columns at the end of the shards' output the application does not see. */
  readonly hiddenColumns: number
  readonly order: readonly SortKey[]
  readonly distinct: DistinctMerge | undefined
  readonly grouping: GroupMerge | undefined
  /** Counts of the rows that a LIMIT and OFFSET inside of the statement leave of all shards' rows. */
  readonly counted?: CountMerge
  readonly limit: RowCount | undefined
  readonly offset: RowCount | undefined
  /** FETCH FIRST … WITH TIES. */
  readonly withTies: boolean
  /**
   * Values for the shards' text: index i gives parameter i+1. Undefined when the values are passed on as they are.
   * They can differ although the text does not: `LIMIT $1 OFFSET $2` becomes the sum and 0.
   */
  readonly parameters: readonly ShardParameter[] | undefined
  /** Parameters for each of whose values there is one row at most, so that an answer with as many rows is whole. */
  readonly oneRowPerValue?: readonly number[]
  /** Sentences for `explain`: what was changed in the text and what the merge does. */
  readonly notes: readonly string[]
}

/**
 * A column of the shards' output: its position from 0, from the end when negative (-1 is the last, hidden ones
 * included), or the name of an output column whose position only the server knows (`SELECT *`).
 */
export type ColumnPosition = number | string

export type ShardParameter =
  | { readonly kind: 'original'; readonly number: number }
  /** The widened limit: the rows to skip and the rows to return; NULL when one term is NULL. */
  | { readonly kind: 'sum'; readonly terms: readonly RowCount[]; readonly type: RowCountType }
  /** An OFFSET the merge applies itself: 0 for the shards; an invalid value is passed on, for PostgreSQL to reject. */
  | { readonly kind: 'skipped'; readonly number: number; readonly type: RowCountType }
  /** A LIMIT or OFFSET that the merge cannot apply: refused at run time unless it changes nothing. */
  | {
      readonly kind: 'absent'
      readonly number: number
      readonly type: RowCountType
      readonly clause: 'LIMIT' | 'OFFSET'
    }
  /** A LIMIT that must leave one row at most: refused at run time if it may leave more. */
  | { readonly kind: 'one'; readonly number: number }
  /** A LIMIT that only the merged rows have: NULL for the shards; an invalid value is passed on. */
  | { readonly kind: 'unlimited'; readonly number: number; readonly type: RowCountType }

export type RowCountType = 'int2' | 'int4' | 'int8'

export type RowCount =
  | { readonly source: 'parameter'; readonly number: number; readonly type: RowCountType }
  | { readonly source: 'literal'; readonly count: bigint }

export interface SortKey {
  readonly column: ColumnPosition
  readonly isDescending: boolean
  readonly isNullsFirst: boolean
  /** Undefined when the text does not tell: refused at run time if the column's type needs one. */
  readonly collation: Collation | undefined
}

export interface CountMerge {
  readonly columns: readonly ColumnPosition[]
  readonly limit: RowCount | undefined
  readonly offset: RowCount | undefined
}

export interface DistinctMerge {
  /** Columns that tell rows apart; for DISTINCT ON the ON columns; `visible` for all the application sees. */
  readonly columns: readonly ColumnPosition[] | 'visible'
  readonly isOn: boolean
  /** False when text may compare under a nondeterministic collation: refused at run time if a column is text. */
  readonly isDeterministic: boolean
}

export interface GroupMerge {
  /** Columns that identify a group. */
  readonly keys: readonly ColumnPosition[]
  readonly isDeterministic: boolean
  readonly aggregates: readonly AggregateMerge[]
  /** Conditions over merged columns. */
  readonly having: HavingCondition | undefined
  /** True without GROUP BY: there is one result row even when no shard sent any. */
  readonly isSingle: boolean
}

export type AggregateFunction = 'count' | 'sum' | 'min' | 'max' | 'bool_and' | 'bool_or' | 'avg' | 'any'

export interface AggregateMerge {
  /** The output column that receives the result. */
  readonly column: ColumnPosition
  readonly fn: AggregateFunction
  /** Shard columns with the partial results: one, or for `avg` sum and count. */
  readonly partials: readonly ColumnPosition[]
  readonly collation: Collation | undefined
  /**
   * `plain`: the column is the aggregate itself. `additive`: `count(…)::int` or `coalesce(sum(…), 0)`, whose values add up
   * all the same. `wrapped`: a cast or a coalesce of it, in a column of its own type: the merged aggregate is converted
   * to that; when it is NULL, what the shards made of NULL stays.
   */
  readonly form: 'plain' | 'additive' | 'wrapped'
}

export type HavingOperator = '=' | '<>' | '<' | '<=' | '>' | '>='

export type HavingCondition =
  | { readonly kind: 'and' | 'or'; readonly conditions: readonly HavingCondition[] }
  | { readonly kind: 'not'; readonly condition: HavingCondition }
  | {
      readonly kind: 'compare'
      readonly column: ColumnPosition
      readonly operator: HavingOperator
      readonly operand:
        /** `isInteger` when the text casts it to an integer type. */
        | { readonly source: 'parameter'; readonly number: number; readonly isInteger: boolean }
        /** A number as written, or the text of a quoted constant. */
        | { readonly source: 'literal'; readonly text: string; readonly isQuoted: boolean }
    }
  | { readonly kind: 'null-test'; readonly column: ColumnPosition; readonly isNull: boolean }
