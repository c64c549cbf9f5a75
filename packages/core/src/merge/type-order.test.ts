import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Collation } from '../statement/catalog.ts'
import type { MergeEnvironment } from './row.ts'
import { identityOf, orderOf } from './type-order.ts'

interface OrderVector {
  readonly type: string
  readonly oid: number
  readonly collation?: string
  readonly timeZone: string
  /** Wire texts in PostgreSQL's order, with dense ranks. */
  readonly values: readonly (readonly [string, number])[]
}

const vectors = JSON.parse(
  readFileSync(new URL('../../vectors/merge-order.json', import.meta.url), 'utf8'),
) as { readonly orders: readonly OrderVector[] }

export const noShard: MergeEnvironment = {
  enumLabels: () => undefined,
  rank: () => Promise.reject(new Error('no shard to ask')),
}

const codePoints = (name: string): Collation => ({ name, isCodePoint: true, isDeterministic: true })

describe('types are ordered as PostgreSQL orders them', () => {
  for (const { type, oid, collation, timeZone, values } of vectors.orders) {
    test(`${type} ${collation ?? ''} ${timeZone}`, () => {
      expect(values.length).toBeGreaterThan(1)
      const order = orderOf(oid, codePoints(collation ?? 'C'), noShard)
      if (order === undefined) throw new Error(`${type} is not ordered locally`)
      const disagreements: string[] = []
      for (const [left, leftRank] of values) {
        for (const [right, rightRank] of values) {
          const sign = Math.sign(order.compare(order.decode(left), order.decode(right)))
          if (sign !== Math.sign(leftRank - rightRank)) disagreements.push(`${left} | ${right}: ${sign}`)
        }
      }
      expect(disagreements).toEqual([])
    })

    test(`${type} ${collation ?? ''} ${timeZone}: equal values decode to one key`, () => {
      const identity = identityOf(oid, true, noShard)
      if (identity === undefined) throw new Error(`${type} is not told apart locally`)
      const keys = new Map<unknown, number>()
      for (const [text, rank] of values) {
        const key = identity.decode(text)
        expect(keys.get(key) ?? rank).toBe(rank)
        keys.set(key, rank)
      }
      expect(keys.size).toBe(new Set(values.map(([, rank]) => rank)).size)
    })
  }
})

test('text of a collation that JavaScript cannot reproduce is left to a shard, unknown ones are refused', () => {
  const danish: Collation = { name: 'da-x-icu', isCodePoint: false, isDeterministic: true }
  expect(orderOf(25, danish, noShard)).toBeUndefined()
  expect(() => orderOf(25, undefined, noShard)).toThrowError(/collation/)
  expect(() => identityOf(25, false, noShard)).toThrowError(/nondeterministic/)
  expect(() => orderOf(2249, danish, noShard)).toThrowError(/record/)
})

test('enums follow their labels, and an unknown label is told', () => {
  const env: MergeEnvironment = {
    ...noShard,
    enumLabels: (oid) => (oid === 16_400 ? ['sad', 'ok', 'happy'] : undefined),
  }
  const order = orderOf(16_400, undefined, env)
  if (order === undefined) throw new Error('enum not ordered')
  expect(['happy', 'sad', 'ok'].sort((a, b) => order.compare(order.decode(a), order.decode(b)))).toEqual([
    'sad',
    'ok',
    'happy',
  ])
  expect(() => order.decode('new')).toThrowError(/ALTER TYPE/)
})

test('a text of another output style is refused, not misread', () => {
  expect(() => orderOf(1082, undefined, noShard)?.decode('13/02/2024')).toThrowError(/DateStyle/)
  expect(() => orderOf(1114, undefined, noShard)?.decode('Tue Feb 13 10:00:00 2024')).toThrowError(
    /DateStyle/,
  )
  expect(() => orderOf(1186, undefined, noShard)?.decode('P1Y2M')).toThrowError(/IntervalStyle/)
  expect(() => orderOf(17, undefined, noShard)?.decode('abc')).toThrowError(/bytea_output/)
})
