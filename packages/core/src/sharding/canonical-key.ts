import { keyFamilies, type KeyType } from '../statement/key-type.ts'
import type { KeyedPlacement } from '../statement/catalog.ts'
import { hashInteger } from './hash.ts'
import { canonicalInteger, hashOfInteger } from './integer-key.ts'
import type { KeySession } from './key-session.ts'
import { periodOf } from './period.ts'
import { canonicalText, hashOfText } from './text-key.ts'
import { readInstant } from './time-key.ts'
import { canonicalUuid, hashOfUuid } from './uuid-key.ts'

/**
 * A key spelled in the one way in which equal keys are equal strings: decimal digits, a lower-case uuid, the text
 * itself; for the time strategy the decimal number of the period.
 */
export type CanonicalKey = string

/** Buckets that keys are hashed to; pinned keys have buckets of their own from this number on. */
export const bucketCount = 16_384

/**
 * The canonical spelling of a key as PostgreSQL would read the text that `pg` sends for the value; undefined for
 * NULL and for every value that is not certain to be read as one known key of the type. Instants become decimal
 * microseconds since 1970.
 */
export function canonicalKey(type: KeyType, value: unknown, session: KeySession): CanonicalKey | undefined {
  switch (keyFamilies[type]) {
    case 'integer':
      return canonicalInteger(type, value)
    case 'uuid':
      return canonicalUuid(value)
    case 'text':
      return canonicalText(value, undefined)
    case 'time': {
      const instant = readInstant(type, value, session)
      if (instant === undefined) return undefined
      return (BigInt(instant.days) * 86_400_000_000n + BigInt(instant.micros)).toString()
    }
  }
}

/** The canonical key by which a table's rows are placed: the period for the time strategy, else the key itself. */
export function placedKey(
  placement: KeyedPlacement,
  value: unknown,
  type: KeyType,
  session: KeySession,
): CanonicalKey | undefined {
  if (placement.strategy === 'time') {
    const period = periodOfValue(placement, value, type, session)
    return period === undefined ? undefined : String(period)
  }
  if (keyFamilies[type] === 'text') return canonicalText(value, placement.keyLength)
  return canonicalKey(type, value, session)
}

function periodOfValue(
  placement: KeyedPlacement,
  value: unknown,
  type: KeyType,
  session: KeySession,
): number | undefined {
  const instant = readInstant(type, value, session)
  return instant === undefined || placement.every === undefined
    ? undefined
    : periodOf(placement.every, instant)
}

/** The bucket below 16,384 that a value's key hashes to; -1 when nothing proves the key. Pins are not looked at. */
export function hashBucketOfValue(
  placement: KeyedPlacement,
  value: unknown,
  type: KeyType,
  session: KeySession,
): number {
  const hash = hashOfValue(placement, value, type, session)
  return hash === undefined ? -1 : hash & (bucketCount - 1)
}

function hashOfValue(
  placement: KeyedPlacement,
  value: unknown,
  type: KeyType,
  session: KeySession,
): number | undefined {
  if (placement.strategy === 'time') {
    const period = periodOfValue(placement, value, type, session)
    return period === undefined ? undefined : hashPeriod(period)
  }
  switch (keyFamilies[type]) {
    case 'integer':
      return hashOfInteger(type, value)
    case 'uuid':
      return hashOfUuid(value)
    case 'text':
      return hashOfText(value, placement.keyLength)
    case 'time':
      return undefined
  }
}

/** The bucket below 16,384 of a key that is canonical already. */
export function hashBucketOfKey(placement: KeyedPlacement, key: CanonicalKey): number {
  const type = placement.strategy === 'time' ? 'int8' : canonicalType(placement.keyType)
  const hash =
    type === 'int8'
      ? hashOfInteger(type, key)
      : type === 'uuid'
        ? hashOfUuid(key)
        : hashOfText(key, undefined)
  return hash === undefined ? -1 : hash & (bucketCount - 1)
}

/** The widest type of a key type's family: canonical keys of one family are compared across its types. */
function canonicalType(type: KeyType): 'int8' | 'uuid' | 'text' {
  const family = keyFamilies[type]
  return family === 'integer' ? 'int8' : family === 'uuid' ? 'uuid' : 'text'
}

function hashPeriod(period: number): number {
  return hashInteger(Math.floor(period / 4_294_967_296), period | 0)
}
