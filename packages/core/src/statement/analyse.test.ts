import { beforeAll, describe, expect, it } from 'vitest'
import { classificationCatalog } from '../../test/support/classification-catalog.ts'
import {
  classificationVectors,
  describeStatement,
  expectedOf,
} from '../../test/support/classification-vectors.ts'
import { analyse } from './analyse.ts'
import { emptyCatalog } from './catalog.ts'
import { loadParser } from './parser.ts'

beforeAll(loadParser)

describe('classification', () => {
  it.each(classificationVectors.cases)('$sql', (known) => {
    expect(describeStatement(analyse(known.sql, classificationCatalog))).toEqual(expectedOf(known))
  })

  it('needs no catalog for built-in names', () => {
    expect(analyse('select lower(a) from anything')).toMatchObject({ role: 'replica', isCacheable: true })
    expect(analyse('select f(a) from anything')).toMatchObject({
      role: 'primary',
      reason: { rule: 'unknown-function', subject: 'f' },
    })
  })

  it('ends on views that name each other', () => {
    expect(analyse('select * from circular', classificationCatalog)).toMatchObject({
      role: 'primary',
      reason: { rule: 'unknown-function' },
    })
  })

  it('does not trust foreign tables and volatile casts to a standby', () => {
    expect(analyse('select * from abroad', classificationCatalog).reason).toEqual({
      rule: 'per-server',
      subject: 'foreign table public.abroad',
    })
    const catalog = { ...emptyCatalog, volatileCasts: ['money2 → text'] }
    expect(analyse('select a from t', catalog)).toMatchObject({
      role: 'primary',
      reason: { subject: 'cast money2 → text' },
    })
  })

  it('lists the tables, those below views too, and no WITH query', () => {
    const { tables } = analyse(
      'with t as (select * from u) select * from t join nested on true join s.x on true',
      classificationCatalog,
    )
    expect(tables).toEqual([
      { schema: undefined, name: 'nested', access: 'read' },
      { schema: 'public', name: 'counting', access: 'read' },
      { schema: 's', name: 'x', access: 'read' },
      { schema: undefined, name: 'u', access: 'read' },
    ])
  })

  it('lists what is written, also through a view', () => {
    expect(analyse('update plain set a = 1 from t', classificationCatalog).tables).toEqual([
      { schema: undefined, name: 'plain', access: 'write' },
      { schema: 'public', name: 't', access: 'write' },
      { schema: undefined, name: 't', access: 'read' },
    ])
    expect(analyse('with d as (delete from a returning *) insert into b select * from c').tables).toEqual(
      expect.arrayContaining([
        { schema: undefined, name: 'a', access: 'write' },
        { schema: undefined, name: 'b', access: 'write' },
        { schema: undefined, name: 'c', access: 'read' },
      ]),
    )
    expect(analyse('drop table s.a, b').tables).toEqual([
      { schema: 's', name: 'a', access: 'write' },
      { schema: undefined, name: 'b', access: 'write' },
    ])
  })

  it('counts parameters, but not those of a prepared statement or a function body', () => {
    expect(analyse('select $2 where $7 and exists (select $3)').parameterCount).toBe(7)
    expect(analyse('prepare p as select $1').parameterCount).toBe(0)
    expect(analyse('create function f(int) returns int return $1').parameterCount).toBe(0)
  })
})

describe('analyse', () => {
  it('reads hints and leaves comments out of the text', () => {
    const statement = analyse(`/* shardline: role=primary */ select 1 -- tail`)
    expect(statement.hints).toEqual({ role: 'primary' })
    expect(statement.text).toBe('  select 1  ')
  })

  it('tells the place of a syntax error in the text as it was written', () => {
    const { kind, syntaxError } = analyse('select 1 /* a comment */ frm x y')
    expect(kind).toBe('unparsable')
    expect(syntaxError).toEqual({ message: 'syntax error at or near "x"', sqlState: '42601', position: 30 })
  })

  it('refuses a NUL and what is too large or too deep', () => {
    const refusal = (sql: string): unknown => {
      try {
        return analyse(sql)
      } catch (error) {
        return (error as { code?: string }).code
      }
    }
    expect(refusal('select 1\0')).toBe('STATEMENT_NUL')
    expect(refusal('select 1 /* \0 */')).toBe('STATEMENT_NUL')
    expect(refusal(`select '${'x'.repeat(5_000_000)}'`)).toBe('STATEMENT_TOO_LARGE')
    for (const deep of [
      `select ${'1+'.repeat(20_000)}1`,
      `select ${'('.repeat(3_000)}1${')'.repeat(3_000)}`,
      `select 1${' union select 1'.repeat(20_000)}`,
    ]) {
      const outcome = refusal(deep)
      if (typeof outcome === 'string') expect(outcome).toBe('STATEMENT_TOO_LARGE')
    }
  })

  it('reads thousands of WITH queries without a copy of their names for each', () => {
    const queries = Array.from({ length: 12_000 }, (_, index) => `c${index} as (select ${index})`).join(', ')
    for (const recursive of ['', 'recursive ']) {
      const started = performance.now()
      expect(analyse(`with ${recursive}${queries} select * from c0`, classificationCatalog).role).toBe(
        'replica',
      )
      // Copies took minutes or all memory.
      expect(performance.now() - started).toBeLessThan(8_000)
    }
  })

  it('answers or refuses at every depth the parser survives', () => {
    const shapes: readonly ((depth: number) => string)[] = [
      (depth) => `select ${'1+'.repeat(depth)}1`,
      (depth) => `select * from t where ${'not '.repeat(depth)}true`,
      (depth) => `select ${'(select '.repeat(depth)}1${')'.repeat(depth)}`,
      (depth) => `select 1${' union select 1'.repeat(depth)}`,
      (depth) => `select 1${'::int'.repeat(depth)}`,
      (depth) => `select * from ${'(select * from '.repeat(depth)}t${') x'.repeat(depth)}`,
      (depth) => `select * from t${' join t using (id)'.repeat(depth)}`,
      (depth) => `select ${'case when true then '.repeat(depth)}1${' end'.repeat(depth)}`,
      (depth) => `select ${'abs('.repeat(depth)}1${')'.repeat(depth)}`,
    ]
    for (const shape of shapes) {
      for (const depth of [100, 500, 1_000, 2_000, 4_000, 8_000]) {
        try {
          expect(analyse(shape(depth), classificationCatalog).kind).toMatch(/select|unparsable/)
        } catch (error) {
          expect(error).toMatchObject({ code: 'STATEMENT_TOO_LARGE' })
        }
      }
    }
    expect(analyse('select 1').role).toBe('replica')
  })
})
