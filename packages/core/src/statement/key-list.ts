import type { KeyedPlacement } from './catalog.ts'
import type { IdSet } from './key-set.ts'
import type { KeyType } from './key-type.ts'

/**
 * Keys that the application passes as a list, of which every shard needs only those of its own rows.
 *
 * The column they are compared with holds the key of a row of the very shard that compares, or NULL. A key of another
 * shard equals no such value, so that the comparison comes out the same without it, true, false or NULL, wherever in
 * the statement it stands: under NOT, in OR, in CASE. For that the list must keep its NULLs and must not become empty.
 *
 * All of it is parameters that stand nowhere else in the text.
 */
export interface KeyList {
  /**
   * `arrays`: `key = ANY($1)`, the elements of one array, or of several that belong together by their positions.
   * `items`: `key IN ($1, $2)`, `(key, b) IN (($1, $2), ($3, $4))`.
   */
  readonly kind: 'arrays' | 'items'
  readonly table: string
  readonly placement: KeyedPlacement
  /** Set when the values are routable ids and not keys. */
  readonly id: Pick<IdSet, 'format' | 'group'> | undefined
  /** The type under which PostgreSQL reads the keys. */
  readonly type: KeyType
  /** Their numbers: the arrays, or those of one item after the other. */
  readonly parameters: readonly number[]
  /** How many parameters belong to one item; 1 for arrays. */
  readonly width: number
  /** Which of the arrays, or of an item's parameters, is the key. */
  readonly at: number
}
