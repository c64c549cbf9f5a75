import type { Node } from './tree.ts'
import type { Column, Relation } from './catalog.ts'

/** A column of the statement's result, as far as the text and the catalog tell. */
export interface OutputColumn {
  /** The name PostgreSQL gives it. */
  readonly name: string
  /** Set when the output is plainly a column of a relation. */
  readonly relation: Relation | undefined
  readonly column: Column | undefined
  /** True when it is plainly the shard key of a tied table, or an id that is on one shard alone, and cannot be NULL here. */
  readonly isShardKey: boolean
}

/**
 * The proof that a read may run shard by shard: without its own top-level ORDER BY, LIMIT, DISTINCT and
 * grouping, its rows over all data are exactly the rows of the shards put together.
 */
export interface DistributionProof {
  readonly outputs: readonly OutputColumn[]
  /** True when the proof is for the rows before a LIMIT inside of the statement, which then must be all aggregated. */
  readonly isOfPage?: boolean
  /** True when every group lies whole on one shard, because GROUP BY holds the (tied) shard key. */
  readonly isGroupedByKey: boolean
  /** True when equal rows lie on one shard, because the DISTINCT list (or every branch of a UNION) holds the key. */
  readonly isDistinctByKey: boolean
  /** True when rows with equal values of the column or row lie on one shard; NULL aside when `orNull`. */
  isOnOneShard?(node: Node, orNull: boolean): boolean
  /** True when a top-level ColumnRef is surely not NULL. */
  isNeverNull?(node: Node): boolean
  /** The catalog column a top-level ColumnRef plainly means. */
  resolveColumn(node: Node): { readonly relation: Relation; readonly column: Column } | undefined
  /**
   * True when two top-level ColumnRefs surely mean one column of one item of FROM. Equal catalog columns are not
   * enough: a table may stand in FROM twice, also inside of a view or a subquery.
   */
  isSameColumn?(left: Node, right: Node): boolean
}
