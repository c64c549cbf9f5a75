import { hashBytes } from './hash.ts'

const bytes = new Uint8Array(16)
const hexDigits = '0123456789abcdef'

const nibbles = new Int8Array(128).fill(-1)
for (let value = 0; value < 16; value++) {
  const digit = hexDigits.charAt(value)
  nibbles[digit.charCodeAt(0)] = value
  nibbles[digit.toUpperCase().charCodeAt(0)] = value
}

/** The low hash word of a uuid key; undefined when uuid_in would not surely accept the value. */
export function hashOfUuid(value: unknown): number | undefined {
  return readUuid(value) ? hashBytes(bytes, 16) : undefined
}

/** Lower case with the four usual hyphens. */
export function canonicalUuid(value: unknown): string | undefined {
  if (!readUuid(value)) return undefined
  let text = ''
  for (const [index, byte] of bytes.entries()) {
    if (index === 4 || index === 6 || index === 8 || index === 10) text += '-'
    text += hexDigits.charAt(byte >> 4) + hexDigits.charAt(byte & 15)
  }
  return text
}

/** As uuid_in: any case, optional braces, an optional hyphen after every four digits, no spaces. */
function readUuid(value: unknown): boolean {
  if (typeof value !== 'string') return false
  const hasBraces = value.charCodeAt(0) === 123
  let position = hasBraces ? 1 : 0
  for (let index = 0; index < 16; index++) {
    const upper = nibble(value.charCodeAt(position))
    const lower = nibble(value.charCodeAt(position + 1))
    if (upper < 0 || lower < 0) return false
    bytes[index] = (upper << 4) | lower
    position += 2
    if ((index & 1) === 1 && index < 15 && value.charCodeAt(position) === 45) position++
  }
  if (hasBraces) {
    if (value.charCodeAt(position) !== 125) return false
    position++
  }
  return position === value.length
}

function nibble(code: number): number {
  return code < 128 ? (nibbles[code] ?? -1) : -1
}
