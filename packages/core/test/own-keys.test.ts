import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  keyColumns,
  labelOf,
  momentOf,
  outcomeOf,
  startTwoSides,
  uuidOf,
  type Table,
  type TwoSides,
} from './two-sides.ts'

let sides: TwoSides
beforeAll(async () => {
  sides = await startTwoSides()
})
afterAll(() => sides?.stop())

const keys = Array.from({ length: 60 }, (_, index) => index + 1)
const items = keys.map((key) => `$${key}`).join(', ')
const ownKeys = (table: Table, shard: string): number[] =>
  keys.filter((key) => sides.shardOf(table, key) === shard)

describe('a list of keys for several shards', () => {
  it('as an array: each shard gets its own elements', async () => {
    const text = 'select id from features where id = any($1) order by id'
    const sent = await sides.sentWhile('from features', async () => {
      const { rows } = await sides.router.pool.query(text, [keys])
      expect(rows.map((row: { id: string }) => Number(row.id))).toEqual(keys)
    })
    for (const [shard, queries] of sent) {
      const own = ownKeys('features', shard)
      while (own.length < 10) own.push(own[0] ?? 0)
      expect(queries).toMatchObject([{ text, values: [`{${own.join()}}`] }])
    }
    expect(String(sides.router.explain(text, [keys]))).toContain(
      `keys    $1 by shard (${['s0', 's1', 's2'].map((shard) => `${shard}: ${ownKeys('features', shard).length}`).join(', ')})`,
    )
  })

  it('as items: from the second time on each shard gets its own, in a text for about as many', async () => {
    const text = `select id from features where id in (${items}) and n < $61 order by id limit $62`
    const run = async (): Promise<void> => {
      const { rows } = await sides.router.pool.query(text, [...keys, 100, 1000])
      expect(rows.map((row: { id: string }) => Number(row.id))).toEqual(keys)
    }
    for (const queries of (await sides.sentWhile('from features', run)).values()) {
      expect(queries.map((query) => query.values.length)).toEqual([62])
    }
    for (const [shard, queries] of await sides.sentWhile('from features', run)) {
      const own = ownKeys('features', shard).map(String)
      const size = [8, 12, 16, 24, 32].find((each) => each >= own.length)
      const padded = Array.from({ length: size ?? 0 }, (_, place) => own[place] ?? own[0])
      expect(queries.map(({ values }) => values)).toEqual([[...padded, '100', '1000']])
    }
  })

  it('as pairs, in UPDATE and DELETE, and from any number of runs by a few texts', async () => {
    const pairs = keys.slice(0, 40)
    const list = pairs.map((_, place) => `($${place * 2 + 2}, $${place * 2 + 3})`).join(', ')
    const update = `update orders set n = n + $1 where (tenant_id, id) in (${list}) returning id`
    const texts = new Set<string>()
    for (let run = 0; run < 6; run++) {
      const values = [1, ...pairs.flatMap((key) => [(key + run) % 20, ((key + run - 1) % 60) + 1])]
      const sent = await sides.sentWhile('update orders', async () => {
        const own = await outcomeOf(sides.router.pool, update, values)
        const expected = await outcomeOf(sides.plain, update, values)
        expect(own.result?.[2].map(spell).sort()).toEqual(expected.result?.[2].map(spell).sort())
        expect(own.result?.[1]).toBe(expected.result?.[1])
      })
      for (const [shard, queries] of sent) {
        for (const query of queries) {
          // A shard that has nearly all of them gets all.
          if (query.values.length === values.length) continue
          texts.add(query.text)
          const tenants = query.values.slice(1).filter((_, place) => place % 2 === 0)
          for (const id of tenants) expect(sides.shardOf('orders', Number(id))).toBe(shard)
        }
      }
    }
    expect(texts.size).toBeGreaterThan(0)
    expect(texts.size).toBeLessThan(5)
  })

  it.each([
    ['Kysely and Drizzle', `select "id", "n" from "features" where "id" in (${items})`, []],
    [
      'TypeORM',
      `SELECT "f"."id" AS "f_id", "f"."n" AS "f_n" FROM "features" "f" WHERE (("f"."id" IN (${items})) AND ("f"."n" < $61))`,
      [100],
    ],
    [
      'Prisma',
      `SELECT "public"."features"."id", "public"."features"."n" FROM "public"."features" WHERE ("public"."features"."id" IN (${items.replaceAll(' ', '')}) AND 1=1) LIMIT $61 OFFSET $62`,
      [1000, 0],
    ],
  ])('as %s write it', async (_orm, text, others) => {
    const values = [...keys, ...others]
    const run = async (): Promise<void> => {
      expect((await sides.router.pool.query(text, values)).rows).toHaveLength(keys.length)
    }
    await run()
    const lengths = [...(await sides.sentWhile('eatures"', run)).values()].map(
      ([query]) => query?.values.length ?? 0,
    )
    for (const length of lengths) expect(length).toBeLessThan(values.length)
  })

  it('keeps to the few prepared statements that lists of any length need', async () => {
    const names = new Set<string | undefined>()
    for (let run = 0; run < 8; run++) {
      const own = keys.map((key) => key + run * 13)
      const sent = await sides.sentWhile('from orders', () =>
        sides.router.pool.query(`select n from orders where tenant_id in (${items})`, own),
      )
      if (run > 5) for (const queries of sent.values()) for (const { name } of queries) names.add(name)
    }
    expect(names).not.toContain(undefined)
    expect(names.size).toBeLessThan(5)
  })

  it('of items with different casts is sent whole: one could not stand in for another', async () => {
    const values = keys.map((key) => (key % 2 === 0 ? key : key + 10_000_000_000))
    const casts = keys.map((key) => `$${key}::${key % 2 === 0 ? 'int' : 'bigint'}`).join(', ')
    for (let run = 0; run < 3; run++) {
      const { rows } = await sides.router.pool.query(`select id from features where id in (${casts})`, values)
      expect(rows).toHaveLength(30)
    }
  })

  it('whose parameter stands somewhere else, too, is sent whole', async () => {
    const text = 'select id from features where id = any($1) order by array_position($1, id) desc'
    const scrambled = keys.toSorted((a, b) => ((a * 31) % 61) - ((b * 31) % 61))
    const sent = await sides.sentWhile('from features', async () => {
      const { rows } = await sides.router.pool.query(text, [scrambled])
      expect(rows.map((row: { id: string }) => Number(row.id))).toEqual(scrambled.toReversed())
    })
    for (const [query] of sent.values()) expect(query?.values).toEqual([`{${scrambled.join()}}`])
  })
})

const spell = (row: unknown): string => JSON.stringify(row)
const bySpelling = (a: unknown, b: unknown): number => (spell(a) < spell(b) ? -1 : 1)
const refusals: ReadonlySet<string> = new Set(['UNPROVED_WRITE', 'UNSUPPORTED_SCATTER'])

// Any statement with a list gives what one PostgreSQL gives, the second time and the third as well, and no shard is
// sent a key of another one, but for one that keeps a list from being empty.
const seed = Number(process.env['OWN_KEYS_SEED'] ?? 20_261_123)
const runs = Number(process.env['OWN_KEYS_RUNS'] ?? 150)

interface Drawn {
  readonly text: string
  readonly values: readonly unknown[]
  readonly table: Table
  readonly isOrdered: boolean
  /** Where its keys are among the values that are sent; undefined where every shard may get the whole list. */
  readonly list: 'array' | 'items' | 'pairs' | undefined
}

type Listed = Exclude<Table, 'points'>

const keyOf: Readonly<Record<Listed, (n: number) => string | number | bigint>> = {
  features: (n) => (n % 3 === 0 ? String(n) : n % 3 === 1 ? n : BigInt(n)),
  labels: labelOf,
  orders: (n) => n % 25,
  invoices: (n) => sides.refs[n % sides.refs.length]?.[0] ?? '0',
  devices: (n) => (n % 2 === 0 ? uuidOf(n) : uuidOf(n).toUpperCase()),
  readings: momentOf,
}
const arrayTypes: Readonly<Record<Listed, string>> = {
  features: 'bigint',
  labels: 'text',
  orders: 'int',
  invoices: 'bigint',
  devices: 'uuid',
  readings: 'timestamptz',
}

const wrappings = [
  'select k, n from t where LIST',
  'select k, n from t where LIST and n < OTHER',
  'select k, n from t where n > OTHER and LIST order by k, n limit LIMIT',
  'select count(*), sum(n), min(k::text) from t where LIST and n <> OTHER',
  'select n, count(*) from t where LIST group by n having count(*) < OTHER',
  'select k, n from t where LIST or n = OTHER',
  'select k, n from t where (LIST or n = OTHER) and not (n = OTHER)',
  'select k, n from t where exists (select 1 from t u where u.k = t.k and u.n < OTHER) and LIST',
  'with c as (select k, n from t where LIST) select a.k, b.n from c a join c b on a.k = b.k',
  'select x.k, x.n from (select k, n from t where n < OTHER) x where XLIST',
  'select t.k, u.n from t left join t u on u.k = t.k and u.n < OTHER where ULIST or t.n = 1',
  'update t set n = n + OTHER where LIST returning k, n',
  'update t set n = case when LIST then n + OTHER else n - OTHER end where LIST2 returning k',
] as const

/** Not to be narrowed, or not at all of them: only what they answer counts. */
const others = [
  'select k, n from t where not (LIST)',
  'select k, n from t where LIST is not true or n = OTHER',
  'select k, n from t where (LIST) is null',
  'select k, LIST as inside from t where n < OTHER',
  'select k, case when LIST then n else -n end from t',
  'select count(*) filter (where LIST), count(*) from t',
  'select k, n from t where case when LIST then n > OTHER else n < OTHER end',
] as const

function statements(): fc.Arbitrary<Drawn> {
  const key = fc.integer({ min: 1, max: 70 })
  return fc
    .record({
      table: fc.constantFrom(...(Object.keys(keyOf) as Listed[])),
      numbers: fc.oneof(
        { weight: 1, arbitrary: fc.array(key, { maxLength: 8 }) },
        { weight: 4, arbitrary: fc.array(key, { minLength: 20, maxLength: 50, size: 'max' }) },
      ),
      nulls: fc.array(fc.nat({ max: 40 }), { maxLength: 2 }),
      form: fc.constantFrom('any', 'any-cast', 'any-text', 'in', 'in-cast', 'array', 'pairs', 'not-in'),
      wrapping: fc.oneof(
        { weight: 3, arbitrary: fc.constantFrom(...wrappings) },
        { weight: 1, arbitrary: fc.constantFrom(...others) },
      ),
      other: fc.nat({ max: 7 }),
      isDoubtful: fc.nat({ max: 9 }),
    })
    .map((drawn) => {
      const { table, numbers, wrapping } = drawn
      const column = keyColumns[table]
      const listed: (string | number | bigint | null)[] = numbers.map(keyOf[table])
      for (const place of drawn.nulls) if (place < listed.length) listed[place] = null
      // PostgreSQL reads this one, and the router does not trust itself to.
      if (drawn.isDoubtful === 0 && table === 'features' && listed.length > 0) listed[0] = '0x2'
      const values: unknown[] = []
      const type = arrayTypes[table]
      const listOf = (qualified: string): string => {
        const parameter = (value: unknown, cast = ''): string => `$${values.push(value)}${cast}`
        const isEmpty = listed.length === 0
        switch (drawn.form) {
          case 'any':
            return `${qualified} = any(${parameter(listed)})`
          case 'any-cast':
            return `${qualified} = any(${parameter(listed, `::${type}[]`)})`
          case 'any-text':
            return `${qualified} = any(${parameter(`{${listed.map((key) => (key === null ? 'NULL' : `"${String(key)}"`)).join()}}`)})`
          case 'array':
            if (isEmpty) return 'false'
            return `${qualified} = any(array[${listed.map((key) => parameter(key, `::${type}`)).join()}])`
          case 'pairs':
            if (isEmpty) return 'false'
            return `(${qualified}, ${qualified.replace(column, 'n')}) in (${listed
              .map((key, place) => `(${parameter(key)}, ${parameter(place % 7)})`)
              .join()})`
          default: {
            if (isEmpty) return 'false'
            const cast = drawn.form === 'in-cast' ? `::${type}` : ''
            const not = drawn.form === 'not-in' ? 'not ' : ''
            return `${qualified} ${not}in (${listed.map((key) => parameter(key, cast)).join()})`
          }
        }
      }
      const text = wrapping
        .replace(/[XU]?LIST2?/g, (mark) => {
          const alias = mark.startsWith('X') ? 'x.' : mark.startsWith('U') ? 'u.' : ''
          return listOf(`${alias}${column}`)
        })
        .replaceAll('OTHER', () => `$${values.push(drawn.other)}::int`)
        .replaceAll('LIMIT', () => `$${values.push(drawn.other + 3)}`)
        .replace(/\bt\b/g, table)
        .replace(/\bk\b/g, column)
      const isNarrowed =
        (wrappings as readonly string[]).includes(wrapping) &&
        !/LIST2|ULIST| c as /.test(wrapping) &&
        drawn.form !== 'not-in' &&
        !(drawn.isDoubtful === 0 && table === 'features')
      const list = drawn.form.startsWith('any') ? 'array' : drawn.form === 'pairs' ? 'pairs' : 'items'
      return {
        text,
        values,
        table,
        isOrdered: wrapping.includes('order by'),
        list: isNarrowed && listed.length >= 20 ? list : undefined,
      }
    })
}

function keysSent(list: Drawn['list'], text: string, values: readonly string[]): readonly string[] {
  if (list === undefined) return []
  const first = Math.min(
    ...[...text.matchAll(/(?:any\(|in \(|array\[)\(?\$(\d+)/g)].map(([, number]) => Number(number)),
  )
  if (list === 'array') {
    const array = values[first - 1] ?? ''
    return array === 'NULL'
      ? []
      : array
          .slice(1, -1)
          .split(',')
          .map((key) => key.replaceAll('"', ''))
  }
  const last = Math.max(
    ...[...text.matchAll(/(?:in \(|array\[)([^)\]]*(?:\),\([^)]*)*)/g)].flatMap(([, inside = '']) =>
      [...inside.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)),
    ),
  )
  return values.slice(first - 1, last).filter((_, place) => list === 'items' || place % 2 === 0)
}

it(`${runs} statements with lists of keys, seed ${seed}`, async () => {
  let narrowed = 0
  let agreed = 0
  await fc.assert(
    fc.asyncProperty(statements(), async ({ text, values, table, isOrdered, list }) => {
      for (let run = 0; run < 3; run++) {
        const sent = await sides.sentWhile(table, async () => {
          const own = await outcomeOf(sides.router.pool, text, values)
          if (refusals.has(own.error ?? '')) return
          const expected = await outcomeOf(sides.plain, text, values)
          if (!isOrdered) for (const { result } of [own, expected]) result?.[2].sort(bySpelling)
          expect({ text, ...own }).toEqual({ text, ...expected })
          if (own.error === undefined) agreed += 1
        })
        if (list === undefined || run === 0) continue
        for (const [shard, queries] of sent) {
          for (const query of queries) {
            // A shard that has nearly all of the items gets all.
            if (list !== 'array' && query.values.length === values.length) continue
            const found = new Set(keysSent(list, query.text, query.values).filter((key) => key !== 'NULL'))
            if (found.size > 1) {
              narrowed += 1
              for (const key of found)
                expect([text, key, sides.shardOf(table, key)]).toEqual([text, key, shard])
            }
          }
        }
      }
    }),
    { numRuns: runs, seed, endOnFailure: false },
  )
  console.log(
    `${agreed} of ${runs * 3} gave rows; ${narrowed} lists of more than one key were sent, each with keys of its own shard`,
  )
  expect(narrowed).toBeGreaterThan(runs)
  expect(agreed).toBeGreaterThan(runs * 2)
})
