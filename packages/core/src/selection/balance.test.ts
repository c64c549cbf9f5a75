import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NodeLoad } from '../topology/node-load.ts'
import { createPick } from './balance.ts'
import type { Balance } from './balance.ts'
import type { Candidate } from './candidate.ts'

function candidate(name: string, weight = 1): Candidate & { load: NodeLoad } {
  const node = { name, shard: 's0', role: 'replica' as const, zone: undefined, tags: [], weight }
  return { node, load: new NodeLoad() }
}

/** Small, fast, seeded (Steele et al., splitmix). */
function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x9e37_79b9) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0_aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }
}

function picks(balance: Balance, candidates: readonly Candidate[], times: number): string[] {
  const pick = createPick(balance, { now: () => 0, random: seeded(7) })
  return Array.from({ length: times }, () => candidates[pick(candidates)]?.node.name ?? 'none')
}

function shares(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

describe('round-robin', () => {
  it('takes turns', () => {
    const list = ['a', 'b', 'c'].map((name) => candidate(name))
    expect(picks('round-robin', list, 6)).toEqual(['b', 'c', 'a', 'b', 'c', 'a'])
  })
})

describe('weighted', () => {
  it('spreads turns smoothly: never two in a row that could be apart', () => {
    const list = [candidate('a', 5), candidate('b'), candidate('c')]
    expect(picks('weighted', list, 7)).toEqual(['a', 'a', 'b', 'a', 'c', 'a', 'a'])
  })

  it('gives every node exactly its share over one cycle', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 6 }), (weights) => {
        const list = weights.map((weight, index) => candidate(`n${index}`, weight))
        const sum = weights.reduce((a, b) => a + b)
        const expected = Object.fromEntries(weights.map((weight, index) => [`n${index}`, weight]))
        expect(shares(picks('weighted', list, sum))).toEqual(expected)
      }),
    )
  })

  it('leaves nodes of weight 0 alone while others are there', () => {
    expect(picks('weighted', [candidate('a', 0), candidate('b', 1)], 5)).toEqual(['b', 'b', 'b', 'b', 'b'])
  })
})

describe('least-in-flight', () => {
  it('picks the least busy', () => {
    const list = ['a', 'b', 'c'].map((name) => candidate(name))
    for (const [index, count] of [3, 1, 2].entries()) {
      for (let started = 0; started < count; started++) list[index]?.load.started()
    }
    expect(new Set(picks('least-in-flight', list, 20))).toEqual(new Set(['b']))
  })

  it('spreads ties', () => {
    const list = ['a', 'b', 'c'].map((name) => candidate(name))
    for (const share of Object.values(shares(picks('least-in-flight', list, 3_000)))) {
      expect(share).toBeGreaterThan(800)
    }
  })
})

describe('p2c', () => {
  it('never compares a node with itself, and reaches every pair', () => {
    const list = ['a', 'b', 'c'].map((name) => candidate(name))
    list[0]?.load.started()
    list[0]?.load.finished(1, 1_000)
    // `a` loses every comparison.
    expect(new Set(picks('p2c', list, 200))).toEqual(new Set(['b', 'c']))
  })

  it('sends a slow node little, and everything evenly among equals', () => {
    // A queueing model: each request takes its node's time, one at a time; requests arrive every 0.6 ms.
    const list = [candidate('fast0'), candidate('fast1'), candidate('slow')]
    const needMs = [1, 1, 20]
    const freeAt = [0, 0, 0]
    let now = 0
    const pick = createPick('p2c', { now: () => now, random: seeded(11) })
    const counts = [0, 0, 0]
    const ends: { at: number; from: number; index: number }[] = []
    for (let request = 0; request < 5_000; request++) {
      now += 0.6
      for (let index = ends.length - 1; index >= 0; index--) {
        const end = ends[index]
        if (end === undefined || end.at > now) continue
        list[end.index]?.load.finished(end.at, end.at - end.from)
        ends.splice(index, 1)
      }
      const index = pick(list)
      counts[index] = (counts[index] ?? 0) + 1
      list[index]?.load.started()
      const at = Math.max(now, freeAt[index] ?? 0) + (needMs[index] ?? 0)
      freeAt[index] = at
      ends.push({ at, from: now, index })
    }
    const [fast0 = 0, fast1 = 0, slow = 0] = counts
    expect(slow).toBeLessThan(250)
    expect(Math.abs(fast0 - fast1)).toBeLessThan(500)
  })
})

describe('NodeLoad', () => {
  it('takes a slow answer in full at once and forgets it with the time constant', () => {
    const load = new NodeLoad(1_000, 1)
    load.started()
    load.finished(0, 100)
    expect(load.latencyMs(0)).toBe(100)
    expect(load.latencyMs(1_000)).toBeCloseTo(100 / Math.E)
    load.started()
    load.finished(1_000, 10)
    expect(load.latencyMs(1_000)).toBeCloseTo(100 / Math.E + 10 * (1 - 1 / Math.E))
  })

  it('costs more with every statement in flight', () => {
    const load = new NodeLoad(1_000, 2)
    expect(load.cost(0)).toBe(2)
    load.started()
    load.started()
    expect(load.cost(0)).toBe(6)
    load.abandoned()
    expect(load.cost(0)).toBe(4)
  })

  it('does not let a burst run into a node that nobody asked for long', () => {
    const load = new NodeLoad(1_000, 1)
    expect(load.cost(1e6)).toBeLessThan(0.1)
    for (let started = 0; started < 100; started++) load.started()
    expect(load.cost(1e6)).toBeGreaterThan(2)
  })

  it('stays between nothing and the slowest answer, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.double({ min: 0, max: 1e4, noNaN: true }),
            fc.double({ min: 0.01, max: 1e4, noNaN: true }),
          ),
        ),
        (answers) => {
          const load = new NodeLoad(1_000, 1)
          let now = 0
          let highest = 1
          for (const [pause, latency] of answers) {
            now += pause
            load.started()
            load.finished(now, latency)
            highest = Math.max(highest, latency)
            expect(load.latencyMs(now)).toBeGreaterThan(0)
            expect(load.latencyMs(now)).toBeLessThanOrEqual(highest)
          }
          expect(load.inFlight).toBe(0)
        },
      ),
    )
  })
})
