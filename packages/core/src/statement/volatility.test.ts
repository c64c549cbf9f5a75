import { describe, expect, it } from 'vitest'
import { emptyCatalog, type Catalog, type FunctionFacts } from './catalog.ts'
import { functionUse, operatorUse } from './volatility.ts'

const facts: FunctionFacts = {
  volatility: 'volatile',
  isOpaque: true,
  isAggregate: false,
  isWindow: false,
  returnsSet: false,
}

const catalog: Catalog = {
  ...emptyCatalog,
  searchPath: ['pg_catalog', 'app', 'public'],
  functions: new Map([
    ['public.lower', facts],
    ['hidden.upper', facts],
    ['app.f', { ...facts, volatility: 'stable' }],
    ['public.f', { ...facts, volatility: 'immutable', isOpaque: false, returnsSet: true }],
  ]),
  operators: new Map([['=', facts]]),
}

describe('functionUse', () => {
  it('knows built-in functions by their worst overload', () => {
    expect(functionUse({ schema: undefined, name: 'lower' }, emptyCatalog)).toMatchObject({
      volatility: 'immutable',
      nature: 'immutable',
    })
    expect(functionUse({ schema: undefined, name: 'count' }, emptyCatalog)).toMatchObject({
      isAggregate: true,
    })
    expect(functionUse({ schema: undefined, name: 'rank' }, emptyCatalog)).toMatchObject({
      isAggregate: true,
      isWindow: true,
    })
    expect(functionUse({ schema: undefined, name: 'unnest' }, emptyCatalog)).toMatchObject({
      returnsSet: true,
    })
    expect(functionUse({ schema: undefined, name: 'nextval' }, emptyCatalog)).toMatchObject({
      volatility: 'volatile',
      nature: 'state',
    })
    expect(functionUse({ schema: undefined, name: 'txid_current' }, emptyCatalog)).toMatchObject({
      volatility: 'stable',
      nature: 'refused',
    })
    expect(functionUse({ schema: undefined, name: 'toString' }, emptyCatalog)).toBeUndefined()
  })

  it('takes the worst of a built-in name and the search path', () => {
    expect(functionUse({ schema: undefined, name: 'lower' }, catalog)).toMatchObject({
      volatility: 'volatile',
      isUser: true,
      nature: 'immutable',
    })
    expect(functionUse({ schema: 'pg_catalog', name: 'lower' }, catalog)).toMatchObject({
      volatility: 'immutable',
      isUser: false,
    })
    expect(functionUse({ schema: undefined, name: 'upper' }, catalog)).toMatchObject({
      volatility: 'immutable',
      isUser: false,
    })
    expect(functionUse({ schema: 'hidden', name: 'upper' }, catalog)).toMatchObject({
      volatility: 'volatile',
    })
    expect(functionUse({ schema: undefined, name: 'f' }, catalog)).toEqual({
      nature: undefined,
      isUser: true,
      volatility: 'stable',
      isOpaque: true,
      isAggregate: false,
      isWindow: false,
      returnsSet: true,
    })
  })

  it('does the same for operators', () => {
    expect(operatorUse('=', emptyCatalog)).toMatchObject({ volatility: 'stable', isUser: false })
    expect(operatorUse('->>', emptyCatalog)).toMatchObject({ volatility: 'immutable' })
    expect(operatorUse('=', catalog)).toMatchObject({ volatility: 'volatile', isUser: true })
    expect(operatorUse('<==>', emptyCatalog)).toBeUndefined()
  })
})
