import { ConfigError } from '../errors.ts'
import type { Assignment, PinnedKey } from './assignment.ts'
import { bucketCount } from './canonical-key.ts'
import { hashBytes } from './hash.ts'

/** A stored assignment: plain JSON, a few hundred bytes for a fresh one. */
export interface StoredAssignment {
  readonly format: 'shardline-assignment/1'
  readonly version: number
  readonly shards: readonly string[]
  /** Run lengths over the 16,384 hashed buckets: shard number, count, shard number, count, … */
  readonly runs: readonly number[]
  /** Group, canonical key, bucket, hashed bucket and shard number of each pinned key. */
  readonly pins: readonly (readonly [string, string, number, number, number])[]
  /** Of everything above; catches what was cut or edited by hand. */
  readonly checksum: string
}

/**
 * An assignment as plain JSON, for `defineCluster({ assignment })`: to be kept beside the cluster's description before
 * shards are added or removed. Holds pinned keys as they are.
 */
export function storeAssignment(assignment: Assignment): StoredAssignment {
  const runs: number[] = []
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    const shard = assignment.buckets[bucket] ?? -1
    if (runs.length > 0 && runs.at(-2) === shard) runs[runs.length - 1] = (runs.at(-1) ?? 0) + 1
    else runs.push(shard, 1)
  }
  const content = {
    format: 'shardline-assignment/1' as const,
    version: assignment.version,
    shards: assignment.shards,
    runs,
    pins: assignment.pins.map(
      (pin) =>
        [pin.group, pin.key, pin.bucket, pin.hashBucket, assignment.buckets[pin.bucket] ?? -1] as const,
    ),
  }
  return { ...content, checksum: checksumOf(content) }
}

/**
 * The assignment that `storeAssignment` wrote, from its object or JSON text.
 * @throws ConfigError CONFIG_INVALID when it is not one, is damaged, or is of a format this version does not read.
 */
export function loadAssignment(stored: unknown): Assignment {
  const value = typeof stored === 'string' ? parseJson(stored) : stored
  if (!isRecord(value)) throw refuse('it is no object')
  if (value['format'] !== 'shardline-assignment/1') throw refuse('its format is not "shardline-assignment/1"')
  const { version, shards, runs, pins, checksum } = value
  if (!isCount(version)) throw refuse('"version" is no positive number')
  if (!isArrayOf(shards, isName) || shards.length === 0 || new Set(shards).size !== shards.length) {
    throw refuse('"shards" is no list of different names')
  }
  if (!isArrayOf(runs, isNumber) || !isArrayOf(pins, isPin)) throw refuse('"runs" or "pins" is malformed')
  const content = { format: value['format'], version, shards, runs, pins }
  if (checksumOf(content) !== checksum) throw refuse('its checksum does not fit its content')
  const buckets = new Int16Array(bucketCount + pins.length)
  const filled = fillRuns(buckets, runs, shards.length)
  if (filled !== bucketCount) throw refuse(`its runs cover ${filled} of ${bucketCount} buckets`)
  const pinned = pins.map(([group, key, bucket, hashBucket, shard], index): PinnedKey => {
    if (bucket !== bucketCount + index || hashBucket >= bucketCount || shard >= shards.length) {
      throw refuse('a pinned key names a bucket or shard that is not there')
    }
    buckets[bucket] = shard
    return { group, key, bucket, hashBucket }
  })
  return { version, shards: [...shards], buckets, pins: pinned }
}

function fillRuns(buckets: Int16Array, runs: readonly number[], shards: number): number {
  let position = 0
  for (let index = 0; index + 1 < runs.length; index += 2) {
    const shard = runs[index] ?? -1
    const count = runs[index + 1] ?? 0
    if (shard < 0 || shard >= shards || count < 1 || position + count > bucketCount) return position
    buckets.fill(shard, position, position + count)
    position += count
  }
  return runs.length % 2 === 0 ? position : 0
}

function checksumOf(content: unknown): string {
  const bytes = new TextEncoder().encode(JSON.stringify(content))
  return (hashBytes(bytes, bytes.length) >>> 0).toString(16).padStart(8, '0')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own message quotes the text, and with it pinned keys.
    throw refuse('it is no JSON')
  }
}

function refuse(why: string): ConfigError {
  return new ConfigError(
    'CONFIG_INVALID',
    `The stored assignment cannot be loaded: ${why}. Load one that storeAssignment() wrote, or leave it out to start with a fresh one.`,
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isArrayOf<T>(value: unknown, isMember: (member: unknown) => member is T): value is T[] {
  return Array.isArray(value) && value.every(isMember)
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isCount(value: unknown): value is number {
  return isNumber(value) && value > 0
}

function isPin(value: unknown): value is [string, string, number, number, number] {
  return (
    Array.isArray(value) &&
    value.length === 5 &&
    typeof value[0] === 'string' &&
    typeof value[1] === 'string' &&
    value.slice(2).every(isNumber)
  )
}
