import type { KeyType } from '../statement/key-type.ts'
import { hashInteger } from './hash.ts'

/** The two halves of the integer read last: a key is hashed without making an object or a BigInt of it. */
let high = 0
let low = 0

const wordSize = 4_294_967_296

/** The low hash word of an integer key; undefined when the value is none that surely reads as one of that type. */
export function hashOfInteger(type: KeyType, value: unknown): number | undefined {
  return readInteger(type, value) ? hashInteger(high, low) : undefined
}

/** The lower 32 bits of an integer in two's complement; undefined when the value is none that surely reads as one. */
export function lowWordOfInteger(type: KeyType, value: unknown): number | undefined {
  return readInteger(type, value) ? low : undefined
}

/** Decimal digits without leading zeros or plus sign. */
export function canonicalInteger(type: KeyType, value: unknown): string | undefined {
  if (!readInteger(type, value)) return undefined
  if (high === low >> 31) return String(low)
  return ((BigInt(high) << 32n) | BigInt(low >>> 0)).toString()
}

function readInteger(type: KeyType, value: unknown): boolean {
  if (typeof value === 'number') {
    // Beyond 2^53 the digits that are sent are not the digits of the double's value.
    if (!Number.isSafeInteger(value)) return readText(String(value)) && isInRange(type)
    splitSafe(value)
  } else if (typeof value === 'string') {
    if (!readText(value)) return false
  } else if (typeof value === 'bigint') {
    const rounded = Number(value)
    if (Number.isSafeInteger(rounded)) splitSafe(rounded)
    else if (Math.abs(rounded) < 2 ** 63) splitLarge(value, rounded)
    else if (!readText(value.toString())) return false
  } else return false
  return isInRange(type)
}

function splitSafe(value: number): void {
  low = value | 0
  high = low === value ? low >> 31 : Math.floor(value / wordSize) | 0
}

/** The upper half from the rounded double is exact: its error is at most 2^10, far below half a word. */
function splitLarge(value: bigint, rounded: number): void {
  const lower = Number(BigInt.asUintN(32, value))
  low = lower | 0
  high = Math.round((rounded - lower) / wordSize) | 0
}

function isInRange(type: KeyType): boolean {
  if (type === 'int8') return true
  if (high !== low >> 31) return false
  return type === 'int4' || (low >= -32_768 && low <= 32_767)
}

/**
 * Decimal integers as int8in reads them on every supported version: spaces around, one sign, leading zeros.
 * Hexadecimal, octal, binary and underscores (PostgreSQL 16) are left unproved.
 */
function readText(text: string): boolean {
  let start = 0
  let end = text.length
  while (start < end && isSpace(text.charCodeAt(start))) start++
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--
  const sign = text.charCodeAt(start)
  const isNegative = sign === 45
  if (isNegative || sign === 43) start++
  if (start >= end) return false
  while (start < end - 1 && text.charCodeAt(start) === 48) start++
  if (end - start > 19) return false
  // Fifteen digits always fit a double; the rest goes on in two words.
  const middle = Math.min(end, start + 15)
  let head = 0
  for (; start < middle; start++) {
    const digit = text.charCodeAt(start) - 48
    if (digit < 0 || digit > 9) return false
    head = head * 10 + digit
  }
  let upper = Math.floor(head / wordSize)
  let lower = head - upper * wordSize
  for (; start < end; start++) {
    const digit = text.charCodeAt(start) - 48
    if (digit < 0 || digit > 9) return false
    lower = lower * 10 + digit
    const carry = Math.floor(lower / wordSize)
    lower -= carry * wordSize
    upper = upper * 10 + carry
  }
  if (upper >= 0x8000_0000) {
    if (!isNegative || upper > 0x8000_0000 || lower !== 0) return false
  }
  low = lower | 0
  high = upper | 0
  if (isNegative) {
    low = -low | 0
    high = low === 0 ? -high | 0 : ~high
  }
  return true
}

/** isspace() of the C locale. */
function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13)
}
