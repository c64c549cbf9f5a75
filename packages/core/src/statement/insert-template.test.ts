import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { analyse } from './analyse.ts'
import { emptyCatalog, type Catalog } from './catalog.ts'
import { parseInsert } from './insert-template.ts'
import { loadParser, parse } from './parser.ts'

beforeAll(loadParser)

const shardedCatalog: Catalog = {
  ...emptyCatalog,
  version: 1,
  isSharded: true,
  relations: new Map([
    [
      'public.t',
      {
        schema: 'public',
        name: 't',
        kind: 'table',
        columns: ['a', 'b'].map((name) => ({
          name,
          type: 'bigint',
          notNull: true,
          hasDefault: false,
          isGenerated: false,
        })),
        placement: { strategy: 'tenant', group: 'tenant', keyColumn: 'a', keyType: 'int8', isGuarded: false },
        keyspace: 'default',
        uniqueKeys: [['a']],
        foreignKeys: [],
        hasTriggers: false,
      },
    ],
  ]),
}

function bulk(rows: number, head = 'insert into "t" ("a", "b") values ', tail = ''): string {
  return (
    head + Array.from({ length: rows }, (_, row) => `($${row * 2 + 1}, $${row * 2 + 2})`).join(', ') + tail
  )
}

describe('parseInsert', () => {
  it.each([
    bulk(200),
    bulk(200, undefined, ' returning "id"'),
    bulk(
      200,
      undefined,
      ` on conflict ("a") do update set "b" = excluded."b" where t.a in (1, 2) returning (select 'x'), array[1, 2]`,
    ),
    bulk(200, 'INSERT INTO s.t as x (a, b) overriding system value VALUES\n'),
    bulk(200, 'insert into "values" ("values") values ').replaceAll(/, \$\d*[02468]\)/g, ')'),
    bulk(200, undefined, ';'),
    bulk(
      200,
      undefined,
      " on conflict (a) do update set b = $1 + excluded.a returning json_object('a': 1), a::text",
    ),
  ])('gives the full tree: case %#', (sql) => {
    const parsed = parseInsert(sql)
    expect(parsed).toBeDefined()
    expect(parsed).toEqual(parse(sql))
  })

  it.each([
    ['comments', `${bulk(200)} /* x */`],
    ['another statement', `${bulk(200)}; delete from t`],
    ['text beyond ASCII', bulk(200, `insert into "ä" ("a", "b") values `)],
    ['VALUES of a WITH query', bulk(200, 'insert into t (a, b) with x as (values (1, 2)) values ')],
    ['a function', bulk(200).replace('$1)', 'now())').replace('$2', 'now()')],
    ['a cast', bulk(200).replace('$4', '$4::int')],
    ['an E-string', bulk(200).replace('$4', `E'a'`)],
    ['a backslash', bulk(200).replace('$4', `'\\'`)],
    ['a doubled quote', bulk(200).replace('$4', `'a''b'`)],
    ['a string in two parts', bulk(200).replace('$4', `'a'\n'b'`)],
    ['a small text', bulk(3)],
    ['VALUES in FROM', `insert into t select * from (${bulk(200, 'values ')}) v`],
  ])('leaves to the parser: %s', (_, sql) => {
    const parsed = parseInsert(sql)
    if (parsed !== undefined) expect(parsed).toEqual(parse(sql))
    else expect(parsed).toBeUndefined()
  })

  it('gives the rows of a sharded table their keys', () => {
    const rows = analyse(bulk(200), shardedCatalog).placement.rows
    expect(rows?.keys).toHaveLength(200)
    expect(rows?.keys[199]).toEqual({ source: 'parameter', number: 399, type: 'int8' })
  })

  it('never differs from the parser', () => {
    const space = fc.constantFrom('', ' ', '\n', '  \t', '\f', '\v')
    const item = fc.oneof(
      { weight: 12, arbitrary: fc.integer({ min: 1, max: 65_535 }).map((n) => `$${n}`) },
      {
        weight: 6,
        arbitrary: fc.constantFrom(
          'default',
          'DEFAULT',
          'null',
          'NULL',
          'true',
          'False',
          '0',
          '7',
          '999999999',
        ),
      },
      { weight: 4, arbitrary: fc.stringMatching(/^[ -&(-[\]-~]{0,8}$/).map((text) => `'${text}'`) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          '-1',
          '1.5',
          '1e3',
          '00',
          '2147483648',
          '0x1f',
          '1_000',
          `''''`,
          `'a' 'b'`,
          `'a'\n'b'`,
          `E'x'`,
          '$1::int',
          'f(1)',
          'nulls',
          'null::int',
          '(1)',
          '$0',
          'a',
          `$$x$$`,
          `'\\'`,
          'true and false',
          '$1 + 1',
          `n'x'`,
          `'a'--\n'b'`,
        ),
      },
    )
    const row = fc.tuple(fc.array(fc.tuple(space, item, space), { minLength: 1, maxLength: 4 }), space)
    const tail = fc.constantFrom(
      '',
      ' returning *',
      ' on conflict do nothing',
      ' on conflict (a) do update set a = $1, b = array[1]',
      ';',
      ' order by 1',
      ', ',
    )
    const head = fc.constantFrom(
      'insert into t values ',
      'insert into t(a)values',
      ' INSERT INTO "t" ("values", "b") VALUES\n',
      'insert into t select 1 union values ',
      'with x as (select 1) insert into t values ',
    )
    let taken = 0
    fc.assert(
      fc.property(head, fc.array(row, { minLength: 2, maxLength: 6 }), tail, (start, rows, end) => {
        const spelled = rows.map(([items]) => `(${items.map((parts) => parts.join('')).join(',')})`)
        const sql = `${start}${spelled.join(', ')}${end}${' '.repeat(1_000)}`
        const parsed = parseInsert(sql)
        if (parsed === undefined) return
        taken++
        expect(parsed).toEqual(parse(sql))
      }),
      { numRuns: 2_000 },
    )
    expect(taken).toBeGreaterThan(300)
  })
})
