import { dateOfDays } from './calendar.ts'
import type { Instant } from './time-key.ts'

/** How long the periods of a time-sharded table are; all in UTC, weeks as ISO weeks (from Monday). */
export type Period = 'hour' | 'day' | 'week' | 'month' | 'year'

const microsPerHour = 3_600_000_000

/** The number of the period that holds an instant; the one that holds 1970-01-01 00:00 is 0. */
export function periodOf(every: Period, { days, micros }: Instant): number {
  if (every === 'hour') return days * 24 + Math.floor(micros / microsPerHour)
  if (every === 'day') return days
  // 1970-01-01 was a Thursday.
  if (every === 'week') return Math.floor((days + 3) / 7)
  const { year, month } = dateOfDays(days)
  return every === 'month' ? (year - 1970) * 12 + month - 1 : year - 1970
}

/** True for the first microsecond of a period: an exclusive upper bound there leaves the period out. */
export function isPeriodStart(every: Period, instant: Instant): boolean {
  const { days, micros } = instant
  const before = micros === 0 ? { days: days - 1, micros: 86_399_999_999 } : { days, micros: micros - 1 }
  return periodOf(every, before) !== periodOf(every, instant)
}
