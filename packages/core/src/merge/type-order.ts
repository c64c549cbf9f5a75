import { DatabaseError, StatementError } from '../errors.ts'
import type { Collation } from '../statement/catalog.ts'
import {
  canonicalNumeric,
  compareUnits,
  compareNumbers,
  compareNumerics,
  sortableText,
  type CompareDecoded,
  type Decoded,
} from './compare-values.ts'
import { decodeDate, decodeTime, decodeTimestamp, decodeTimeWithZone } from './instants.ts'
import { intervalLength, readInterval } from './interval.ts'
import type { MergeEnvironment } from './row.ts'

/** How values of one column are read and ordered. */
export interface TypeOrder {
  decode(text: string): Decoded
  readonly compare: CompareDecoded
}

/** OIDs of built-in types, fixed in pg_type.dat. */
export const typeOid = {
  bool: 16,
  bytea: 17,
  char: 18,
  name: 19,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  oid: 26,
  float4: 700,
  float8: 701,
  unknown: 705,
  money: 790,
  bpchar: 1042,
  varchar: 1043,
  date: 1082,
  time: 1083,
  timestamp: 1114,
  timestamptz: 1184,
  interval: 1186,
  timetz: 1266,
  numeric: 1700,
  uuid: 2950,
  pgLsn: 3220,
} as const

const textTypes: ReadonlySet<number> = new Set([typeOid.text, typeOid.varchar, typeOid.bpchar])

/** Arrays of text types, which compare by collation too; asked from a shard, but with the collation known. */
const textArrays: ReadonlySet<number> = new Set([1009, 1014, 1015])

/** False for built-in types to which COLLATE cannot be applied. */
export function mayBeCollated(oid: number): boolean {
  return (
    oid >= firstUserOid || textTypes.has(oid) || textArrays.has(oid) || oid === typeOid.name || oid === 1003
  )
}

/** The first OID that is not PostgreSQL's own. */
const firstUserOid = 16_384

/** Composite results of row constructors: no text from which a server could read them back. */
const anonymousRecords: ReadonlySet<number> = new Set([2249, 2287])

const integerOrder: TypeOrder = {
  decode: (text) => (text.length <= 15 ? Number(text) : BigInt(text)),
  compare: compareNumbers,
}
const floatOrder: TypeOrder = { decode: Number, compare: compareNumbers }
const asciiOrder: TypeOrder = { decode: (text) => text, compare: compareUnits }
const codePointOrder: TypeOrder = { decode: sortableText, compare: compareUnits }
const paddedOrder: TypeOrder = { decode: (text) => sortableText(withoutPadding(text)), compare: compareUnits }

function withoutPadding(text: string): string {
  let end = text.length
  while (end > 0 && text.charCodeAt(end - 1) === 32) end--
  return text.slice(0, end)
}

function readingOrder(type: string, setting: string, read: (text: string) => Decoded | undefined): TypeOrder {
  return {
    decode(text) {
      const value = read(text)
      if (value !== undefined) return value
      throw new StatementError(
        'UNSUPPORTED_SCATTER',
        `A ${type} value from a shard is not in PostgreSQL's default spelling, so rows of several shards cannot be ordered. ${setting}`,
        { details: { type } },
      )
    },
    compare: compareNumbers,
  }
}

const isoDates = "Leave DateStyle at 'ISO' for the sessions that Shardline opens."
const hexBytes = "Leave bytea_output at 'hex' for the sessions that Shardline opens."
const postgresIntervals = "Leave IntervalStyle at 'postgres' for the sessions that Shardline opens."

/** `"char"`: one byte, unsigned; the empty text is 0, high bytes come as `\ooo`. */
function decodeByte(text: string): number | undefined {
  if (text === '') return 0
  if (text.length === 1) return text.charCodeAt(0)
  return /^\\[0-3][0-7]{2}$/.test(text) ? parseInt(text.slice(1), 8) : undefined
}

function decodeLsn(text: string): bigint | undefined {
  const match = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text)
  return match === null ? undefined : (BigInt(`0x${match[1] ?? '0'}`) << 32n) + BigInt(`0x${match[2] ?? '0'}`)
}

function decodeInterval(text: string): Decoded | undefined {
  const interval = readInterval(text)
  if (interval === undefined) return undefined
  if (typeof interval === 'string') return interval === 'infinity' ? Infinity : -Infinity
  return intervalLength(interval)
}

const bytea = readingOrder('bytea', hexBytes, (text) => (text.startsWith('\\x') ? text : undefined))

/** Types whose order follows from the text alone. */
const localOrders: ReadonlyMap<number, TypeOrder> = new Map([
  [typeOid.bool, asciiOrder],
  [typeOid.bytea, { decode: (text) => bytea.decode(text), compare: compareUnits }],
  [typeOid.char, readingOrder('"char"', '', decodeByte)],
  [typeOid.int2, integerOrder],
  [typeOid.int4, integerOrder],
  [typeOid.int8, integerOrder],
  [typeOid.oid, integerOrder],
  [5069, integerOrder], // xid8
  [typeOid.float4, floatOrder],
  [typeOid.float8, floatOrder],
  [typeOid.numeric, { decode: canonicalNumeric, compare: compareNumerics }],
  [typeOid.date, readingOrder('date', isoDates, decodeDate)],
  [typeOid.time, readingOrder('time', isoDates, decodeTime)],
  [typeOid.timestamp, readingOrder('timestamp', isoDates, decodeTimestamp)],
  [typeOid.timestamptz, readingOrder('timestamptz', isoDates, decodeTimestamp)],
  [typeOid.timetz, readingOrder('timetz', isoDates, decodeTimeWithZone)],
  [typeOid.interval, readingOrder('interval', postgresIntervals, decodeInterval)],
  [typeOid.uuid, asciiOrder],
  [829, asciiOrder], // macaddr
  [774, asciiOrder], // macaddr8
  [1560, asciiOrder], // bit
  [1562, asciiOrder], // varbit
  [typeOid.pgLsn, readingOrder('pg_lsn', '', decodeLsn)],
])

/** Further types whose text is the same exactly when the values are equal. */
const textIdentities: ReadonlySet<number> = new Set([
  650, // cidr
  869, // inet
  typeOid.money,
  27, // tid
  // Arrays of bool, name, int2, int4, int8, oid, timestamp, date, uuid.
  1000,
  1003,
  1005,
  1007,
  1016,
  1028,
  1115,
  1182,
  2951,
])

/**
 * How a column is ordered here, or undefined when a shard has to be asked.
 *
 * @throws {StatementError} UNSUPPORTED_SCATTER when neither is possible: text of an unknown collation, anonymous records.
 */
export function orderOf(
  oid: number,
  collation: Collation | undefined,
  env: MergeEnvironment,
): TypeOrder | undefined {
  const local = localOrders.get(oid)
  if (local !== undefined) return local
  if (textTypes.has(oid)) {
    if (collation === undefined) throw unknownCollation()
    if (!collation.isCodePoint) return undefined
    return oid === typeOid.bpchar ? paddedOrder : codePointOrder
  }
  if (oid === typeOid.name)
    return collation === undefined || collation.isCodePoint ? codePointOrder : undefined
  const labels = oid < firstUserOid ? undefined : env.enumLabels(oid)
  if (labels !== undefined) return enumOrder(labels)
  if (anonymousRecords.has(oid)) throw unorderable()
  if (collation === undefined && (textArrays.has(oid) || oid >= firstUserOid)) throw unknownCollation()
  return undefined
}

/** How values of a column are told apart here (`decode` alone is used), or undefined when a shard has to be asked. */
export function identityOf(
  oid: number,
  isDeterministic: boolean,
  env: MergeEnvironment,
): TypeOrder | undefined {
  const local = localOrders.get(oid)
  if (local !== undefined) return local
  const isText = textTypes.has(oid) || textArrays.has(oid) || oid === typeOid.name || oid === typeOid.unknown
  if (isText) {
    if (!isDeterministic) throw unknownEquality()
    if (oid === 1014) return undefined
    return oid === typeOid.bpchar ? paddedOrder : codePointOrder
  }
  if (textIdentities.has(oid)) return asciiOrder
  const labels = oid < firstUserOid ? undefined : env.enumLabels(oid)
  if (labels !== undefined) return enumOrder(labels)
  if (anonymousRecords.has(oid)) throw unorderable()
  if (!isDeterministic && oid >= firstUserOid) throw unknownEquality()
  return undefined
}

function enumOrder(labels: readonly string[]): TypeOrder {
  const positions = new Map(labels.map((label, index) => [label, index]))
  return {
    decode(text) {
      const position = positions.get(text)
      if (position !== undefined) return position
      throw new DatabaseError(
        'SHARDS_DISAGREE',
        'A shard sent a label of an enum type that the catalog does not know. Call router.refresh() after ALTER TYPE, and run it on every shard.',
      )
    },
    compare: compareNumbers,
  }
}

/** The order a shard told, for one batch of values. */
export function rankedOrder(ranks: ReadonlyMap<string, number>): TypeOrder {
  return {
    decode(text) {
      const rank = ranks.get(text)
      if (rank === undefined) throw new TypeError('a value was not ranked')
      return rank
    },
    compare: compareNumbers,
  }
}

function unknownCollation(): StatementError {
  return new StatementError(
    'UNSUPPORTED_SCATTER',
    'The collation of an ORDER BY expression, or of a min or max, is not known, so rows of several shards cannot be ordered. Add COLLATE to the expression, for example COLLATE "C", or order by a column.',
    { details: { construct: 'ORDER BY an expression of unknown collation' } },
  )
}

function unknownEquality(): StatementError {
  return new StatementError(
    'UNSUPPORTED_SCATTER',
    'Text may be equal by a nondeterministic collation here, so DISTINCT or GROUP BY cannot be finished over several shards. Add COLLATE "C" in a subquery, or group by the shard key.',
    { details: { construct: 'DISTINCT or GROUP BY under a nondeterministic collation' } },
  )
}

function unorderable(): StatementError {
  return new StatementError(
    'UNSUPPORTED_SCATTER',
    'Rows of several shards cannot be ordered or told apart by an anonymous record such as ROW(a, b). Order by its fields instead.',
    { details: { construct: 'ORDER BY, DISTINCT or GROUP BY a record' } },
  )
}
