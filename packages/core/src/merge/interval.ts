/** PostgreSQL's interval in its `postgres` output style, the default: months, days and microseconds apart. */
export interface Interval {
  readonly months: bigint
  readonly days: bigint
  readonly micros: bigint
}

export type IntervalReading = Interval | 'infinity' | '-infinity'

const monthsPerUnit: Readonly<Record<string, bigint>> = { year: 12n, years: 12n, mon: 1n, mons: 1n }

/** `1 year 2 mons -3 days +04:05:06.7`; undefined for any other IntervalStyle. */
export function readInterval(text: string): IntervalReading | undefined {
  if (text === 'infinity' || text === '-infinity') return text
  let months = 0n
  let days = 0n
  let micros = 0n
  const words = text.split(' ')
  for (let index = 0; index < words.length;) {
    const word = words[index] ?? ''
    if (word.includes(':')) {
      const time = readClock(word)
      if (time === undefined || index !== words.length - 1) return undefined
      micros = time
      index += 1
      continue
    }
    const unit = words[index + 1]
    if (unit === undefined || !/^[-+]?\d+$/.test(word)) return undefined
    const count = BigInt(word.startsWith('+') ? word.slice(1) : word)
    if (unit === 'day' || unit === 'days') days += count
    else if (Object.hasOwn(monthsPerUnit, unit)) months += count * (monthsPerUnit[unit] ?? 0n)
    else return undefined
    index += 2
  }
  return { months, days, micros }
}

function readClock(word: string): bigint | undefined {
  const match = /^([-+]?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/.exec(word)
  if (match === null) return undefined
  const [, sign = '', hours = '', minutes = '', seconds = '', fraction = ''] = match
  const whole = BigInt(hours) * 3600n + BigInt(minutes) * 60n + BigInt(seconds)
  const micros = whole * 1_000_000n + BigInt(fraction.padEnd(6, '0'))
  return sign === '-' ? -micros : micros
}

/** How intervals compare: a month has 30 days and a day 24 hours (interval_cmp_value in timestamp.c). */
export function intervalLength(interval: Interval): bigint {
  return (interval.months * 30n + interval.days) * 86_400_000_000n + interval.micros
}

/** Field by field, as `sum(interval)` adds. */
export function addIntervals(left: Interval, right: Interval): Interval {
  return {
    months: left.months + right.months,
    days: left.days + right.days,
    micros: left.micros + right.micros,
  }
}

/** The `postgres` style of EncodeInterval (datetime.c): a plus only after a negative field, units singular for 1. */
export function printInterval({ months, days, micros }: Interval): string {
  const words: string[] = []
  let isAfterNegative = false
  const field = (count: bigint, unit: string): void => {
    if (count === 0n) return
    const plus = isAfterNegative && count > 0n ? '+' : ''
    words.push(`${plus}${count} ${unit}${count === 1n ? '' : 's'}`)
    isAfterNegative = count < 0n
  }
  field(months / 12n, 'year')
  field(months % 12n, 'mon')
  field(days, 'day')
  if (words.length === 0 || micros !== 0n) {
    const sign = micros < 0n ? '-' : isAfterNegative ? '+' : ''
    words.push(sign + printClock(micros < 0n ? -micros : micros))
  }
  return words.join(' ')
}

function printClock(micros: bigint): string {
  const seconds = micros / 1_000_000n
  const fraction = micros % 1_000_000n
  const two = (value: bigint): string => value.toString().padStart(2, '0')
  const clock = `${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}`
  return fraction === 0n ? clock : `${clock}.${fraction.toString().padStart(6, '0').replace(/0+$/, '')}`
}
