import { hashBytes } from './hash.ts'

const encoder = new TextEncoder()
const scratch = new Uint8Array(1_024)

/** The low hash word of a text key's UTF-8; undefined when the server would not store exactly this text. */
export function hashOfText(value: unknown, maxLength: number | undefined): number | undefined {
  const text = textOf(value)
  if (text === undefined) return undefined
  if (maxLength !== undefined && !fits(text, maxLength)) return undefined
  const length = text.length
  if (length <= scratch.length) {
    let index = 0
    for (; index < length; index++) {
      const code = text.charCodeAt(index)
      if (code === 0) return undefined
      if (code > 127) break
      scratch[index] = code
    }
    if (index === length) return hashBytes(scratch, length)
  }
  if (!isStorable(text)) return undefined
  if (length * 3 > scratch.length) {
    const bytes = encoder.encode(text)
    return hashBytes(bytes, bytes.length)
  }
  return hashBytes(scratch, encoder.encodeInto(text, scratch).written)
}

/** The text itself: equal keys of a deterministic collation are equal texts. */
export function canonicalText(value: unknown, maxLength: number | undefined): string | undefined {
  const text = textOf(value)
  if (text === undefined || !isStorable(text)) return undefined
  return maxLength === undefined || fits(text, maxLength) ? text : undefined
}

/** The text that `pg` sends; objects may send anything, and Buffers go over in binary. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
    ? String(value)
    : undefined
}

/** PostgreSQL stores no NUL, and a lone surrogate turns into U+FFFD on the wire. */
function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}

/** varchar(n) counts characters, cuts surplus spaces off and refuses other surplus: nothing then proves the key. */
function fits(text: string, maxLength: number): boolean {
  if (text.length <= maxLength) return true
  let count = 0
  for (const _ of text) if (++count > maxLength) return false
  return true
}
