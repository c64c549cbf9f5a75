import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { removeComments } from './comments.ts'
import { loadParser, parse } from './parser.ts'

beforeAll(loadParser)

/** The tree without its locations, which comments move. */
function treeOf(sql: string): string {
  const { stmts, syntaxError } = parse(sql)
  if (syntaxError !== undefined) return 'syntax error'
  return JSON.stringify(
    stmts.map(({ stmt }) => stmt),
    (key, value: unknown) => (/location|list_start|list_end/.test(key) ? undefined : value),
  )
}

/** A line comment inside a continued string: PostgreSQL takes it, libpg-query's copy of the scanner does not. */
const parserMisses = /'\s*--[^\n\r]*[\n\r]/

describe('removeComments', () => {
  it.each([
    ['select 1', 'select 1', []],
    ['select 1 -- x', 'select 1  ', [' x']],
    ['select 1 -- x\n+ 2', 'select 1  \n+ 2', [' x']],
    ['/* a */select/* b /* c */ d */1', ' select 1', [' a ', ' b /* c */ d ']],
    [`select '/* x */', '--', '''/*'`, `select '/* x */', '--', '''/*'`, []],
    [`select E'\\'/*' /* y */`, `select E'\\'/*'/**/`.replace(`'/**/`, `' /**/`), [' y ']],
    [`select "a/*b", "c""--d"`, `select "a/*b", "c""--d"`, []],
    ['select $$ -- $$, $x$ /* $x$, $y$ $x$ -- $y$', 'select $$ -- $$, $x$ /* $x$, $y$ $x$ -- $y$', []],
    ['select a$b$ /* x */ from c$b$', 'select a$b$   from c$b$', [' x ']],
    ['select $1/*x*/+$2', 'select $1 +$2', ['x']],
    ['select 1 -/*x*/- 2', 'select 1 - - 2', ['x']],
    ['select 1 /* open', 'select 1 /* open', []],
    ['/*+ IndexScan(t) */ select 1 /* x */', '/*+ IndexScan(t) */ select 1  ', [' x ']],
    [`select fooE'\\' -- x`, `select fooE'\\'  `, [' x']],
    [`select E'a'\n'\\'--' -- x`, `select E'a'\n'\\'--'  `, [' x']],
    [`select E'a' -- c\n '\\'--'`, `select E'a' -- c\n '\\'--'`, []],
  ])('%s', (sql, text, comments) => {
    expect(removeComments(sql)).toEqual({ text, comments })
  })

  it('keeps a comment that stops a string from going on', () => {
    const sql = `select 'a' /* x */\n 'b'`
    expect(parse(sql).syntaxError).toBeDefined()
    expect(parse(removeComments(sql).text).syntaxError).toBeDefined()
  })

  it('never changes what the parser reads', () => {
    const pieces = fc.constantFrom(
      'select',
      ' ',
      '\n',
      "'a'",
      "'",
      'E',
      "E'\\''",
      '"q"',
      '"',
      '$$',
      '$x$',
      '$1',
      '/*',
      '*/',
      '/* c */',
      '--',
      '-- c\n',
      '-',
      '+',
      '*',
      '/',
      '1',
      'a',
      ',',
      '(',
      ')',
      'a$b',
      "U&'x'",
      'ä',
      'B',
      '--\r',
      '/*+ h */',
      '/**/',
      ';',
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 14 }), (parts) => {
        for (const sql of [parts.join(''), `select ${parts.join(' ')}`, `select 1 ${parts.join('')} + 1`]) {
          if (parserMisses.test(sql)) continue
          expect(treeOf(removeComments(sql).text)).toBe(treeOf(sql))
        }
      }),
      { numRuns: 3_000 },
    )
  })
})
