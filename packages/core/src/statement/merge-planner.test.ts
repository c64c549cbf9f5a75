import { beforeAll, describe, expect, test } from 'vitest'
import { catalog, proofOf } from '../../test/support/merge-catalog.ts'
import type { MergePlan } from './merge-plan.ts'
import { planMerge } from './merge-planner.ts'
import { loadParser, parse } from './parser.ts'

beforeAll(loadParser)

function planned(text: string, facts = { isGroupedByKey: false, isDistinctByKey: false }) {
  const [parsed] = parse(text).stmts
  if (parsed === undefined) throw new Error(`not parsable: ${text}`)
  return planMerge(parsed.stmt, text, catalog, proofOf(facts))
}

function planOf(text: string, facts?: { isGroupedByKey: boolean; isDistinctByKey: boolean }): MergePlan {
  const result = planned(text, facts)
  if ('refusal' in result) throw new Error(result.refusal.message)
  return result.plan
}

/** Each text and the one the shards run, unless it stays as it is. */
const rewrites: readonly (readonly [string, string?])[] = [
  ['select id from t order by id limit 5'],
  ['select id from t order by id limit $1'],
  ['select id from t order by id limit $1 offset $2'],
  ['select * from t order by id limit 5'],
  ['select id as k from t order by k'],
  ['select id from t order by 1 desc'],
  ['select t.id from t order by id'],
  ['select id, lower(txt) from t order by lower(txt)'],
  ['select id, lower(txt) from t order by lower(t.txt)'],
  ['select swe from t order by swe collate "C"'],
  ['select id from t order by k', 'select id, k as shardline_1 from t order by k'],
  ['select id -- from x\nfrom t order by k', 'select id, k as shardline_1 -- from x\nfrom t order by k'],
  ['select id as "from" from t order by k', 'select id as "from", k as shardline_1 from t order by k'],
  ['select id as from from t order by k', 'select id as from, k as shardline_1 from t order by k'],
  ["select 'é;from' from t order by k", "select 'é;from', k as shardline_1 from t order by k"],
  [
    'select i2 is distinct from i4 from t order by k',
    'select i2 is distinct from i4, k as shardline_1 from t order by k',
  ],
  [
    "select $$ from $$, E'\\' from' from t order by k",
    "select $$ from $$, E'\\' from', k as shardline_1 from t order by k",
  ],
  [
    'select id from t order by (i4 + i2) desc nulls last, k asc',
    'select id, (i4 + i2) as shardline_1, k as shardline_2 from t order by (i4 + i2) desc nulls last, k asc',
  ],
  ['(select id from t) order by k limit 3', '(select id, k as shardline_1 from t) order by k limit 3'],
  [
    'with "ö" as (select 1 from x order by 1) select id from t order by k',
    'with "ö" as (select 1 from x order by 1) select id, k as shardline_1 from t order by k',
  ],
  [
    'select distinct on (k) id from t order by k, ts desc',
    'select distinct on (k) id, k as shardline_1, ts as shardline_2 from t order by k, ts desc',
  ],
  ['select id from t order by id limit 5 offset 7', 'select id from t order by id limit 12 offset 0'],
  ['select id from t order by id offset 7', 'select id from t order by id offset 0'],
  ['select id from t order by id limit 5 offset $1', 'select id from t order by id limit $2 offset $1'],
  [
    'select id from t where k > $1 order by id limit $1 offset $1',
    'select id from t where k > $1 order by id limit $2 offset $3',
  ],
  ['select id from t order by id limit $1 offset $1', 'select id from t order by id limit $1 offset $2'],
  [
    'select id from t order by id offset 2 fetch next row only',
    'select id from t order by id offset 0 fetch next 3 row only',
  ],
  [
    'select id from t limit 9223372036854775807 offset 5',
    'select id from t limit 9223372036854775807 offset 0',
  ],
  ['select id from t limit -1 offset 5'],
  ['select i4, count(*) from t group by i4'],
  [
    'select i4, count(*) from t group by 1 order by 2 desc limit 3',
    'select i4, count(*) from t group by 1 order by 2 desc limit null',
  ],
  [
    'select i4, count(*) from t group by i4 order by i4 limit 3 offset 2',
    'select i4, count(*) from t group by i4 order by i4 limit 5 offset 0',
  ],
  ['select count(*) from t group by i4', 'select count(*), i4 as shardline_1 from t group by i4'],
  ['select avg(num) from t', 'select avg(num), sum(num) as shardline_1, count(num) as shardline_2 from t'],
  [
    'select avg(num) filter (where b) as x, sum(num) from t',
    'select avg(num) filter (where b) as x, sum(num), sum(num) filter (where b) as shardline_1, count(num) filter (where b) as shardline_2 from t',
  ],
  [
    'select i4 from t group by i4 having count(*) > 2 order by i4 limit 5',
    'select i4, count(*) as shardline_1 from t group by i4  order by i4 limit null',
  ],
  [
    'select i4 from t where k = $1 group by i4 having count(*) > $2 limit $3',
    'select i4, count(*) as shardline_1 from t where k = $1 group by i4  limit $2',
  ],
  ['select i4 from t group by i4 having i4 > 5'],
]

describe('the shards run', () => {
  test.each(rewrites.map(([text, expected]) => ({ text, expected })))('$text', ({ text, expected }) => {
    const plan = planOf(text)
    expect(plan.text).toBe(expected ?? text)
    expect(plan.isRewritten).toBe(expected !== undefined)
  })
})

const refusals: readonly (readonly [string, RegExp])[] = [
  ['select id from t limit 5 + 5', /^LIMIT with an expression$/],
  ['select id from t offset (select 1)', /^OFFSET with an expression$/],
  ['select id from t limit 1.5', /^LIMIT with an expression$/],
  ['select distinct i4 from t order by k', /SELECT DISTINCT does not list/],
  ['select string_agg(txt, $1) from t', /^string_agg/],
  ['select count(distinct txt) from t', /^count\(DISTINCT …\)/],
  ['select array_agg(id order by id) from t', /^array_agg/],
  ['select percentile_cont(0.5) within group (order by i4) from t', /WITHIN GROUP/],
  ['select sum(i4) / count(*) from t', /expression over aggregates/],
  ['select i4, i2, count(*) from t group by rollup (i4, i2)', /ROLLUP/],
  ['select i4, count(*), row_number() over (order by i4) from t group by i4', /window/],
  ['select i4 from t group by i4 having sum(i2) + 1 > 3', /HAVING|expression/],
  ['select i4 from t group by i4 having max(txt) like $1', /HAVING/],
  ['select unnest(arr), count(*) from t', /set-returning/],
  ['select i4, count(*) from t group by i4 order by generate_series(1, 2)', /set-returning/],
  ['select no_such_function(i4), count(*) from t group by i4', /set-returning/],
  ['select id from t for update', /FOR UPDATE/],
  ['select id from t order by id using <', /USING/],
  ['select id from t order by 7', /Position 7/],
  ["select id from t order by 'x'", /constant/],
  ['select i4 from t union select i2 from t union all select k from t', /UNION inside/],
  ['select count(*) from t union all select count(*) from t', /aggregate in a branch/],
  ['select distinct count(*) from t group by i4', /^DISTINCT over groups/],
  ['select i4, count(*) from t group by i4 order by 2 fetch first 2 rows with ties', /WITH TIES/],
]

describe('refused by name', () => {
  test.each(refusals.map(([text, construct]) => ({ text, construct })))('$text', ({ text, construct }) => {
    const result = planned(text)
    if ('plan' in result) throw new Error(`not refused: ${result.plan.text}`)
    expect(result.refusal.code).toBe('UNSUPPORTED_SCATTER')
    expect(result.refusal.construct).toMatch(construct)
    expect(result.refusal.message).toMatch(/shard key/)
  })
})

test('GROUP BY prefers a column to an output name, ORDER BY the other way round', () => {
  const plan = planOf('select i2 as i4, count(*) from t group by i2, i4 order by i4')
  expect(plan.text).toBe('select i2 as i4, count(*), i4 as shardline_1 from t group by i2, i4 order by i4')
  expect(plan.grouping?.keys).toEqual([0, -1])
  expect(plan.order.map((key) => key.column)).toEqual([0])
})

test.each([
  ['<', '>'],
  ['<=', '>='],
  ['>', '<'],
  ['>=', '<='],
  ['=', '='],
  ['<>', '<>'],
])('a comparison 2 %s count(*) is count(*) %s 2', (written, operator) => {
  const { grouping } = planOf(`select i4 from t group by i4 having 2 ${written} count(*)`)
  const operand = { source: 'literal', text: '2', isQuoted: false }
  expect(grouping?.having).toEqual({ kind: 'compare', column: -1, operator, operand })
})

test('columns are counted from the end, or named, when a star hides their position', () => {
  expect(planOf('select *, i4 as x from t order by x, id, 3').order.map((key) => key.column)).toEqual([
    'x',
    'id',
    2,
  ])
  expect(planOf('select id, t.* from t order by lower(txt)').order.map((key) => key.column)).toEqual([-1])
  expect(planOf('select *, count(*) from t group by 1').grouping?.aggregates[0]?.column).toBe(-1)
})

test('nulls go where PostgreSQL puts them', () => {
  const { order } = planOf('select id, i4 from t order by id, i4 desc, 1 desc nulls last, 2 nulls first')
  expect(order.map((key) => [key.isDescending, key.isNullsFirst])).toEqual([
    [false, false],
    [true, true],
    [true, false],
    [false, true],
  ])
})

test('collations follow the columns, COLLATE, and nothing where that is not sure', () => {
  const names = (text: string) => planOf(text).order.map((key) => key.collation?.name)
  expect(
    names('select txt, swe from t order by txt, swe, txt || swe, lower(swe), id::text, swe collate "C"'),
  ).toEqual(['default', 'sv-x-icu', 'sv-x-icu', 'sv-x-icu', 'default', 'C'])
  expect(names('select lower(txt collate "C") from t order by 1')).toEqual([undefined])
  expect(names('select (select max(vc) from t) from t order by 1')).toEqual([undefined])
})

test('values that vanish from the text make the others move up', () => {
  const plan = planOf('select i4 from t where k = $1 group by i4 having count(*) > $2 limit $3 offset 4')
  expect(plan.text).toBe(
    'select i4, count(*) as shardline_1 from t where k = $1 group by i4  limit $2 offset 0',
  )
  expect(plan.parameters).toEqual([
    { kind: 'original', number: 1 },
    { kind: 'unlimited', number: 3, type: 'int8' },
  ])
})

test('groups that lie whole on a shard are left to it', () => {
  const plan = planOf(
    'select k, string_agg(txt, $1) from t group by k having count(*) > 1 order by sum(i4) limit 3',
    {
      isGroupedByKey: true,
      isDistinctByKey: false,
    },
  )
  expect(plan.grouping).toBeUndefined()
  expect(plan.text).toContain('having count(*) > 1')
  expect(plan.text).toContain(', sum(i4) as shardline_1 from')
})
