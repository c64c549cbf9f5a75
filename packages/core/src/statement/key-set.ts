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
  /** The keys of the rows that have one of these ids: an id carries the bucket of its row's key. */
  | IdSet
  | { readonly kind: 'and'; readonly sets: readonly KeySet[] }
  | { readonly kind: 'or'; readonly sets: readonly KeySet[] }

export interface IdSet {
  readonly kind: 'ids'
  /** The column, for people: `orders.id`. */
  readonly column: string
  readonly format: 'int8' | 'uuid'
  /** The colocation group whose buckets the ids name; of keys of another group they prove nothing. */
  readonly group: string
  /** A set of ids, not of keys. */
  readonly set: KeySet
}

export interface KeyBound {
  readonly value: KeyValue
  readonly isInclusive: boolean
}

/** A value that a key is compared with, and the SQL type under which PostgreSQL would read its text. */
export type KeyValue =
  | { readonly source: 'parameter'; readonly number: number; readonly type: KeyType }
  | { readonly source: 'literal'; readonly text: string; readonly type: KeyType }
  | { readonly source: 'null' }

/** True when the set is about shards, not about keys alone: somewhere in it ids stand for keys. */
export function carriesIds(set: KeySet): boolean {
  if (set.kind === 'and' || set.kind === 'or') return set.sets.some(carriesIds)
  return set.kind === 'ids'
}

export const allKeys: KeySet = { kind: 'all' }
export const noKeys: KeySet = { kind: 'none' }
