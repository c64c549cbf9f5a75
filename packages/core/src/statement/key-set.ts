import type { KeyType } from './key-type.ts'

/**
 * A provable superset of the shard-key values that matter at one place of a statement, still waiting for the
 * parameter values. `all` proves nothing; `none` proves that no row matters.
 */
export type KeySet =
  | { readonly kind: 'all' }
  | { readonly kind: 'none' }
  /** key ∈ {values}; a value that is NULL matches no row. */
  | { readonly kind: 'values'; readonly values: readonly KeyValue[] }
  /** key = ANY(array parameter or literal); NULL members match no row, a NULL array none at all. */
  | { readonly kind: 'array'; readonly value: KeyValue }
  /** key IS NOT DISTINCT FROM value; `whenNull` says what a NULL value proves here. */
  | { readonly kind: 'not-distinct'; readonly value: KeyValue; readonly whenNull: 'all' | 'none' }
  /** lower ≤ key ≤ upper, for time keys; a NULL bound matches no row. */
  | { readonly kind: 'range'; readonly lower?: KeyBound; readonly upper?: KeyBound }
  | { readonly kind: 'and'; readonly sets: readonly KeySet[] }
  | { readonly kind: 'or'; readonly sets: readonly KeySet[] }

export interface KeyBound {
  readonly value: KeyValue
  readonly isInclusive: boolean
}

/** A value that a key is compared with, and the SQL type under which PostgreSQL would read its text. */
export type KeyValue =
  | { readonly source: 'parameter'; readonly number: number; readonly type: KeyType }
  | { readonly source: 'literal'; readonly text: string; readonly type: KeyType }
  | { readonly source: 'null' }

export const allKeys: KeySet = { kind: 'all' }
export const noKeys: KeySet = { kind: 'none' }
