import type { KeyType } from '../statement/key-type.ts'
import type { KeySession } from './key-session.ts'
import { daysOfDate, daysInMonth } from './calendar.ts'

/** A point of the proleptic Gregorian calendar: days since 1970-01-01, and microseconds into the day. */
export interface Instant {
  readonly days: number
  readonly micros: number
}

const microsPerMinute = 60_000_000
const microsPerDay = 86_400_000_000

/**
 * ISO 8601 with a four-digit year, which every DateStyle reads alike. Left unproved: other spellings, years BC or
 * past 9999, infinity, now and the like, 24:00:00, leap seconds and digits finer than a microsecond.
 */
const isoForm =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(Z|[+-]\d\d(?::?\d\d(?::\d\d)?)?)?)?$/

const utcZones = new Set([
  'utc', 'etc/utc', 'gmt', 'etc/gmt', 'uct', 'etc/uct', 'zulu', 'etc/zulu', 'universal', 'etc/universal',
]) // prettier-ignore

/** The instant that PostgreSQL would read as a value of this type; undefined when that is not certain. */
export function readInstant(type: KeyType, value: unknown, session: KeySession): Instant | undefined {
  if (typeof value === 'string') return readText(type, value, session)
  return value instanceof Date ? readDate(type, value, session) : undefined
}

function readText(type: KeyType, text: string, session: KeySession): Instant | undefined {
  const match = isoForm.exec(text)
  if (match === null) return undefined
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone] = match
  const days = dayOf(Number(year), Number(month), Number(day))
  if (days === undefined) return undefined
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined
  const offset = zone === undefined ? undefined : offsetMicros(zone)
  if (zone !== undefined && offset === undefined) return undefined
  // date_in drops the time of day, timestamp_in the offset.
  if (type === 'date') return { days, micros: 0 }
  const micros =
    (Number(hour) * 60 + Number(minute)) * microsPerMinute +
    Number(second) * 1_000_000 +
    Number(fraction.padEnd(6, '0'))
  if (type === 'timestamp') return { days, micros }
  if (offset !== undefined) return shift(days, micros - offset)
  return isUtc(session.timeZone) ? { days, micros } : undefined
}

/**
 * A Date travels as its local time with the offset in whole minutes (or as UTC when `pg.defaults.parseInputDatesAsUTC`
 * is set). Where a zone's historical offset had seconds, the two together name another instant than the Date's own.
 */
function readDate(type: KeyType, value: Date, session: KeySession): Instant | undefined {
  const epoch = value.getTime()
  if (Number.isNaN(epoch)) return undefined
  const isUtc = session.areDatesSentAsUtc === true
  const offset = isUtc ? 0 : -value.getTimezoneOffset()
  const year = isUtc ? value.getUTCFullYear() : value.getFullYear()
  if (!Number.isInteger(offset) || year < 1 || year > 9_999) return undefined
  const local = isUtc
    ? shift(0, epoch * 1_000)
    : {
        days: daysOfDate(year, value.getMonth() + 1, value.getDate()),
        micros:
          (value.getHours() * 60 + value.getMinutes()) * microsPerMinute +
          value.getSeconds() * 1_000_000 +
          value.getMilliseconds() * 1_000,
      }
  if (type === 'date') return { days: local.days, micros: 0 }
  return type === 'timestamp' ? local : shift(local.days, local.micros - offset * microsPerMinute)
}

function dayOf(year: number, month: number, day: number): number | undefined {
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined
  return daysOfDate(year, month, day)
}

function offsetMicros(zone: string): number | undefined {
  if (zone === 'Z') return 0
  const digits = zone.slice(1).replaceAll(':', '')
  const hours = Number(digits.slice(0, 2))
  const minutes = Number(digits.slice(2, 4))
  const seconds = Number(digits.slice(4, 6))
  if (hours > 15 || minutes > 59 || seconds > 59) return undefined
  const micros = (hours * 60 + minutes) * microsPerMinute + seconds * 1_000_000
  return zone.startsWith('-') ? -micros : micros
}

function shift(days: number, micros: number): Instant {
  const carry = Math.floor(micros / microsPerDay)
  return { days: days + carry, micros: micros - carry * microsPerDay }
}

function isUtc(timeZone: string | undefined): boolean {
  return timeZone !== undefined && utcZones.has(timeZone.toLowerCase())
}
