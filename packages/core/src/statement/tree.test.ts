import { beforeAll, describe, expect, it } from 'vitest'
import { loadParser, parse } from './parser.ts'
import {
  bodyAs,
  castOf,
  columnOf,
  constantOf,
  createOffsetMap,
  parameterOf,
  parameterRefs,
  walk,
  type Node,
  type NodeTag,
} from './tree.ts'

beforeAll(loadParser)

function statement(sql: string): Node {
  const [first] = parse(sql).stmts
  if (first === undefined) throw new Error(`does not parse: ${sql}`)
  return first.stmt
}

function target(sql: string): Node | undefined {
  return bodyAs(bodyAs(statement(sql), 'SelectStmt')?.targetList?.[0], 'ResTarget')?.val
}

function tags(sql: string): NodeTag[] {
  const found: NodeTag[] = []
  walk(statement(sql), (...[tag]) => {
    if (tag !== 'String') found.push(tag)
  })
  return found
}

describe('walk', () => {
  it('finds bare fields with their tags, parents first', () => {
    expect(tags('insert into t (a) values ($1) on conflict (a) do nothing returning a')).toEqual([
      'InsertStmt',
      'RangeVar',
      'ResTarget',
      'SelectStmt',
      'List',
      'ParamRef',
      'OnConflictClause',
      'InferClause',
      'IndexElem',
      'ReturningClause',
      'ResTarget',
      'ColumnRef',
    ])
  })

  it('reaches both sides of a set operation, WITH, windows and JSON', () => {
    const seen = tags(
      `with c as (select 1) select json_object('a': f() over (order by $1)) union select * from c`,
    )
    for (const tag of ['CommonTableExpr', 'WindowDef', 'ParamRef', 'JsonKeyValue', 'RangeVar'] as const) {
      expect(seen).toContain(tag)
    }
  })

  it('leaves out what lies below when told so', () => {
    const seen: NodeTag[] = []
    walk(statement('select (select 1) from t'), (...[tag]) => {
      seen.push(tag)
      return tag !== 'SubLink'
    })
    expect(seen.filter((tag) => tag === 'SelectStmt')).toHaveLength(1)
  })

  it('does not overflow on any depth that parses', () => {
    expect(tags(`select ${'1+'.repeat(3_000)}1`).length).toBeGreaterThan(6_000)
  })
})

describe('readers', () => {
  it('reads constants, zero and the empty string among them', () => {
    expect(
      ['0', '-7', '12345678901', '1.50', `''`, `'a'`, 'true', 'false', 'null', `b'01'`].map((sql) =>
        constantOf(target(`select ${sql}`)),
      ),
    ).toEqual([
      { kind: 'integer', value: 0 },
      { kind: 'integer', value: -7 },
      { kind: 'numeric', text: '12345678901' },
      { kind: 'numeric', text: '1.50' },
      { kind: 'string', text: '' },
      { kind: 'string', text: 'a' },
      { kind: 'boolean', value: true },
      { kind: 'boolean', value: false },
      { kind: 'null' },
      { kind: 'bits', text: 'b01' },
    ])
  })

  it('reads parameters, columns and casts', () => {
    expect(parameterOf(target('select $3'))).toBe(3)
    expect(columnOf(target('select s.t.a'))).toEqual({ parts: ['s', 't', 'a'], isStar: false })
    expect(columnOf(target('select t.*'))).toEqual({ parts: ['t'], isStar: true })
    expect(castOf(target('select $1::varchar(3)[]'))?.type).toEqual({
      schema: 'pg_catalog',
      name: 'varchar',
      isArray: true,
      hasModifiers: true,
    })
  })

  it('orders parameters by their place in the text', () => {
    const sql = 'with c as (select $3) select $1 from c where a = $2'
    expect(parameterRefs(statement(sql)).map(({ number }) => number)).toEqual([3, 1, 2])
  })

  it('turns byte offsets into string indices', () => {
    const text = `a ä 😀 z`
    const indexOf = createOffsetMap(text)
    for (let index = 0; index <= text.length; index++) {
      if (text.codePointAt(index - 1)! > 0xffff) continue
      expect(indexOf(Buffer.byteLength(text.slice(0, index)))).toBe(index)
    }
    expect(createOffsetMap('plain')(3)).toBe(3)
  })
})
