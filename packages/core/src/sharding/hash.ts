/**
 * PostgreSQL's extended hash (Bob Jenkins' lookup3, src/common/hashfn.c), in 32-bit arithmetic.
 *
 * Only the low word of the 64-bit result is computed: a bucket is its low 14 bits. Words are read
 * little-endian, as on every platform PostgreSQL is commonly run on.
 */

/** HASH_PARTITION_SEED, as the bigint that SQL wants. */
export const hashSeedSql = '8816678312871386365'

const hashSeedHigh = 0x7a5b2236
const hashSeedLow = 0x7996dcfd

const initialState = 0x9e3779b9 + 3923095

/** hash_bytes_uint32_extended, low word, as a signed 32-bit integer. */
function hashUint32(key: number, seedHigh = hashSeedHigh, seedLow = hashSeedLow): number {
  let a = (initialState + 4) | 0
  let b = a
  let c = a
  if ((seedHigh | seedLow) !== 0) {
    a = (a + seedHigh) | 0
    b = (b + seedLow) | 0
    a = (a - c) | 0
    a ^= (c << 4) | (c >>> 28)
    c = (c + b) | 0
    b = (b - a) | 0
    b ^= (a << 6) | (a >>> 26)
    a = (a + c) | 0
    c = (c - b) | 0
    c ^= (b << 8) | (b >>> 24)
    b = (b + a) | 0
    a = (a - c) | 0
    a ^= (c << 16) | (c >>> 16)
    c = (c + b) | 0
    b = (b - a) | 0
    b ^= (a << 19) | (a >>> 13)
    a = (a + c) | 0
    c = (c - b) | 0
    c ^= (b << 4) | (b >>> 28)
    b = (b + a) | 0
  }
  return finish((a + key) | 0, b, c)
}

/** hashint8extended, low word: both halves folded so that int2, int4 and int8 of one value hash alike. */
export function hashInteger(
  high: number,
  low: number,
  seedHigh = hashSeedHigh,
  seedLow = hashSeedLow,
): number {
  return hashUint32(low ^ (high >= 0 ? high : ~high), seedHigh, seedLow)
}

/** hash_bytes_extended over the first `length` bytes, low word, as a signed 32-bit integer. */
export function hashBytes(
  bytes: Uint8Array,
  length: number,
  seedHigh = hashSeedHigh,
  seedLow = hashSeedLow,
): number {
  let a = (initialState + length) | 0
  let b = a
  let c = a
  let offset = 0
  // The seed is mixed in as if it were a block of its own, in front of the text.
  let isSeedPending = (seedHigh | seedLow) !== 0
  while (isSeedPending || length - offset >= 12) {
    if (isSeedPending) {
      isSeedPending = false
      a = (a + seedHigh) | 0
      b = (b + seedLow) | 0
    } else {
      a = (a + wordAt(bytes, offset)) | 0
      b = (b + wordAt(bytes, offset + 4)) | 0
      c = (c + wordAt(bytes, offset + 8)) | 0
      offset += 12
    }
    a = (a - c) | 0
    a ^= (c << 4) | (c >>> 28)
    c = (c + b) | 0
    b = (b - a) | 0
    b ^= (a << 6) | (a >>> 26)
    a = (a + c) | 0
    c = (c - b) | 0
    c ^= (b << 8) | (b >>> 24)
    b = (b + a) | 0
    a = (a - c) | 0
    a ^= (c << 16) | (c >>> 16)
    c = (c + b) | 0
    b = (b - a) | 0
    b ^= (a << 19) | (a >>> 13)
    a = (a + c) | 0
    c = (c - b) | 0
    c ^= (b << 4) | (b >>> 28)
    b = (b + a) | 0
  }
  // The lowest byte of c is reserved for the length, so its tail starts at the second byte.
  for (let index = length - offset - 1; index >= 0; index--) {
    const byte = bytes[offset + index] ?? 0
    if (index >= 8) c = (c + (byte << ((index - 7) * 8))) | 0
    else if (index >= 4) b = (b + (byte << ((index - 4) * 8))) | 0
    else a = (a + (byte << (index * 8))) | 0
  }
  return finish(a, b, c)
}

function wordAt(bytes: Uint8Array, offset: number): number {
  return (
    (bytes[offset] ?? 0) |
    ((bytes[offset + 1] ?? 0) << 8) |
    ((bytes[offset + 2] ?? 0) << 16) |
    ((bytes[offset + 3] ?? 0) << 24)
  )
}

function finish(a: number, b: number, c: number): number {
  c = (c ^ b) - ((b << 14) | (b >>> 18))
  a = (a ^ c) - ((c << 11) | (c >>> 21))
  b = (b ^ a) - ((a << 25) | (a >>> 7))
  c = (c ^ b) - ((b << 16) | (b >>> 16))
  a = (a ^ c) - ((c << 4) | (c >>> 28))
  b = (b ^ a) - ((a << 14) | (a >>> 18))
  c = (c ^ b) - ((b << 24) | (b >>> 8))
  return c | 0
}
