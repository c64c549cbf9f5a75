import type { Collation } from '../statement/catalog.ts'

/** A row as it came over the wire: text per column, before any type parser; NULL is null. */
export type RawRow = (string | null)[]

/** What the merge needs of a result column; `pg`'s FieldDef is one. */
export interface FieldFacts {
  readonly name: string
  readonly dataTypeID: number
}

/** What the merge asks of the servers. OIDs are those of the shard whose fields were passed. */
export interface MergeEnvironment {
  /** Labels of an enum in their sort order; undefined for every other type. */
  enumLabels(typeOid: number): readonly string[] | undefined
  /**
   * Asks a shard how it sorts: one number per value, smaller first, **equal numbers for equal values**.
   * See `rankText`, the query that answers it. A collation is given for types that have one.
   */
  rank(
    values: readonly string[],
    typeOid: number,
    collation: Collation | undefined,
  ): Promise<readonly number[]>
}
