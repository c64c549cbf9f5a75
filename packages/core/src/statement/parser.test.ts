import { beforeAll, describe, expect, it } from 'vitest'
import { StatementError } from '../errors.ts'
import { loadParser, maxTextLength, parse } from './parser.ts'

beforeAll(loadParser)

function codeOf(run: () => unknown): string | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    return error instanceof StatementError ? error.code : String(error)
  }
}

describe('parse', () => {
  it('gives every statement with its place in bytes', () => {
    const { stmts } = parse(`select 'ä'; select 2`)
    expect(stmts.map(({ location, length }) => [location, length])).toEqual([
      [0, 11],
      [13, 0],
    ])
  })

  it('tells a syntax error as data, at the character PostgreSQL counts', () => {
    expect(parse(`select 'ä😀' frm x`)).toEqual({
      stmts: [],
      syntaxError: { message: 'syntax error at or near "x"', sqlState: '42601', position: 17 },
    })
  })

  it('refuses NUL, which would cut the text', () => {
    expect(codeOf(() => parse('select 1\0; delete from t'))).toBe('STATEMENT_NUL')
  })

  it('takes texts of a megabyte and refuses those beyond the limit', () => {
    expect(parse(`select '${'x'.repeat(1_000_000)}'`).stmts).toHaveLength(1)
    expect(parse(`select 1${' , 1'.repeat(250_000)}`).stmts).toHaveLength(1)
    expect(codeOf(() => parse(`select '${'x'.repeat(maxTextLength)}'`))).toBe('STATEMENT_TOO_LARGE')
  })

  it('survives a hundred texts that overflow its stack', () => {
    for (let round = 0; round < 100; round++) {
      expect(codeOf(() => parse(`select ${'1+'.repeat(20_000)}1`))).toBe('STATEMENT_TOO_LARGE')
    }
    expect(parse('select 1').stmts).toHaveLength(1)
  }, 60_000)

  it('survives 10,000 nested parentheses a hundred times', () => {
    const nested = `select ${'('.repeat(10_000)}1${')'.repeat(10_000)}`
    for (let round = 0; round < 100; round++) {
      expect(parse(nested).syntaxError?.message).toBe('memory exhausted at or near "("')
    }
    expect(parse('select 1').stmts).toHaveLength(1)
  })

  it('is unharmed by being called from a nearly full stack', () => {
    let isWhole = true
    const dive = (): void => {
      try {
        dive()
      } catch {
        try {
          isWhole &&= parse('select 1').stmts.length === 1
        } catch (error) {
          isWhole &&= error instanceof StatementError || error instanceof RangeError
        }
      }
    }
    dive()
    expect(isWhole).toBe(true)
    expect(parse('select 1').stmts).toHaveLength(1)
  })
})
