import type { KeyedPlacement } from '../statement/catalog.ts'
import type { KeyType } from '../statement/key-type.ts'
import type { Assignment } from './assignment.ts'
import {
  bucketCount,
  hashBucketOfKey,
  hashBucketOfValue,
  placedKey,
  type CanonicalKey,
} from './canonical-key.ts'
import type { KeySession } from './key-session.ts'

/** Where the keys of one colocation group lie: the assignment with the group's own pinned keys. */
export interface ShardMap {
  readonly group: string
  readonly assignment: Assignment
  /** Buckets of the pinned keys. */
  readonly pins: ReadonlyMap<CanonicalKey, number>
  /** For each shard number the list with only its name, so that the common answer needs no allocation. */
  readonly alone: readonly (readonly string[])[]
  /** Buckets of ids whose rows may lie elsewhere too: their keys were pinned after the ids were made. */
  readonly spread: ReadonlyMap<number, readonly number[]>
  /** The group's own buckets above the hashed ones. */
  readonly pinned: ReadonlySet<number>
}

export function createShardMap(group: string, assignment: Assignment): ShardMap {
  const pins = assignment.pins.filter((pin) => pin.group === group)
  const spread = new Map<number, Set<number>>()
  for (const { bucket, hashBucket } of pins) {
    const numbers = spread.get(hashBucket) ?? new Set([assignment.buckets[hashBucket] ?? -1])
    spread.set(hashBucket, numbers.add(assignment.buckets[bucket] ?? -1))
  }
  return {
    group,
    assignment,
    pins: new Map(pins.map((pin) => [pin.key, pin.bucket])),
    alone: assignment.shards.map((name) => Object.freeze([name])),
    spread: new Map([...spread].map(([bucket, numbers]) => [bucket, [...numbers]])),
    pinned: new Set(pins.map((pin) => pin.bucket)),
  }
}

/** Numbers of the shards on which rows with an id of this bucket may lie; none for a bucket that no key has. */
export function shardsOfIdBucket(map: ShardMap, bucket: number): readonly number[] {
  const spread = map.spread.get(bucket)
  if (spread !== undefined) return spread
  if (bucket >= bucketCount && !map.pinned.has(bucket)) return []
  return [map.assignment.buckets[bucket] ?? -1]
}

/** The bucket of a value's key, pinned or hashed; -1 when nothing proves the key (NULL included). */
export function bucketOfValue(
  map: ShardMap,
  placement: KeyedPlacement,
  value: unknown,
  type: KeyType,
  session: KeySession,
): number {
  if (map.pins.size > 0) {
    const key = placedKey(placement, value, type, session)
    if (key === undefined) return -1
    const pinned = map.pins.get(key)
    if (pinned !== undefined) return pinned
  }
  return hashBucketOfValue(placement, value, type, session)
}

/** The bucket of a canonical key, pinned or hashed. */
function bucketOfKey(map: ShardMap, placement: KeyedPlacement, key: CanonicalKey): number {
  return map.pins.get(key) ?? hashBucketOfKey(placement, key)
}

/** Names of the shards on which a finite set of keys lies, in the assignment's order. */
export function shardsOfKeys(
  map: ShardMap,
  placement: KeyedPlacement,
  keys: ReadonlySet<CanonicalKey>,
): readonly string[] {
  return namesOfShards(map, shardNumbersOfKeys(map, placement, keys))
}

export function shardNumbersOfKeys(
  map: ShardMap,
  placement: KeyedPlacement,
  keys: ReadonlySet<CanonicalKey>,
): ReadonlySet<number> {
  const { shards, buckets } = map.assignment
  const numbers = new Set<number>()
  for (const key of keys) {
    numbers.add(buckets[bucketOfKey(map, placement, key)] ?? -1)
    if (numbers.size === shards.length) break
  }
  return numbers
}

export function namesOfShards(map: ShardMap, numbers: ReadonlySet<number>): readonly string[] {
  const { shards } = map.assignment
  if (numbers.size === shards.length) return shards
  if (numbers.size === 1) {
    for (const number of numbers) return map.alone[number] ?? []
  }
  return shards.filter((_, number) => numbers.has(number))
}
