import { beforeAll, describe, expect, it } from 'vitest'
import { emptyCatalog } from './catalog.ts'
import { loadParser } from './parser.ts'
import { PlanCache } from './plan-cache.ts'

beforeAll(loadParser)

describe('PlanCache', () => {
  it('gives the same plan for the same text, however the string was made', () => {
    const cache = new PlanCache()
    const first = cache.get('select 1 from t')
    expect(cache.get(['select 1', 'from t'].join(' '))).toBe(first)
    expect(cache.size).toBe(1)
  })

  it('shares a plan between texts that differ in comments, and keeps hints apart', () => {
    const cache = new PlanCache()
    const plain = cache.get('select a from t /*trace=1*/')
    for (let trace = 0; trace < 2_000; trace++) {
      expect(cache.get(`select a from t /*trace=${trace}*/`)).toBe(plain)
    }
    expect(cache.size).toBe(1)
    const hinted = cache.get('select a from t /* shardline: role=primary */')
    expect(hinted).not.toBe(plain)
    expect(hinted.hints).toEqual({ role: 'primary' })
    expect(cache.get('select a from t /*  shardline:role=primary */')).toBe(hinted)
  })

  it('keeps no more plans than the bound, and those in use', () => {
    const cache = new PlanCache({ maxPlans: 100 })
    const kept = cache.get('select 0')
    for (let plan = 1; plan < 1_000; plan++) {
      cache.get(`select ${plan}`)
      expect(cache.get('select 0')).toBe(kept)
      expect(cache.size).toBeLessThanOrEqual(100)
    }
  })

  it('keeps no more text than the bound', () => {
    const cache = new PlanCache({ maxTextLength: 100_000 })
    for (let plan = 0; plan < 50; plan++) cache.get(`select '${'x'.repeat(9_000)}', ${plan}`)
    expect(cache.textLength).toBeLessThanOrEqual(100_000)
    expect(cache.size).toBeGreaterThan(3)
    let counted = 0
    for (let plan = 0; plan < 50; plan++) {
      const before = cache.size
      cache.get(`select ${plan}, '${'x'.repeat(20_000)}'`)
      if (cache.size !== before) counted++
    }
    expect(counted).toBeGreaterThan(0)
  })

  it('finds long texts again, and tells texts of one length apart', () => {
    const cache = new PlanCache()
    const long = (value: string): string => `select '${value.repeat(20_000)}'`
    const first = cache.get(long('a'))
    expect(cache.get(long('a'))).toBe(first)
    expect(cache.get(long('b'))).not.toBe(first)
  })

  it('forgets everything under another catalog', () => {
    const cache = new PlanCache()
    const first = cache.get('select a from t', emptyCatalog)
    const next = { ...emptyCatalog, version: 1 }
    const second = cache.get('select a from t', next)
    expect(second).not.toBe(first)
    expect(second.catalogVersion).toBe(1)
    expect(cache.size).toBe(1)
  })

  it('learns that a statement writes', () => {
    const cache = new PlanCache()
    const statement = cache.get('select a from t /* c */')
    expect(statement.role).toBe('replica')
    cache.learnPrimary(statement)
    for (const sql of ['select a from t /* c */', 'select a from t /* d */']) {
      expect(cache.get(sql)).toMatchObject({
        role: 'primary',
        reason: { rule: 'learned' },
        isCacheable: false,
      })
    }
  })

  it('does not keep what cannot be parsed', () => {
    const cache = new PlanCache()
    expect(cache.get('selec 1').kind).toBe('unparsable')
    expect(cache.get('/* longer */ selec 1').syntaxError?.position).toBe(14)
    expect(cache.size).toBe(0)
  })
})
