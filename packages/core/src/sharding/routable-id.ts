import type { KeyType } from '../statement/key-type.ts'
import { lowWordOfInteger } from './integer-key.ts'
import { canonicalUuid } from './uuid-key.ts'

/**
 * Ids that carry the bucket of their row's shard key, so that an id alone says where its row lies, also after the
 * bucket has moved.
 *
 * - `int8`: 41 bits of milliseconds since 2024, 15 of the bucket, 7 of a sequence. Milliseconds and sequence are one
 *   number, the tick, of which a shard gives out each once.
 * - `uuid`: version 7 (RFC 9562): 48 bits of milliseconds since 1970; the bucket in the first 15 bits of `rand_b`; 59
 *   random bits.
 *
 * Buckets below 16,384 are hashed ones, those above belong to pinned keys.
 */
export type RoutableFormat = 'int8' | 'uuid'

/** 2024-01-01T00:00:00Z in milliseconds since 1970: where integer ids begin. */
export const idEpochMs = 1_704_067_200_000

/** Ticks of one millisecond. */
export const ticksPerMs = 128

/** Buckets that an id can name. */
export const idBuckets = 32_768

/** The bucket in an id; -1 when the value is none that PostgreSQL surely reads as that id. */
export function bucketOfId(format: RoutableFormat, value: unknown, type: KeyType): number {
  if (format === 'uuid') return type === 'uuid' ? bucketOfUuid(value) : -1
  if (type !== 'int8' && type !== 'int4' && type !== 'int2') return -1
  // The bucket lies within the lower word.
  const low = lowWordOfInteger(type, value)
  return low === undefined ? -1 : (low >>> 7) & (idBuckets - 1)
}

function bucketOfUuid(value: unknown): number {
  const text = canonicalUuid(value)
  if (text === undefined) return -1
  // Bytes 8 and 9 and the first bit of byte 10, without the two bits of the variant.
  return (
    ((Number.parseInt(text.slice(19, 23), 16) & 16_383) << 1) | (Number.parseInt(text.charAt(24), 16) >> 3)
  )
}

/** The integer id of a tick (milliseconds since 2024 × 128 + sequence) in a bucket. */
export function integerId(tick: number, bucket: number): bigint {
  const ms = Math.floor(tick / ticksPerMs)
  return (BigInt(ms) << 22n) | BigInt(bucket * ticksPerMs + (tick % ticksPerMs))
}

/** The uuid of a time (milliseconds since 1970) in a bucket; `random` gives at least 16 bytes, of which 59 bits are used. */
export function uuidId(ms: number, bucket: number, random: Uint8Array): string {
  let tail = ''
  for (let index = 6; index < 16; index++) tail += (random[index] ?? 0).toString(16).padStart(2, '0')
  const time = ms.toString(16).padStart(12, '0')
  const high = (0x8000 | (bucket >> 1)).toString(16)
  const nibble = (((bucket & 1) << 3) | ((random[10] ?? 0) & 7)).toString(16)
  return `${time.slice(0, 8)}-${time.slice(8)}-7${tail.slice(1, 4)}-${high}-${nibble}${tail.slice(9)}`
}
