import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { analyse } from '../statement/analyse.ts'
import { loadParser, parse } from '../statement/parser.ts'
import { isSameTree } from '../statement/rewrite.ts'
import { bodyAs, walk } from '../statement/tree.ts'
import { splitInsert } from './split-insert.ts'

beforeAll(() => loadParser())

const item = fc.oneof(
  fc.constantFrom(
    'default',
    'null',
    '1',
    "'a, (b)'",
    "'it''s )'",
    "E'\\'('",
    '$$),($$',
    '(1 + (2))',
    'now()',
    "'ü€𝄞'",
    '"x".f($1, 2)',
    'array[1, 2]',
    '(select 1)',
    "interval '1 day'",
    '$3::int',
  ),
  fc.integer({ min: 1, max: 40 }).map((number) => `$${number}`),
)
const row = fc.array(item, { minLength: 2, maxLength: 2 }).map((items) => `(${items.join(', ')})`)
const insert = fc.record({
  head: fc.constantFrom(
    'insert into t (a, b) values',
    'INSERT INTO "values" (a, b) /* values (1) */ VALUES\n',
    'with q as (select * from (values (1, 2)) v) insert into t (a, b) values',
    'insert into t as "values" (a, b) values',
  ),
  rows: fc.array(row, { minLength: 1, maxLength: 30 }),
  tail: fc.constantFrom(
    '',
    ' returning a, $40::int',
    ' on conflict (a) do update set b = $7 where t.b > (1)',
    ';',
  ),
})

describe('splitInsert', () => {
  it("keeps the rows asked for, everything around them, and every parameter's value", () => {
    fc.assert(
      fc.property(insert, fc.infiniteStream(fc.boolean()), ({ head, rows, tail }, coin) => {
        const text = `${head} ${rows.join(', ')}${tail}`
        const kept = rows.map((_, at) => at).filter(() => coin.next().value === true)
        const values = Array.from({ length: 40 }, (_, at) => `value ${at + 1}`)
        const part = splitInsert(analyse(text), kept, values)
        if (kept.length === 0) return
        const expected = parse(text).stmts[0]?.stmt
        const select = bodyAs(bodyAs(expected, 'InsertStmt')?.selectStmt, 'SelectStmt')
        const lists = select?.valuesLists ?? []
        if (select !== undefined) select.valuesLists = kept.flatMap((at) => lists[at] ?? [])
        const found = parse(part.text).stmts[0]?.stmt
        const numbers = (stmt: typeof found): unknown[] => {
          const seen: unknown[] = []
          if (stmt === undefined) return seen
          walk(stmt, (tag, body) => {
            if (tag !== 'ParamRef') return
            seen.push(body.number)
            body.number = 0
          })
          return seen
        }
        const before = numbers(expected).map((number) => values[Number(number) - 1])
        const after = numbers(found).map((number) => part.values[Number(number) - 1])
        expect(after).toEqual(before)
        expect(new Set(before).size).toBe(part.values.length)
        expect(isSameTree(found, expected)).toBe(true)
      }),
    )
  })

  it('refuses what has no rows of its own', () => {
    for (const text of [
      'insert into t select 1',
      'insert into t default values',
      'insert into t (a) select * from (values (1), (2)) v',
    ]) {
      expect(() => splitInsert(analyse(text), [0], [])).toThrow('rows can be told apart')
    }
  })
})
