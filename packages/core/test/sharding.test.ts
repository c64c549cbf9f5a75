import { startCluster, type Cluster } from '@shardline/local-cluster'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAssignment, pinKeys } from '../src/sharding/assignment.ts'
import { readArrayLiteral } from '../src/sharding/array-literal.ts'
import { bucketSql } from '../src/sharding/bucket-sql.ts'
import { canonicalKey, hashBucketOfKey, hashBucketOfValue, placedKey } from '../src/sharding/canonical-key.ts'
import type { KeySession } from '../src/sharding/key-session.ts'
import { resolveKeySet } from '../src/sharding/resolve-key-set.ts'
import { bucketOfValue, createShardMap } from '../src/sharding/shard-map.ts'
import type { KeyedPlacement } from '../src/statement/catalog.ts'
import type { KeyType } from '../src/statement/key-type.ts'

/** Whatever `pg` sends for a value, PostgreSQL and we must come to the same bucket, or we must say that we cannot. */

let cluster: Cluster
let client: pg.Client

beforeAll(async () => {
  cluster = await startCluster({ shards: 1 })
  client = await connect()
})

afterAll(async () => {
  await client?.end()
  await cluster?.stop()
})

async function connect(timeZone = 'UTC'): Promise<pg.Client> {
  const [shard] = Object.values(cluster.urls)
  const opened = new pg.Client({ connectionString: shard?.primary ?? '', options: `-c timezone=${timeZone}` })
  await opened.connect()
  return opened
}

const periods = ['hour', 'day', 'week', 'month', 'year'] as const
const sqlTypes: Readonly<Record<KeyType, string>> = {
  int2: 'int2', int4: 'int4', int8: 'int8', text: 'text', varchar: 'varchar', uuid: 'uuid',
  date: 'date', timestamp: 'timestamp', timestamptz: 'timestamptz',
} // prettier-ignore

function placementOf(keyType: KeyType, every?: KeyedPlacement['every']): KeyedPlacement {
  const base = { group: 'g', keyColumn: 'k', keyType, isGuarded: false }
  return every === undefined ? { ...base, strategy: 'entity' } : { ...base, strategy: 'time', every }
}

/** The server's own answer; undefined when it refuses the value. */
async function askServer(
  on: pg.Client,
  placement: KeyedPlacement,
  value: unknown,
): Promise<{ readonly bucket: number; readonly text: string } | undefined> {
  const parameter = `$1::${sqlTypes[placement.keyType]}`
  try {
    const { rows } = await on.query<{ bucket: string; text: string }>(
      `select (${bucketSql(placement, `(${parameter})`)})::text as bucket, (${parameter})::text as text`,
      [value],
    )
    const [row] = rows
    return row === undefined ? undefined : { bucket: Number(row.bucket), text: row.text }
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith('22') === true) return undefined
    throw error
  }
}

/** @returns whether we proved the value, so that callers can see to it that the test tests something */
async function agree(
  placement: KeyedPlacement,
  value: unknown,
  session: KeySession = { timeZone: 'UTC' },
  on = client,
): Promise<boolean> {
  const bucket = hashBucketOfValue(placement, value, placement.keyType, session)
  const key = placedKey(placement, value, placement.keyType, session)
  if (key === undefined) {
    expect(bucket).toBe(-1)
    return false
  }
  const server = await askServer(on, placement, value)
  expect({ value, bucket }).toEqual({ value, bucket: server?.bucket })
  expect(hashBucketOfKey(placement, key)).toBe(bucket)
  if (placement.strategy !== 'time') expect(key).toBe(server?.text)
  return true
}

const spaced = (value: string): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom('', ' ', '\t\n', ' \v'),
      fc.constantFrom('', '+', '0', '00'),
      fc.constantFrom('', ' ', '\r\n'),
    )
    .map(
      ([before, sign, after]) =>
        before +
        (value.startsWith('-') && sign === '+' ? '' : value.startsWith('-') ? '' : sign) +
        value +
        after,
    )

const boundaries = [2n ** 15n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n].flatMap((edge) =>
  [-1n, 0n, 1n].flatMap((step) => [edge + step, -(edge + step)]),
)
const integers = fc.oneof(
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }),
  fc.bigInt({ min: -70_000n, max: 70_000n }),
  fc.constantFrom(...boundaries),
)
const integerValues = fc.oneof(
  integers,
  integers.map(Number),
  integers.chain((value) => spaced(String(value))),
  fc.double(),
  fc.string({ maxLength: 6 }),
  fc.constantFrom(
    '0x2A',
    '1_000',
    '0b1',
    '-0',
    '--1',
    '+-1',
    '',
    ' ',
    '-',
    '1.0',
    '1e3',
    '\u00a01',
    '１',
    true,
    'true',
  ),
)

describe('integer keys', () => {
  test.each(['int2', 'int4', 'int8'] as const)('%s', async (type) => {
    let proved = 0
    await fc.assert(
      fc.asyncProperty(integerValues, async (value) => {
        if (await agree(placementOf(type), value)) proved++
      }),
      { numRuns: 1_500 },
    )
    expect(proved).toBeGreaterThan(100)
  })

  test('what an application writes for 42 is one key', () => {
    for (const value of [42, 42n, '42', '042', ' 42 ', '+42']) {
      expect(canonicalKey('int8', value, {})).toBe('42')
    }
  })

  test('what is no integer of the type is not proved', () => {
    for (const value of [
      Buffer.from('42'),
      [42],
      { toPostgres: () => 42 },
      42.5,
      Number.NaN,
      '4294967296',
      2 ** 31,
      new Date(0),
    ]) {
      expect(canonicalKey('int4', value, {})).toBeUndefined()
    }
  })
})

describe('text keys', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc.string({ minLength: 340, maxLength: 1_400 }),
    fc.string({ unit: fc.constantFrom('\ud83d', '\ude80', 'a', '\0', 'é'), maxLength: 4 }),
    fc.double(),
    fc.bigInt(),
    fc.boolean(),
  )
  test.each(['text', 'varchar'] as const)('%s', async (type) => {
    let proved = 0
    await fc.assert(
      fc.asyncProperty(texts, async (value) => {
        if (await agree(placementOf(type), value)) proved++
      }),
      { numRuns: 1_000 },
    )
    expect(proved).toBeGreaterThan(500)
  })

  test('a text that varchar(n) would cut or refuse is not proved', async () => {
    await client.query('create temporary table cut (k varchar(3))')
    const placement: KeyedPlacement = { ...placementOf('varchar'), keyLength: 3 }
    await client.query('insert into cut values ($1)', ['abc  '])
    const { rows } = await client.query<{ k: string }>('select k from cut')
    expect(rows).toEqual([{ k: 'abc' }])
    expect(placedKey(placement, 'abc  ', 'varchar', {})).toBeUndefined()
    expect(hashBucketOfValue(placement, 'abc  ', 'varchar', {})).toBe(-1)
    expect(placedKey(placement, '🚀🚀🚀', 'varchar', {})).toBe('🚀🚀🚀')
    expect(await agree(placement, '🚀🚀🚀')).toBe(true)
  })
})

test('uuid keys, in every form that uuid_in accepts', async () => {
  const uuids = fc
    .tuple(
      fc.uuid(),
      fc.constantFrom('as is', 'no hyphens', 'all hyphens', 'odd hyphens'),
      fc.boolean(),
      fc.boolean(),
    )
    .map(([uuid, form, isUpper, hasBraces]) => {
      const digits = uuid.replaceAll('-', '')
      const forms = {
        'as is': uuid,
        'no hyphens': digits,
        'all hyphens': digits.replaceAll(/(.{4})(?=.)/g, '$1-'),
        'odd hyphens': digits.replace(/^(.{12})/, '$1-'),
      }
      const cased = isUpper ? forms[form as 'as is'].toUpperCase() : forms[form as 'as is']
      return hasBraces ? `{${cased}}` : cased
    })
  const values = fc.oneof(
    uuids,
    uuids.map((uuid) => uuid.slice(1)),
    uuids.map((uuid) => ` ${uuid}`),
    uuids.map((uuid) => uuid.replace(/.(?=.{5}$)/, '-')),
    uuids.map((uuid) => `${uuid}}`),
    fc.string(),
  )
  let proved = 0
  await fc.assert(
    fc.asyncProperty(values, async (value) => {
      if (await agree(placementOf('uuid'), value)) proved++
    }),
    { numRuns: 1_500 },
  )
  expect(proved).toBeGreaterThan(200)
})

describe('time keys', () => {
  const dates = fc.oneof(
    fc.date({ min: new Date('1890-01-01'), max: new Date('2150-01-01'), noInvalidDate: true }),
    fc.date({ min: new Date('0001-02-01'), max: new Date('9999-12-01'), noInvalidDate: true }),
    fc.date(),
  )
  const two = (n: number): string => String(n).padStart(2, '0')
  const texts = fc
    .record({
      year: fc.integer({ min: 1, max: 9_999 }),
      month: fc.integer({ min: 0, max: 13 }),
      day: fc.integer({ min: 0, max: 32 }),
      separator: fc.constantFrom(' ', 'T', 't', '_'),
      clock: fc.constantFrom(
        '00:00',
        '23:59:59.999999',
        '24:00:00',
        '12:34:60',
        '01:02:03.4',
        '23:00',
        '12:00:00.1234567',
        '1:2:3',
      ),
      zone: fc.constantFrom(
        '',
        'Z',
        '+00',
        '-08',
        '+05:30',
        '+0530',
        '-00:44:30',
        '+15:59',
        '+16',
        ' UTC',
        '+5',
      ),
      form: fc.constantFrom('date', 'full', 'full', 'full'),
    })
    .map(({ year, month, day, separator, clock, zone, form }) => {
      const date = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`
      return form === 'date' ? date : date + separator + clock + zone
    })
  const words = fc.constantFrom(
    'infinity',
    '-infinity',
    'now',
    'today',
    'epoch',
    '2024-01-01 BC',
    '20240101',
    '1/2/2024',
    '2024-1-1',
  )
  const values = fc.oneof(dates, texts, texts, words)

  test.each(['date', 'timestamp', 'timestamptz'] as const)('%s in UTC, by every period', async (type) => {
    let proved = 0
    await fc.assert(
      fc.asyncProperty(values, fc.constantFrom(...periods), async (value, every) => {
        if (await agree(placementOf(type, every), value)) proved++
      }),
      { numRuns: 2_500 },
    )
    expect(proved).toBeGreaterThan(300)
  })

  test('Dates travel in the time zone of the process', async () => {
    const before = process.env['TZ']
    let proved = 0
    try {
      for (const zone of ['America/New_York', 'Asia/Kolkata', 'Europe/Amsterdam', 'Pacific/Apia']) {
        process.env['TZ'] = zone
        for (const type of ['date', 'timestamp', 'timestamptz'] as const) {
          await fc.assert(
            fc.asyncProperty(dates, fc.constantFrom(...periods), async (value, every) => {
              if (await agree(placementOf(type, every), value)) proved++
            }),
            { numRuns: 150 },
          )
        }
      }
    } finally {
      if (before === undefined) delete process.env['TZ']
      else process.env['TZ'] = before
    }
    expect(proved).toBeGreaterThan(1_000)
  })

  test('parseInputDatesAsUTC', async () => {
    const before = process.env['TZ']
    process.env['TZ'] = 'America/New_York'
    pg.defaults.parseInputDatesAsUTC = true
    try {
      const value = new Date('2024-01-01T02:00:00Z')
      const session = { timeZone: 'UTC', areDatesSentAsUtc: true }
      expect(await agree(placementOf('timestamp', 'month'), value, session)).toBe(true)
      expect(placedKey(placementOf('timestamp', 'year'), value, 'timestamp', session)).toBe('54')
      expect(placedKey(placementOf('timestamp', 'year'), value, 'timestamp', {})).toBe('53')
    } finally {
      pg.defaults.parseInputDatesAsUTC = false
      if (before === undefined) delete process.env['TZ']
      else process.env['TZ'] = before
    }
  })

  test('in another session time zone, text without an offset proves no instant', async () => {
    const tokyo = await connect('Asia/Tokyo')
    try {
      const session = { timeZone: 'Asia/Tokyo' }
      await fc.assert(
        fc.asyncProperty(values, fc.constantFrom(...periods), async (value, every) => {
          for (const type of ['date', 'timestamp', 'timestamptz'] as const) {
            await agree(placementOf(type, every), value, session, tokyo)
          }
        }),
        { numRuns: 400 },
      )
      expect(canonicalKey('timestamptz', '2024-01-01', session)).toBeUndefined()
      expect(canonicalKey('timestamptz', '2024-01-01 10:00', {})).toBeUndefined()
      expect(canonicalKey('timestamp', '2024-01-01 10:00', session)).toBe('1704103200000000')
      expect(canonicalKey('timestamptz', '2024-01-01 10:00+00', session)).toBe('1704103200000000')
    } finally {
      await tokyo.end()
    }
  })
})

describe('arrays', () => {
  const serverArray = async (value: unknown): Promise<readonly (string | null)[] | undefined> => {
    try {
      const { rows } = await client.query<{ json: string }>('select to_json($1::text[])::text as json', [
        value,
      ])
      return JSON.parse(rows[0]?.json ?? 'null') as readonly (string | null)[]
    } catch (error) {
      if ((error as { code?: string }).code?.startsWith('22') === true) return undefined
      throw error
    }
  }

  test('array literals have the elements that PostgreSQL reads', async () => {
    const piece = fc.constantFrom(
      'a',
      'b c',
      'NULL',
      'null',
      ',',
      ',',
      '"',
      '"x y"',
      '"a\\"b"',
      '\\',
      ' ',
      '\t',
      '{',
      '}',
      '""',
      'ü',
    )
    const literals = fc.oneof(
      fc.array(piece, { maxLength: 6 }).map((pieces) => `{${pieces.join('')}}`),
      fc.array(piece, { maxLength: 5 }).map((pieces) => ` { ${pieces.join(',')} } `),
      fc.constantFrom('', '{', '{}', ' { } ', '[0:1]={a,b}', '{{a},{b}}', 'a', '{a}b', '{,}'),
    )
    let proved = 0
    await fc.assert(
      fc.asyncProperty(literals, async (literal) => {
        const elements = readArrayLiteral(literal)
        if (elements === undefined) return
        proved++
        expect({ literal, elements }).toEqual({ literal, elements: await serverArray(literal) })
      }),
      { numRuns: 3_000 },
    )
    expect(proved).toBeGreaterThan(500)
  })

  test('JavaScript arrays have the keys that PostgreSQL reads', async () => {
    const members = fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.integer(),
      fc.bigInt(),
      fc.boolean(),
      fc.constantFrom(null, undefined, 'NULL', '"', '\\', ''),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(members, { maxLength: 6 }), async (array) => {
        const keys = resolveKeySet(
          { kind: 'array', value: { source: 'parameter', number: 1, type: 'text' } },
          [array],
          placementOf('text'),
          {},
        )
        if (keys === 'all') return
        const server = await serverArray(array)
        expect(keys).toEqual(new Set(server?.filter((element) => element !== null)))
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('the bucket in SQL', () => {
  const shapes: readonly (readonly [string, KeyedPlacement])[] = [
    ...(['int2', 'int4', 'int8', 'text', 'varchar', 'uuid'] as const).map(
      (type) => [type, placementOf(type)] as const,
    ),
    ...(['date', 'timestamp', 'timestamptz'] as const).flatMap((type) =>
      periods.map((every) => [`${type}_${every}`, placementOf(type, every)] as const),
    ),
  ]
  test.each(shapes)('%s may stand in a CHECK, an index and a row filter', async (name, placement) => {
    const table = `bucket_${name}`
    await client.query(`create table ${table} (k ${sqlTypes[placement.keyType]} not null primary key)`)
    const sql = bucketSql(placement, 'k')
    await client.query(`alter table ${table} add check (${sql} between 0 and 16383)`)
    await client.query(`create index on ${table} ((${sql}))`)
    await client.query(`create publication ${table} for table ${table} where (${sql} < 8192)`)
    const { rows } = await client.query(
      'select 1 from pg_publication_rel where prrelid = $1::regclass and prqual is not null',
      [table],
    )
    expect(rows).toHaveLength(1)
  })

  test('pinned keys have their own bucket there too', async () => {
    const placement: KeyedPlacement = { ...placementOf('text'), strategy: 'tenant' }
    const keys = [`it's`, 'back\\slash', '42'].map((key) => ({
      key,
      hashBucket: hashBucketOfKey(placement, key),
      shard: 'b',
    }))
    const map = createShardMap('g', pinKeys(createAssignment(['a', 'b']), 'g', keys))
    for (const value of [...keys.map(({ key }) => key), 'other', 42]) {
      const { rows } = await client.query<{ bucket: string }>(
        `select ${bucketSql(placement, '$1::text', map)}::text as bucket`,
        [value],
      )
      expect(Number(rows[0]?.bucket)).toBe(bucketOfValue(map, placement, value, 'text', {}))
    }
    expect(bucketOfValue(map, placement, 42, 'text', {})).toBe(16_386)
    await client.query('create table pinned (k text not null primary key)')
    await client.query(`alter table pinned add check (${bucketSql(placement, 'k', map)} < 16400)`)
    await client.query(
      `create publication pinned for table pinned where (${bucketSql(placement, 'k', map)} = 16385)`,
    )
  })
})
