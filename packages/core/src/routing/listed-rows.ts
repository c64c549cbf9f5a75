import type { KeyList } from '../statement/key-list.ts'
import type { KeyValue } from '../statement/key-set.ts'
import { boundMembers } from '../sharding/resolve-key-set.ts'

/** Rows of which each is made of the elements of one position. */
export interface ListedRows {
  /** As many as the longest array has elements; shorter ones are filled up with NULL. */
  readonly count: number
  /** Of an array that cannot be read there is one, which is none that is known. */
  readonly keys: readonly unknown[]
  /** How a key is read that is the only value given. */
  readonly key: KeyValue
  /** False when the elements of some array are not known one by one. */
  readonly isWhole: boolean
}

export function elementsOf({ parameters, at, type }: KeyList, values: readonly unknown[]): ListedRows {
  const arrays = parameters.map((number) => membersOf(values[number - 1]))
  const keys = arrays[at]
  const key: KeyValue = { source: 'parameter', number: 1, type }
  if (keys === undefined) return { count: 1, keys: [unreadable], key, isWhole: false }
  const count = Math.max(...arrays.map((array) => array?.length ?? 0))
  return { count, keys, key, isWhole: arrays.every((array) => array !== undefined) }
}

/** Proves no key of any type. */
const unreadable = {}

/** The elements of an array value, none for NULL; undefined when they are not known, as of an array of arrays. */
export function membersOf(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value.some(Array.isArray) ? undefined : (value as readonly unknown[])
  return boundMembers({ source: 'parameter', number: 1, type: 'text' }, [value])
}
