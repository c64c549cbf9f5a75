import { StatementError } from '../errors.ts'
import {
  addDecimals,
  divideByCount,
  divideRounding,
  printDecimal,
  readDecimal,
  type Decimal,
} from './decimal.ts'
import { printFloat4, printFloat8 } from './float-text.ts'
import { floatOverflow, intervalOutOfRange, noInteger, outOfRange } from './merge-complaint.ts'
import { addIntervals, printInterval, readInterval } from './interval.ts'
import { typeOid } from './type-order.ts'

/** Adds partial sums of one type, as wire text; NULL partials are left out before. */
export type Addition = (left: string, right: string) => string

/** int4 is what `count(*)::int` gives, int2 likewise. */
const integerRanges: ReadonlyMap<number, { readonly name: string; readonly bits: number }> = new Map([
  [typeOid.int2, { name: 'smallint', bits: 16 }],
  [typeOid.int4, { name: 'integer', bits: 32 }],
  [typeOid.int8, { name: 'bigint', bits: 64 }],
])

/**
 * How `sum` and `count` of a result type are added.
 *
 * @throws {StatementError} UNSUPPORTED_SCATTER for types whose sums cannot be added exactly as PostgreSQL does.
 */
export function additionOf(oid: number): Addition {
  const range = integerRanges.get(oid)
  if (range !== undefined) {
    return (left, right) => {
      const sum = BigInt(left) + BigInt(right)
      if (BigInt.asIntN(range.bits, sum) !== sum) throw outOfRange(range.name)
      return sum.toString()
    }
  }
  if (oid === typeOid.numeric) {
    return (left, right) => printDecimal(addDecimals(decimal(left), decimal(right)))
  }
  if (oid === typeOid.float8) return addFloats(printFloat8, (value) => value)
  if (oid === typeOid.float4) return addFloats(printFloat4, Math.fround)
  if (oid === typeOid.interval) return addIntervalTexts
  throw new StatementError(
    'UNSUPPORTED_SCATTER',
    'sum over a type other than integers, numeric, floating point and interval cannot be finished over several shards. Cast it to numeric, group by the shard key, or name the key.',
    { details: { construct: 'sum', typeOid: oid } },
  )
}

/** As float8pl and float4pl: an overflow is an error, an infinite operand is not. */
function addFloats(print: (value: number) => string, round: (value: number) => number): Addition {
  return (left, right) => {
    const a = Number(left)
    const b = Number(right)
    const sum = round(a + b)
    if (!Number.isFinite(sum) && Number.isFinite(a) && Number.isFinite(b)) throw floatOverflow()
    return print(sum)
  }
}

const addIntervalTexts: Addition = (left, right) => {
  const a = readInterval(left)
  const b = readInterval(right)
  if (a === undefined || b === undefined) {
    throw new StatementError(
      'UNSUPPORTED_SCATTER',
      "Intervals of several shards are added only in IntervalStyle 'postgres'. Leave it at its default for the sessions that Shardline opens.",
    )
  }
  if (typeof a === 'string' || typeof b === 'string') {
    if (typeof a === 'string' && typeof b === 'string' && a !== b) throw intervalOutOfRange()
    return typeof a === 'string' ? a : right
  }
  const sum = addIntervals(a, b)
  const isInRange =
    BigInt.asIntN(32, sum.months) === sum.months &&
    BigInt.asIntN(32, sum.days) === sum.days &&
    BigInt.asIntN(64, sum.micros) === sum.micros
  if (!isInRange) throw intervalOutOfRange()
  return printInterval(sum)
}

/**
 * How `avg` follows from the sum and the count of all shards.
 *
 * @param oid type of the average, @param sumOid type of the sum
 */
export function divisionOf(oid: number, sumOid: number): (sum: string, count: bigint) => string {
  if (oid === typeOid.numeric && (sumOid === typeOid.numeric || sumOid === typeOid.int8)) {
    return (sum, count) => printDecimal(divideByCount(decimal(sum), count))
  }
  if (oid === typeOid.float8 && sumOid === typeOid.float8) {
    return (sum, count) => printFloat8(Number(sum) / Number(count))
  }
  throw new StatementError(
    'UNSUPPORTED_SCATTER',
    'avg over a type other than integers, numeric and double precision cannot be finished over several shards. Cast its argument to numeric or double precision, group by the shard key, or name the key.',
    { details: { construct: 'avg', typeOid: oid } },
  )
}

/**
 * How PostgreSQL converts a merged aggregate to the type of a cast or coalesce around it, without length or precision.
 *
 * @throws {StatementError} UNSUPPORTED_SCATTER for conversions that are not reproduced here.
 */
export function conversionOf(from: number, to: number): (text: string) => string {
  if (from === to) return (text) => text
  const range = integerRanges.get(to)
  const isExact = from === typeOid.numeric || integerRanges.has(from)
  if (isExact && range !== undefined) return (text) => toInteger(decimal(text), range)
  if (isExact && to === typeOid.float8) return (text) => printFloat8(Number(text))
  if (isExact && to === typeOid.text) return (text) => text
  if (integerRanges.has(from) && to === typeOid.numeric) return (text) => text
  throw new StatementError(
    'UNSUPPORTED_SCATTER',
    'This conversion of an aggregate cannot be finished over several shards. Select the aggregate itself and convert it in the application, group by the shard key, or name the key.',
    { details: { construct: 'An expression over aggregates', from, to } },
  )
}

/** numeric_int8 and the like: half away from zero, NaN and the infinities have no integer. */
function toInteger(value: Decimal, { name, bits }: { readonly name: string; readonly bits: number }): string {
  if (value.kind !== 'finite') throw noInteger(value.kind === 'NaN' ? 'NaN' : 'infinity', name)
  const integer = divideRounding(value.unscaled, 10n ** BigInt(value.scale))
  if (BigInt.asIntN(bits, integer) !== integer) throw outOfRange(name)
  return integer.toString()
}

function decimal(text: string): Decimal {
  const value = readDecimal(text)
  if (value === undefined) throw new TypeError('a shard sent a number that is none')
  return value
}
