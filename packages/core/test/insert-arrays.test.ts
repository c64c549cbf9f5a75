import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { outcomeOf, startTwoSides, type TwoSides } from './two-sides.ts'

let sides: TwoSides
beforeAll(async () => {
  sides = await startTwoSides()
})
afterAll(() => sides?.stop())

describe('an INSERT of the elements of arrays', () => {
  const ids = ['a', 'b', 'c', 'd', 'ünï', 'f', '', 'o\'hara "x"', 'a,b', '{}', 'NULL', 'i']
  const places = ids.map((_, index) => index)
  const all = 'select entity_id, at, value, tags from points order by entity_id collate "C", at'
  const columns = 'insert into points (entity_id, at, value, tags)'
  const arrays = 'unnest($1::text[], $2::int[], $3::float8[], $4::jsonb[])'
  const numbers = [1.5, Number.NaN, null, -0, Infinity * -1, 1e-7, 3, 4, 5, 6, 7]
  const tags = places.map((place) => (place % 3 === 0 ? null : { place, list: [1, 'x'] }))
  /** One value too few in the third array: NULL stands for it. */
  const values = [ids, places, numbers, tags]

  const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)

  beforeEach(async () => {
    for (const pool of [sides.plain, sides.router.pool])
      await pool.query('delete from points where entity_id = any($1)', [[...ids, 'c"d']])
  })

  it.each<[text: string, values: readonly unknown[]]>([
    [`${columns} select * from ${arrays} returning entity_id, at, value, tags, 1 as one`, values],
    [`${columns} select u.* from ${arrays} as u (a, b, c, d)`, values],
    [
      `${columns} select a, $5, c, d from ${arrays} as u (a, b, c, d) where b > $6 returning at, entity_id`,
      [...values, 7, 3],
    ],
    [
      `insert into points (at, entity_id) select unnest($2::int[]), unnest($1::text[]) returning entity_id`,
      [ids, places],
    ],
    [
      `insert into points (entity_id, at, made) select unnest($1::text[]), 1, now() returning entity_id`,
      [ids],
    ],
    [
      `insert into points (entity_id, at) select u, length(u) from unnest($1::text[]) u order by u desc`,
      [ids],
    ],
    [
      `insert into points (entity_id, at) select * from unnest($1::text[], $2::int[])`,
      ['{"a",b , "c\\"d", "NULL"}', '{1,2,3,4}'],
    ],
    [`insert into points (entity_id, at) select * from unnest($1::text[], $2::int[])`, [[], null]],
  ])('%s', async (text, given) => {
    const explained = sides.router.explain(text, given)
    if (String(given[0]) !== '') expect(explained.route.kind).toBe('split')
    const [own, expected] = [
      await outcomeOf(sides.router.pool, text, given),
      await outcomeOf(sides.plain, text, given),
    ]
    // Which rows a condition has left out, nothing tells: then they come shard by shard.
    if (text.includes('where')) for (const { result } of [own, expected]) result?.[2].sort(byText)
    expect(own).toEqual(expected)
    expect(own.error).toBeUndefined()
    expect((await sides.router.pool.query(all)).rows).toEqual((await sides.plain.query(all)).rows)
  })

  it('meets rows that are there, as ON CONFLICT says', async () => {
    const text = `${columns} select * from ${arrays}`
    const update = `${text} on conflict (entity_id, at) do update set value = points.value + excluded.value returning entity_id, value`
    const nothing = `${text} on conflict do nothing`
    for (const [sql, given] of [
      [text, values.map((array) => array.slice(0, 6))],
      [update, values],
      [nothing, values],
      [update, [['a', 'a', 'b'], [1, 1, 2], [1, 2, 3], []]],
    ] as const) {
      expect(await outcomeOf(sides.router.pool, sql, given)).toEqual(await outcomeOf(sides.plain, sql, given))
      expect((await sides.router.pool.query(all)).rows).toEqual((await sides.plain.query(all)).rows)
    }
  })

  it('sends each shard its own elements, by the text and the name of the whole', async () => {
    const text = `${columns} select * from ${arrays}`
    const sent = await sides.sentWhile('insert into points', () =>
      sides.router.pool.query({ name: 'points', text, values }),
    )
    for (const [shard, queries] of sent) {
      const own = places.filter((place) => sides.shardOf('points', ids[place]) === shard)
      expect(queries.map((query) => query.text)).toEqual(own.length === 0 ? [] : [text])
      expect(queries.map((query) => query.values[1])).toEqual(own.length === 0 ? [] : [`{${own.join()}}`])
    }
  })

  it.each<[values: readonly unknown[]]>([
    [[ids, places, places.map((place) => (place === 4 ? 2000 : place === 9 ? 3000 : 1)), []]],
    [[ids, places.map((place) => (place === 3 || place === 8 ? null : place)), [], []]],
    [[ids, places.map((place) => (place === 5 ? 'five' : place)), [], []]],
    [[[...ids, 'a'], [...places, 0], [], []]],
  ])('fails as one PostgreSQL does, and nothing is written', async (given) => {
    const text = `${columns} select * from ${arrays}`
    const failed = await outcomeOf(sides.router.pool, text, given)
    expect(failed.error).toBeDefined()
    expect(failed).toEqual(await outcomeOf(sides.plain, text, given))
    expect((await sides.router.pool.query(all)).rows).toEqual([])
  })

  it.each<[text: string, values: readonly unknown[], code: string]>([
    [
      'insert into points (entity_id, at) select e, o from unnest($1::text[]) with ordinality u(e, o)',
      [ids],
      'UNPROVED_WRITE',
    ],
    [
      'insert into points (entity_id, at) select e, cardinality($1) from unnest($1::text[]) u(e)',
      [ids],
      'UNPROVED_WRITE',
    ],
    [
      'insert into points (entity_id, at) select e, cardinality($1::text[]) from unnest($1::text[]) u(e)',
      [ids],
      'UNSUPPORTED_SCATTER',
    ],
    [
      'insert into points (entity_id, at) select lower(e), 1 from unnest($1::text[]) u(e)',
      [ids],
      'UNPROVED_WRITE',
    ],
    [
      'insert into points (entity_id, at) select e, count(*) from unnest($1::text[]) u(e) group by e',
      [ids],
      'UNSUPPORTED_SCATTER',
    ],
    [
      'insert into points (entity_id, at) select e, row_number() over () from unnest($1::text[]) u(e)',
      [ids],
      'UNSUPPORTED_SCATTER',
    ],
    [
      'insert into points (entity_id, at) select distinct e, 1 from unnest($1::text[]) u(e)',
      [ids],
      'UNSUPPORTED_SCATTER',
    ],
    [
      'insert into points (entity_id, at) select e, 1 from unnest($1::text[]) u(e) limit 5',
      [ids],
      'UNSUPPORTED_SCATTER',
    ],
    [
      'insert into points (entity_id, at) select e, 1 from unnest($1::text[]) u(e) order by e returning at',
      [ids],
      'UNSUPPORTED_SCATTER',
    ],
    [
      'insert into points (entity_id, at) select e, 1 from unnest($1::text[]) u(e), generate_series(1, 2)',
      [ids],
      'UNSUPPORTED_SCATTER',
    ],
    [
      'insert into points (entity_id, at) select unnest($1::text[]), abs(unnest($2::int[]))',
      [ids, places],
      'UNPROVED_WRITE',
    ],
    [
      'insert into points (entity_id, at) select * from unnest($1::text[], $2::int[])',
      [ids, [places]],
      'CROSS_SHARD',
    ],
    [
      'insert into points (entity_id, at) select * from unnest($1::text[], $2::int[])',
      [[...ids, null], []],
      'SHARD_KEY_NULL',
    ],
    [
      'insert into points (entity_id, at) select * from unnest($1::text[], $2::int[])',
      [ids, [...places, 7]],
      'SHARD_KEY_NULL',
    ],
    [
      'insert into points (entity_id, at) select * from unnest($1::text[], $2::int[])',
      [[ids], places],
      'SHARD_KEY_VALUE',
    ],
  ])('refuses %s', async (text, given, code) => {
    const sent = await sides.sentWhile('insert into points', async () => {
      expect(await outcomeOf(sides.router.pool, text, given)).toEqual({ error: code })
    })
    expect([...sent.values()].flat()).toEqual([])
  })
})
