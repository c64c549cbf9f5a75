import { beforeAll, describe, expect, it } from 'vitest'
import { analyse } from '../statement/analyse.ts'
import { loadParser } from '../statement/parser.ts'
import { rowsVerdict } from './split-insert.ts'

beforeAll(() => loadParser())

describe('judgeRows', () => {
  it.each([
    ['plain', "(1, 'a'), (-2, default), (null, true)"],
    ['plain', '($1, $2), ($3, $4)'],
    ['plain', "($1::int, '2026-01-01'::date), ($2, $3)"],
    ['plain', '($1, $2), ($3, $2)'],
    ['plain', '($1::int, $1::int), ($2, $1::int)'],
    ['plain', '($1, $1), ($2, $3)'],
    ['plain', '($1, $2), ($3, $4) returning $5::int'],
    ['expressions', '(1, 2), (3)'],
    ['expressions', '(1, now()), (2, null)'],
    ['expressions', '(1, array[1]), (2, (select 1))'],
    ['expressions', '($1, $2 + 1), ($3, 1)'],
    ['ambiguous', '($1, $2), ($3, $1)'],
    ['ambiguous', '(1, $1::int), (2, $1)'],
    ['ambiguous', '($1::int, 1), ($1::bigint, 2)'],
    ['ambiguous', '(1, $1 + 1), (2, $1)'],
    ['ambiguous', '(1, f($1)), (2, f($1))'],
    ['ambiguous', '($1, 2), (3, 4) on conflict (a) do update set b = $1'],
    ['ambiguous', '($1, 2), (3, 4) returning $1'],
  ])('%s: %s', (verdict, rows) => {
    expect(rowsVerdict(analyse(`insert into t (a, b) values ${rows}`))).toBe(verdict)
  })
})
