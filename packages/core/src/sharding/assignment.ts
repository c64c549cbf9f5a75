import { ConfigError } from '../errors.ts'
import { bucketCount, type CanonicalKey } from './canonical-key.ts'

/** Which shard holds which bucket: versioned data, never changed in place. */
export interface Assignment {
  /** Grows with every change. */
  readonly version: number
  /** Shard names; a shard's index here is its number in `buckets`. */
  readonly shards: readonly string[]
  /** Shard number by bucket: the 16,384 hashed ones, then one for each pinned key. */
  readonly buckets: Readonly<Int16Array>
  readonly pins: readonly PinnedKey[]
}

/** A key with a bucket of its own, so that it lies on a shard of choice and moves alone. */
export interface PinnedKey {
  readonly group: string
  readonly key: CanonicalKey
  /** From 16,384 on; kept for the life of the pin. */
  readonly bucket: number
  /** The bucket it would be in without the pin. */
  readonly hashBucket: number
}

/** One bucket that changes its shard: a number below 16,384, or that of a pinned key. */
export interface BucketMove {
  readonly bucket: number
  readonly from: string
  readonly to: string
}

/**
 * A fresh assignment of version 1, in which each shard holds a run of ⌊16,384 / shards⌋ or ⌈16,384 / shards⌉ buckets.
 * `defineCluster` makes the same one from the sorted shard names when it is given none.
 * @throws ConfigError CONFIG_INVALID unless there are 1 to 1,024 shards with different names
 */
export function createAssignment(shards: readonly string[]): Assignment {
  checkShards(shards)
  const buckets = new Int16Array(bucketCount)
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    buckets[bucket] = Math.floor((bucket * shards.length) / bucketCount)
  }
  return { version: 1, shards: [...shards], buckets, pins: [] }
}

/**
 * The next version of an assignment over other shards: again balanced, and with the fewest buckets moved that balance
 * allows (from n to n + 1 shards: one in n + 1). Shards are known by their names; rows are not moved.
 *
 * ```ts
 * const before = loadAssignment(router.assignment())
 * const after = reassign(before, ['eu0', 'eu1', 'eu2'])
 * for (const { bucket, from, to } of moves(before, after)) …
 * defineCluster({ …, assignment: storeAssignment(after) })
 * ```
 * @throws ConfigError CONFIG_INVALID when a pinned key lies on a shard that is no longer there, or for shard names that
 * `createAssignment` refuses
 */
export function reassign(previous: Assignment, shards: readonly string[]): Assignment {
  checkShards(shards)
  const numbers = new Map(shards.map((name, index) => [name, index]))
  const buckets = previous.buckets.map((shard) => numbers.get(previous.shards[shard] ?? '') ?? -1)
  const orphans = previous.pins.filter((pin) => buckets[pin.bucket] === -1).length
  if (orphans > 0) {
    throw new ConfigError(
      'CONFIG_INVALID',
      `${orphans} pinned key${orphans === 1 ? '' : 's'} would be left on a shard that is to be removed. Pin them to another shard first.`,
    )
  }
  const hashed = buckets.subarray(0, bucketCount)
  const quotas = quotasOf(countPerShard(hashed, shards.length))
  const counts = new Array<number>(shards.length).fill(0)
  const homeless: number[] = []
  for (const [bucket, shard] of hashed.entries()) {
    const count = counts[shard]
    if (count === undefined || count >= (quotas[shard] ?? 0)) homeless.push(bucket)
    else counts[shard] = count + 1
  }
  let taker = 0
  for (const bucket of homeless) {
    while ((counts[taker] ?? 0) >= (quotas[taker] ?? Number.POSITIVE_INFINITY)) taker++
    hashed[bucket] = taker
    counts[taker] = (counts[taker] ?? 0) + 1
  }
  return { version: previous.version + 1, shards: [...shards], buckets, pins: previous.pins }
}

/** How many hashed buckets each shard holds. */
export function countPerShard(buckets: Readonly<Int16Array>, shards: number): number[] {
  const counts = new Array<number>(shards).fill(0)
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    const shard = buckets[bucket] ?? -1
    if (shard >= 0) counts[shard] = (counts[shard] ?? 0) + 1
  }
  return counts
}

/** Equal shares; the odd buckets stay with the fullest shards, because that moves the fewest. */
function quotasOf(counts: readonly number[]): number[] {
  const share = Math.floor(bucketCount / counts.length)
  const odd = bucketCount % counts.length
  const fullestFirst = [...counts.keys()].sort((a, b) => (counts[b] ?? 0) - (counts[a] ?? 0) || a - b)
  const quotas = new Array<number>(counts.length).fill(share)
  for (const shard of fullestFirst.slice(0, odd)) quotas[shard] = share + 1
  return quotas
}

/**
 * Buckets that lie on another shard in `after` than in `before`, in bucket order; a new pin moves out of its hashed
 * bucket. `router.bucketSql(table)` is the expression that finds the rows of a bucket.
 */
export function moves(before: Assignment, after: Assignment): BucketMove[] {
  const result: BucketMove[] = []
  const compare = (bucket: number, from: string | undefined, to: string | undefined) => {
    if (from !== undefined && to !== undefined && from !== to) result.push({ bucket, from, to })
  }
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    compare(bucket, shardOfBucket(before, bucket), shardOfBucket(after, bucket))
  }
  const known = new Set(before.pins.map((pin) => pin.bucket))
  for (const pin of after.pins) {
    const origin = known.has(pin.bucket) ? pin.bucket : pin.hashBucket
    compare(pin.bucket, shardOfBucket(before, origin), shardOfBucket(after, pin.bucket))
  }
  return result
}

export function shardOfBucket(assignment: Assignment, bucket: number): string | undefined {
  const shard = assignment.buckets[bucket]
  return shard === undefined ? undefined : assignment.shards[shard]
}

/**
 * The assignment with further pinned keys, each in a bucket of its own.
 * @throws ConfigError CONFIG_CONFLICT when two of `keys` pin one key to different shards.
 */
export function pinKeys(
  assignment: Assignment,
  group: string,
  keys: readonly { readonly key: CanonicalKey; readonly hashBucket: number; readonly shard: string }[],
): Assignment {
  const known = new Map(assignment.pins.map((pin) => [pinIdentity(pin.group, pin.key), pin]))
  const said = new Map<CanonicalKey, string>()
  const pins = [...assignment.pins]
  const shards = [...assignment.buckets]
  for (const { key, hashBucket, shard } of keys) {
    const number = assignment.shards.indexOf(shard)
    if (number === -1) {
      throw new ConfigError('CONFIG_INVALID', `A key of "${group}" is pinned to "${shard}", which is no shard. Known: ${assignment.shards.join(', ')}.`) // prettier-ignore
    }
    const other = said.get(key) ?? shard
    if (other !== shard) {
      throw new ConfigError('CONFIG_CONFLICT', `A key of "${group}" is pinned to "${shard}" and to "${other}". A key lies on one shard: keep one of the two.`) // prettier-ignore
    }
    said.set(key, shard)
    const pin = known.get(pinIdentity(group, key))
    // A key that has a bucket already keeps it, because ids carry it, and moves with it.
    if (pin !== undefined) shards[pin.bucket] = number
    else {
      const added = { group, key, bucket: shards.length, hashBucket }
      known.set(pinIdentity(group, key), added)
      pins.push(added)
      shards.push(number)
    }
  }
  const isSame = shards.length === assignment.buckets.length && shards.every((shard, bucket) => shard === assignment.buckets[bucket]) // prettier-ignore
  if (isSame) return assignment
  if (shards.length > 2 * bucketCount) {
    throw new ConfigError('CONFIG_INVALID', `${pins.length} keys are pinned; at most ${bucketCount} can be.`)
  }
  return {
    version: assignment.version + 1,
    shards: assignment.shards,
    buckets: Int16Array.from(shards),
    pins,
  }
}

function pinIdentity(group: string, key: CanonicalKey): string {
  return `${group}\0${key}`
}

function checkShards(shards: readonly string[]): void {
  if (shards.length === 0 || shards.length > 1_024 || new Set(shards).size !== shards.length) {
    throw new ConfigError('CONFIG_INVALID', 'An assignment needs 1 to 1,024 shards with different names.')
  }
}
