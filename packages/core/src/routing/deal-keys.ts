import type { KeyList } from '../statement/key-list.ts'
import type { RoutingInput } from './input.ts'

/** A list of keys and what of it each shard needs. */
export interface DealtKeys {
  readonly list: KeyList
  /** Indices of the keys, by shard, in the order of the list. A shard that is not named gets the whole list. */
  readonly byShard: ReadonlyMap<string, readonly number[]>
}

/** For shorter lists nothing is won that could be measured, over four shards and one caller (`pnpm bench -- batch`). */
const minKeys = 20

const none: readonly DealtKeys[] = []

/** What each of the shards needs of the statement's lists; lists of which every shard needs all are left out. */
export function dealKeys(
  lists: readonly KeyList[],
  shards: readonly string[],
  values: readonly unknown[],
  { keys }: RoutingInput,
): readonly DealtKeys[] {
  let dealt: DealtKeys[] | undefined
  for (const list of lists) {
    const count = countOf(list, values)
    if (count < minKeys) continue
    const found = keys.deal(list, values)
    if (found === undefined) continue
    const byShard = new Map<string, readonly number[]>()
    let sum = 0
    for (const shard of shards) {
      const own = found.get(shard)
      if (own === undefined) continue
      byShard.set(shard, own)
      sum += own.length
    }
    if (sum < count * byShard.size) (dealt ??= []).push({ list, byShard })
  }
  return dealt ?? none
}

/** How many keys there are, as far as that shows without reading them. */
function countOf({ kind, parameters, width, at }: KeyList, values: readonly unknown[]): number {
  if (kind === 'items') return parameters.length / width
  const array = values[(parameters[at] ?? 0) - 1]
  return Array.isArray(array) || typeof array === 'string' ? array.length : 0
}
