import type { KeyList } from '../statement/key-list.ts'
import type { RoutingInput } from './input.ts'

/** A list of keys and what of it each shard needs. */
export interface DealtKeys {
  readonly list: KeyList
  /** Indices of the keys, by shard, in the order of the list. A shard that is not named gets the whole list. */
  readonly byShard: ReadonlyMap<string, readonly number[]>
}

/** Shorter lists are not worth the dealing: see docs/several-shards.md for the figures. */
const minKeys: Readonly<Record<KeyList['kind'], number>> = { arrays: 8, items: 16 }

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
    if (list.kind === 'items' && list.parameters.length < minKeys.items * list.width) continue
    const places = keys.deal(list, values)
    if (places === undefined || places.length < minKeys[list.kind]) continue
    const byShard = new Map<string, number[]>(shards.map((shard) => [shard, []]))
    let count = 0
    for (let index = 0; index < places.length; index++) {
      for (const shard of places[index] ?? []) {
        const own = byShard.get(shard)
        if (own === undefined) continue
        own.push(index)
        count += 1
      }
    }
    if (count < places.length * shards.length) (dealt ??= []).push({ list, byShard })
  }
  return dealt ?? none
}
