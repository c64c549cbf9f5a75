/**
 * Writes vectors/merge-order.json and vectors/merge-arithmetic.json from a real PostgreSQL:
 * `node_modules/.bin/node packages/core/test/support/make-merge-vectors.ts`
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startCluster } from '@shardline/local-cluster'
import pg from 'pg'

const folder = join(import.meta.dirname, '../../vectors')

/** A small repeatable generator (mulberry32), so that the vectors only change when the script does. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const random = createRandom(20_261_122)
const below = (limit: number): number => Math.floor(random() * limit)
const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make)
function pick<T>(values: readonly T[]): T {
  const value = values[below(values.length)]
  if (value === undefined) throw new Error('nothing to pick from')
  return value
}
const digits = (count: number): string => times(count, () => below(10)).join('')

const numerics = [
  ...'NaN Infinity -Infinity 0 0.0 -0.0 1 1.0 1.000 -1 -1.00 10 9.99 10.01 99999999999999999999 1e-20 -1e-20 1e400 -1e400'.split(
    ' ',
  ),
  ...'0.1 0.10 0.09 100 99 101 -99 -100 -101 123456789012345.678 123456789012345.679 0.000000000000000001'.split(
    ' ',
  ),
  ...times(60, () => `${pick(['', '-'])}${digits(1 + below(12))}${pick(['', `.${digits(1 + below(10))}`])}`),
]

const alphabet = Array.from(
  'aAbBzZ 09_-~é€ßñ\u{e000}\u{ffff}\u{fffd}\u{10000}\u{1f600}\u{10ffff}\u{d7ff}\u007f\u0080',
)
const words = ['', ' ', 'a', 'a ', ' a', ...times(80, () => times(below(6), () => pick(alphabet)).join(''))]

const days = [
  ...'infinity;-infinity;2000-01-01;1999-12-31;0001-01-01;0001-12-31 BC;4713-01-01 BC;0044-03-15 BC;9999-12-31;10000-01-01;294276-12-31;1970-01-01;2024-02-29;2023-03-01;1900-02-28;1900-03-01'.split(
    ';',
  ),
  ...times(
    40,
    () =>
      `${1 + below(3000)}`.padStart(4, '0') +
      `-${1 + below(12)}-${1 + below(28)}${pick(['', '', '', ' BC'])}`,
  ),
]
const clock = (): string =>
  `${below(24)}:${below(60)}:${below(60)}${pick(['', `.${digits(1 + below(6))}`])}`.replace(
    /(?<=^|:)\d(?=:|$|\.)/g,
    '0$&',
  )
const moments = [
  ...days.slice(0, 2),
  '2000-01-01 00:00:00.000001',
  '1999-12-31 23:59:59.999999',
  '4713-02-01 00:00:00 BC',
  '294276-12-30 23:59:59.999999',
  ...days
    .slice(2, 10)
    .map((day) => (day.endsWith('BC') ? day.replace(' BC', ' 12:00:00 BC') : `${day} 12:00:00`)),
  ...times(
    60,
    () =>
      `${1 + below(3000)}`.padStart(4, '0') +
      `-${1 + below(12)}-${1 + below(28)} ${clock()}${pick(['', '', ' BC'])}`,
  ),
]
const offset = (): string =>
  `${pick(['+', '-'])}${`${below(15)}`.padStart(2, '0')}${pick(['', ':30', ':45', ':15:30'])}`
const spans = [
  ...'0;1 month;30 days;720 hours;31 days;1 day;24 hours;23:59:59.999999;-1 month;-30 days;1 year;360 days;12 months;365 days;infinity;-infinity;1 mon -1 day;29 days 24 hours;-1 day +24 hours;1 microsecond;-00:00:01.5'.split(
    ';',
  ),
  ...times(
    50,
    () =>
      `${below(40) - 20} mons ${below(80) - 40} days ${below(100) - 50} hours ${below(9)}.${digits(3)} secs`,
  ),
]
const floats = [
  ...'NaN Infinity -Infinity 0 -0 1 -1 1.5 1e10 1e15 1e-4 1e-5 123456.789 1e300 5e-324 1.7976931348623157e308 0.1 0.2 0.30000000000000004'.split(
    ' ',
  ),
  ...times(50, () => `${pick(['', '-'])}${digits(1)}.${digits(1 + below(15))}e${below(40) - 20}`),
]
const integers = (low: string, high: string): string[] => [
  low,
  high,
  '0',
  '1',
  '-1',
  '10',
  '9',
  '-10',
  '-9',
  ...times(30, () => `${below(60_000) - 30_000}`),
]
const hex = (count: number): string => times(count, () => below(16).toString(16)).join('')

interface Topic {
  readonly type: string
  readonly collation?: string
  readonly values: readonly string[]
}

const topics: Topic[] = [
  { type: 'bool', values: ['t', 'f', 'true', 'false'] },
  { type: 'int2', values: integers('-32768', '32767') },
  { type: 'int4', values: integers('-2147483648', '2147483647') },
  {
    type: 'int8',
    values: [
      ...integers('-9223372036854775808', '9223372036854775807'),
      '9007199254740993',
      '9007199254740992',
      '-9007199254740993',
      '999999999999999',
      '1000000000000000',
    ],
  },
  { type: 'oid', values: ['0', '1', '4294967295', '10', '9'] },
  { type: 'numeric', values: numerics },
  { type: 'float4', values: floats.filter((value) => !/e(300|308|-324)/.test(value)) },
  { type: 'float8', values: floats },
  { type: 'text', collation: 'C', values: words },
  { type: 'text', collation: 'ucs_basic', values: words },
  { type: 'varchar', collation: 'POSIX', values: words },
  { type: 'bpchar', collation: 'C', values: words },
  { type: 'text', collation: 'pg_c_utf8', values: words },
  { type: 'name', values: words },
  { type: '"char"', values: ['', 'a', 'Z', '0', '~', '\\377', '\\200', '\\303'] },
  { type: 'uuid', values: [...times(40, () => hex(32)), '0'.repeat(32), 'f'.repeat(32)] },
  { type: 'bytea', values: ['\\x', ...times(40, () => `\\x${hex(2 * below(5))}`)] },
  { type: 'date', values: days },
  { type: 'timestamp', values: moments },
  {
    type: 'timestamptz',
    values: moments.map((moment) =>
      moment.includes('infinity') ? moment : moment.replace(/( BC)?$/, `${offset()}$1`),
    ),
  },
  { type: 'time', values: ['00:00:00', '24:00:00', '23:59:59.999999', ...times(40, clock)] },
  {
    type: 'timetz',
    values: [
      '00:00:00+00',
      '24:00:00-15',
      '12:00:00+02',
      '10:00:00+00',
      '11:00:00+01',
      '09:00:00-01',
      ...times(40, () => clock() + offset()),
    ],
  },
  { type: 'interval', values: spans },
  { type: 'macaddr', values: times(10, () => times(6, () => hex(2)).join(':')) },
  { type: 'macaddr8', values: times(10, () => times(8, () => hex(2)).join(':')) },
  { type: 'bit(3)', values: ['000', '001', '010', '111', '100'] },
  {
    type: 'varbit',
    values: [
      '',
      '0',
      '1',
      '10',
      '100000001',
      '01',
      '00000000',
      '000000000',
      ...times(20, () => times(below(12), () => below(2)).join('')),
    ],
  },
  { type: 'pg_lsn', values: ['0/0', '0/FFFFFFFF', '1/0', 'FFFFFFFF/FFFFFFFF', 'A/9', 'A/A', '9/A', '10/0'] },
  { type: 'xid8', values: ['0', '18446744073709551615', '10', '9'] },
]

async function orderVectors(client: pg.Client, topic: Topic, timeZone: string) {
  await client.query(`set timezone = '${timeZone}'`)
  const collate = topic.collation === undefined ? '' : ` collate "${topic.collation}"`
  const { rows, fields } = await client.query<[string, string]>({
    text: `select v::${topic.type}, dense_rank() over (order by v::${topic.type}${collate}) from unnest($1::text[]) v order by 2`,
    values: [[...new Set(topic.values)]],
    rowMode: 'array',
    types: { getTypeParser: () => (text: string) => text },
  })
  return {
    type: topic.type,
    oid: fields[0]?.dataTypeID,
    ...(topic.collation === undefined ? {} : { collation: topic.collation }),
    timeZone,
    values: rows.map(([text, rank]) => [text, Number(rank)]),
  }
}

/** Groups of values; PostgreSQL's own sum, average and count over each. */
async function sumVectors(client: pg.Client, type: string, makeValues: () => string[]) {
  const cases = []
  for (let index = 0; index < 60; index++) {
    const values = makeValues()
    const average = type === 'interval' ? 'null' : 'avg(v)'
    const { rows } = await client.query(
      `select array_agg(v::text order by n) as values, sum(v)::text as sum, (${average})::text as avg from (select v::${type} as v, n from unnest($1::text[]) with ordinality u(v, n)) s`,
      [values],
    )
    cases.push({ values: rows[0].values, sum: rows[0].sum, avg: rows[0].avg })
  }
  return { type, cases }
}

async function floatTexts(client: pg.Client, type: 'float4' | 'float8') {
  const values = [
    ...floats,
    ...times(
      400,
      () =>
        `${pick(['', '-'])}${digits(1)}.${digits(1 + below(17))}e${below(type === 'float4' ? 60 : 600) - (type === 'float4' ? 30 : 300)}`,
    ),
    ...times(200, () => `${2 ** (50 + below(14)) + below(1000)}`),
    ...times(60, () => `${pick([2 ** 24, 2 ** 20, 2 ** 60, 2 ** 53]) * (1 + below(9))}`),
    ...times(100, () => digits(1 + below(20))),
  ].filter((value) => type === 'float8' || !/e(300|308|-324)/.test(value))
  // Bits rather than the text, so that the reader starts from the very value.
  const { rows } = await client.query(
    `select encode(${type}send(v::${type}), 'hex') as bits, v::${type}::text as text from unnest($1::text[]) v`,
    [values],
  )
  return rows.map((row) => [row.bits, row.text])
}

await using cluster = await startCluster()
const [node] = cluster.nodes
const client = new pg.Client(node?.url)
await client.connect()
try {
  const orders = []
  for (const topic of topics) orders.push(await orderVectors(client, topic, 'UTC'))
  for (const topic of topics.filter(({ type }) => type === 'timestamptz')) {
    for (const zone of ['America/New_York', 'Asia/Kolkata', 'Europe/Amsterdam'])
      orders.push(await orderVectors(client, topic, zone))
  }
  const plain = (): string => `${pick(['', '-'])}${digits(1 + below(14))}`
  const decimals = (): string => `${pick(['', '-'])}${digits(1 + below(9))}.${digits(1 + below(12))}`
  const tiny = (): string => `0.${'0'.repeat(below(12))}${digits(1 + below(6))}`
  const some = (make: () => string) => (): string[] => times(1 + below(6), make)
  const sums = [
    await sumVectors(
      client,
      'int4',
      some(() => digits(1 + below(8))),
    ),
    await sumVectors(client, 'int8', some(plain)),
    await sumVectors(client, 'numeric', some(plain)),
    await sumVectors(client, 'numeric', some(decimals)),
    await sumVectors(client, 'numeric', some(tiny)),
    await sumVectors(
      client,
      'numeric',
      some(() => pick(numerics.filter((value) => !value.includes('e')))),
    ),
    await sumVectors(
      client,
      'interval',
      some(() => pick(spans.filter((span) => !span.includes('infinity')))),
    ),
  ]
  const floatText = { float8: await floatTexts(client, 'float8'), float4: await floatTexts(client, 'float4') }
  write('merge-order.json', { source: 'PostgreSQL 18, by test/support/make-merge-vectors.ts', orders })
  write('merge-arithmetic.json', {
    source: 'PostgreSQL 18, by test/support/make-merge-vectors.ts',
    sums,
    floatText,
  })
} finally {
  await client.end()
}

function write(name: string, content: object): void {
  const lines = JSON.stringify(content, null, 1).replace(/\n\s+(?=[\]"\d-])/g, ' ')
  writeFileSync(join(folder, name), `${lines}\n`)
}
