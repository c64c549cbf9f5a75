import type { KeyList } from '../statement/key-list.ts'
import { membersOf } from './listed-rows.ts'
import type { DealtKeys } from './deal-keys.ts'

/** The values of a statement with each dealt array cut down to the shard's own elements. */
export function ownArrays(
  keys: readonly DealtKeys[],
  shard: string,
  values: readonly unknown[],
): readonly unknown[] {
  let own: unknown[] | undefined
  for (const { list, byShard } of keys) {
    const indices = byShard.get(shard)
    if (list.kind !== 'arrays' || indices === undefined) continue
    own ??= [...values]
    for (const number of list.parameters) own[number - 1] = elementsAt(values[number - 1], indices)
  }
  return own ?? values
}

/** The values of an INSERT of arrays with the rows of the indices. */
export function ownRows(
  list: KeyList,
  indices: readonly number[],
  values: readonly unknown[],
): readonly unknown[] {
  const own = [...values]
  for (const number of list.parameters) own[number - 1] = elementsAt(values[number - 1], indices)
  return own
}

const first: readonly number[] = [0]

/** Never none: `NULL = ANY('{}')` is false, but NULL with any other array. */
function elementsAt(value: unknown, indices: readonly number[]): readonly unknown[] {
  // That it can be read was found out when it was dealt.
  const members = membersOf(value) ?? []
  const elements: unknown[] = []
  for (const index of indices.length === 0 ? first : indices) elements.push(members[index] ?? null)
  return elements
}
