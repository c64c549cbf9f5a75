/**
 * Reading PostgreSQL's ISO spellings of dates and times, to the microsecond and over its whole range.
 *
 * Instants are microseconds since 2000-01-01, a number where it is exact and a bigint beyond; comparison mixes
 * both. A text of another DateStyle gives undefined.
 */
export type Instant = number | bigint

const microsPerSecond = 1_000_000
const microsPerDay = 86_400 * microsPerSecond

/** `2024-05-06`, `0044-03-15 BC`, `infinity`: days since 2000-01-01. */
export function decodeDate(text: string): number | undefined {
  if (text === 'infinity') return Infinity
  if (text === '-infinity') return -Infinity
  const date = readDate(text)
  if (date === undefined) return undefined
  const end = text.slice(date.end)
  if (end === '') return daysFromCivil(date.year, date.month, date.day)
  if (end === ' BC') return daysFromCivil(1 - date.year, date.month, date.day)
  return undefined
}

/** `2024-05-06 07:08:09.5`, with `+05:30` behind it for timestamptz and ` BC` at the end. */
export function decodeTimestamp(text: string): Instant | undefined {
  if (text === 'infinity') return Infinity
  if (text === '-infinity') return -Infinity
  const isBeforeChrist = text.endsWith(' BC')
  const body = isBeforeChrist ? text.slice(0, -3) : text
  const date = readDate(body)
  if (date === undefined || body.charCodeAt(date.end) !== 32) return undefined
  const time = readTime(body, date.end + 1)
  if (time === undefined) return undefined
  const offset = readOffset(body, time.end)
  if (offset === undefined) return undefined
  const days = daysFromCivil(isBeforeChrist ? 1 - date.year : date.year, date.month, date.day)
  const micros = time.micros - offset * microsPerSecond
  const total = days * microsPerDay + micros
  return Number.isSafeInteger(total) ? total : BigInt(days) * BigInt(microsPerDay) + BigInt(micros)
}

/** `07:08:09.5` up to `24:00:00`: microseconds. */
export function decodeTime(text: string): number | undefined {
  const time = readTime(text, 0)
  return time !== undefined && time.end === text.length ? time.micros : undefined
}

/**
 * `07:08:09.5+02`: by the instant first and then by the zone, west after east (timetz_cmp_internal in date.c).
 */
export function decodeTimeWithZone(text: string): bigint | undefined {
  const time = readTime(text, 0)
  if (time === undefined || time.end === text.length) return undefined
  const offset = readOffset(text, time.end)
  if (offset === undefined) return undefined
  return BigInt(time.micros - offset * microsPerSecond) * 262_144n - BigInt(offset)
}

interface DateReading {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly end: number
}

function readDate(text: string): DateReading | undefined {
  const firstDash = text.indexOf('-')
  if (firstDash < 4) return undefined
  const year = readDigits(text, 0, firstDash)
  const month = readDigits(text, firstDash + 1, firstDash + 3)
  const day = readDigits(text, firstDash + 4, firstDash + 6)
  if (text.charCodeAt(firstDash + 3) !== 45 || !(year >= 0 && month >= 1 && day >= 1)) return undefined
  return { year, month, day, end: firstDash + 6 }
}

function readTime(
  text: string,
  start: number,
): { readonly micros: number; readonly end: number } | undefined {
  const hours = readDigits(text, start, start + 2)
  const minutes = readDigits(text, start + 3, start + 5)
  const seconds = readDigits(text, start + 6, start + 8)
  if (text.charCodeAt(start + 2) !== 58 || text.charCodeAt(start + 5) !== 58) return undefined
  if (!(hours >= 0 && minutes >= 0 && seconds >= 0)) return undefined
  let end = start + 8
  let fraction = 0
  if (text.charCodeAt(end) === 46) {
    let scale = 100_000
    for (end += 1; end < text.length; end++) {
      const digit = text.charCodeAt(end) - 48
      if (digit < 0 || digit > 9) break
      fraction += digit * scale
      scale /= 10
    }
  }
  return { micros: (hours * 3600 + minutes * 60 + seconds) * microsPerSecond + Math.round(fraction), end }
}

/** `+02`, `-05:30`, `+00:19:32`: seconds east of Greenwich; 0 when there is none. */
function readOffset(text: string, start: number): number | undefined {
  if (start === text.length) return 0
  const sign = text.charCodeAt(start) === 43 ? 1 : text.charCodeAt(start) === 45 ? -1 : 0
  if (sign === 0) return undefined
  let seconds = 0
  let unit = 3600
  let position = start + 1
  for (;;) {
    const part = readDigits(text, position, position + 2)
    if (!(part >= 0)) return undefined
    seconds += part * unit
    unit /= 60
    position += 2
    if (position === text.length) return sign * seconds
    if (text.charCodeAt(position) !== 58 || unit < 1) return undefined
    position += 1
  }
}

/** The number the digits spell; NaN when there is anything else. */
function readDigits(text: string, start: number, end: number): number {
  if (end > text.length || start >= end) return NaN
  let value = 0
  for (let index = start; index < end; index++) {
    const digit = text.charCodeAt(index) - 48
    if (digit < 0 || digit > 9) return NaN
    value = value * 10 + digit
  }
  return value
}

/** Days since 2000-01-01 in the proleptic Gregorian calendar; year 0 is 1 BC (H. Hinnant, chrono date algorithms). */
function daysFromCivil(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 730_425
}
