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
    for (const number of list.parameters) {
      own[number - 1] = filledUp(elementsAt(values[number - 1], indices.length === 0 ? first : indices))
    }
  }
  return own ?? values
}

/** A list never becomes empty: `NULL = ANY('{}')` is false, but NULL with any other array. */
const first: readonly number[] = [0]

/**
 * PostgreSQL's plan for an array that it does not know is one for ten elements (`estimate_array_length`). For shorter ones
 * it makes a new plan every time, because that looks cheaper, and the planning costs more than is won. That a key is
 * listed twice means nothing.
 */
const plannedElements = 10

function filledUp(elements: unknown[]): readonly unknown[] {
  while (elements.length < plannedElements) elements.push(elements[0])
  return elements
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

function elementsAt(value: unknown, indices: readonly number[]): unknown[] {
  // That it can be read was found out when it was dealt.
  const members = membersOf(value) ?? []
  const elements: unknown[] = []
  for (const index of indices) elements.push(members[index] ?? null)
  return elements
}
