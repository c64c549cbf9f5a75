import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NodeLoad } from '../topology/node-load.ts'
import { createSelector } from './selector.ts'
import type { Balance } from './balance.ts'
import type { Candidate } from './candidate.ts'
import type { ReadRequest, SelectorOptions } from './selector.ts'

interface Shape {
  readonly zone?: string | undefined
  readonly tags?: readonly string[]
}

function candidate(name: string, { zone, tags = [] }: Shape = {}): Candidate {
  const role = name === 'primary' ? ('primary' as const) : ('replica' as const)
  return { node: { name, shard: 's0', role, zone, tags, weight: 1 }, load: new NodeLoad() }
}

function shardOf(replicas: Readonly<Record<string, Shape>>) {
  return {
    primary: candidate('primary'),
    replicas: Object.entries(replicas).map(([name, shape]) => candidate(name, shape)),
  }
}

const clock = { now: () => 0, random: () => 0 }

function order(
  options: Partial<SelectorOptions>,
  shard: ReturnType<typeof shardOf>,
  request: ReadRequest<Candidate> = {},
): string[] {
  return createSelector({ ...clock, ...options })(shard, request).map(({ node }) => node.name)
}

const without =
  (...names: string[]) =>
  ({ node }: Candidate) =>
    !names.includes(node.name)

describe('createSelector', () => {
  it('puts the picked replica first, the others behind it, and the primary last', () => {
    const shard = shardOf({ a: {}, b: {}, c: {} })
    const select = createSelector({ ...clock, balance: 'round-robin' })
    const orders = Array.from({ length: 3 }, () => select(shard, {}).map(({ node }) => node.name))
    expect(orders).toEqual([
      ['b', 'c', 'a', 'primary'],
      ['c', 'a', 'b', 'primary'],
      ['a', 'b', 'c', 'primary'],
    ])
  })

  it('knows only the primary of a shard without replicas', () => {
    expect(order({}, shardOf({}))).toEqual(['primary'])
  })

  it('prefers the zone and keeps the others for later', () => {
    const shard = shardOf({ far: { zone: 'b' }, near: { zone: 'a' }, nowhere: {} })
    expect(order({ zone: 'a' }, shard)).toEqual(['near', 'far', 'nowhere', 'primary'])
    expect(order({ zone: 'c', balance: 'round-robin' }, shard)[3]).toBe('primary')
  })

  it('looks beyond the zone when its replica is put aside', () => {
    const shard = shardOf({ far: { zone: 'b' }, near: { zone: 'a' } })
    expect(order({ zone: 'a' }, shard, { isAvailable: without('near') })).toEqual(['far', 'primary', 'near'])
  })

  it('asks only replicas tagged for the workload, and then the primary', () => {
    const shard = shardOf({ a: {}, b: { tags: ['training', 'reports'] } })
    expect(order({}, shard, { workload: 'training' })).toEqual(['b', 'primary'])
    expect(order({}, shard, { workload: 'unheard of' })).toEqual([])
    expect(order({}, shardOf({}), { workload: 'training' })).toEqual([])
  })

  it('never asks a replica that may not have what the caller wrote', () => {
    const shard = shardOf({ a: {}, b: {} })
    expect(order({}, shard, { isConsistent: without('a') })).toEqual(['b', 'primary'])
    expect(order({}, shard, { isConsistent: without('a', 'b') })).toEqual(['primary'])
    const tagged = shardOf({ a: { tags: ['training'] } })
    expect(order({}, tagged, { workload: 'training', isConsistent: without('a') })).toEqual(['primary'])
  })

  it('asks nodes that are put aside last, but never nobody', () => {
    const shard = shardOf({ a: {}, b: {} })
    expect(order({}, shard, { isAvailable: without('a') })).toEqual(['b', 'primary', 'a'])
    expect(order({}, shard, { isAvailable: without('a', 'b') })).toEqual(['primary', 'a', 'b'])
    expect(order({}, shard, { isAvailable: () => false })).toEqual(['primary', 'a', 'b'])
  })

  it('allocates nothing in the common cases', () => {
    const shard = shardOf({ a: {}, b: {} })
    const select = createSelector({ ...clock, balance: 'p2c' })
    expect(select(shard, {})).toBe(select(shard, {}))
    const request = { isConsistent: () => false }
    expect(select(shard, request)).toBe(select(shard, request))
  })

  it('answers with every permitted node exactly once, whatever is asked', () => {
    const balances: Balance[] = ['round-robin', 'weighted', 'least-in-flight', 'p2c']
    const replica = fc.record({
      zone: fc.constantFrom('a', 'b', undefined),
      tags: fc.subarray(['x', 'y']),
      isConsistent: fc.boolean(),
      isAvailable: fc.boolean(),
    })
    const input = fc.record({
      replicas: fc.array(replica, { maxLength: 6 }),
      balance: fc.constantFrom(...balances),
      zone: fc.constantFrom('a', 'c', undefined),
      workload: fc.constantFrom('x', 'z', undefined),
      chance: fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 3 }),
    })
    fc.assert(
      fc.property(input, ({ replicas, balance, zone, workload, chance }) => {
        const shard = shardOf(Object.fromEntries(replicas.map((one, index) => [`r${index}`, one])))
        const facts = (one: Candidate) => replicas[shard.replicas.indexOf(one)]
        let draws = 0
        const random = () => chance[draws++ % chance.length] ?? 0
        const select = createSelector({ now: () => 0, random, balance, zone })
        const request = {
          workload,
          isConsistent: (one: Candidate) => facts(one)?.isConsistent ?? true,
          isAvailable: (one: Candidate) => facts(one)?.isAvailable ?? true,
        }
        for (let round = 0; round < 3; round++) {
          const names = select(shard, request).map(({ node }) => node.name)
          const tagged = shard.replicas.filter(
            ({ node }) => workload === undefined || node.tags.includes(workload),
          )
          if (workload !== undefined && tagged.length === 0) {
            expect(names).toEqual([])
            continue
          }
          const permitted = tagged.filter((one) => facts(one)?.isConsistent)
          expect(names.toSorted()).toEqual(['primary', ...permitted.map(({ node }) => node.name)].toSorted())
          const isReady = (name: string) =>
            permitted.some((one) => one.node.name === name && facts(one)?.isAvailable)
          const primaryAt = names.indexOf('primary')
          expect(names.slice(0, primaryAt).every(isReady)).toBe(true)
          expect(names.slice(primaryAt + 1).some(isReady)).toBe(false)
          const isNear = (name: string) =>
            shard.replicas.some(({ node }) => node.name === name && node.zone === zone)
          const ready = names.slice(0, primaryAt)
          if (zone !== undefined && ready.some(isNear)) expect(isNear(ready[0] ?? '')).toBe(true)
        }
      }),
    )
  })
})
