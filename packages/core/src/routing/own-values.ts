import { boundMembers } from '../sharding/resolve-key-set.ts'
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

const first: readonly number[] = [0]

/** Never none: `NULL = ANY('{}')` is false, but NULL with any other array. */
function elementsAt(value: unknown, indices: readonly number[]): readonly unknown[] {
  // That it can be read was found out when it was dealt.
  const members = Array.isArray(value)
    ? (value as readonly unknown[])
    : (boundMembers({ source: 'literal', text: String(value), type: 'text' }, []) ?? [])
  const elements: unknown[] = []
  for (const index of indices.length === 0 ? first : indices) elements.push(members[index] ?? null)
  return elements
}
