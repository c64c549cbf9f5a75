import { beforeAll, describe, expect, it } from 'vitest'
import { loadParser } from '../statement/parser.ts'
import { ownArrays } from '../routing/own-values.ts'
import { createOwnItems } from './own-items.ts'
import type { DealtKeys } from '../routing/deal-keys.ts'
import type { KeyList } from '../statement/key-list.ts'

beforeAll(loadParser)

const placement = {
  strategy: 'entity',
  group: 'features',
  keyColumn: 'id',
  keyType: 'int8',
  isGuarded: false,
} as const

function listOf(kind: KeyList['kind'], parameters: readonly number[], width = 1): KeyList {
  return { kind, table: 'features', placement, id: undefined, type: 'int8', parameters, width, at: 0 }
}

function dealt(list: KeyList, byShard: Readonly<Record<string, readonly number[]>>): DealtKeys {
  return { list, byShard: new Map(Object.entries(byShard)) }
}

const repeated = (value: unknown, count: number): unknown[] => Array.from({ length: count }, () => value)

describe('ownArrays', () => {
  const keys = [dealt(listOf('arrays', [2]), { s0: [0, 3], s1: [], s2: [1, 2] })]

  it('cuts the array down to the elements of the shard, ten at least, and leaves the other values alone', () => {
    const values = ['x', [5, null, '7', 9n], 'y']
    expect(ownArrays(keys, 's0', values)).toEqual(['x', [5, 9n, 5, 5, 5, 5, 5, 5, 5, 5], 'y'])
    expect(ownArrays(keys, 's2', values)).toEqual(['x', [null, '7', ...repeated(null, 8)], 'y'])
    expect(values[1]).toHaveLength(4)
  })

  it('leaves one element where a shard has none: NULL = ANY of nothing is false', () => {
    expect(ownArrays(keys, 's1', ['x', [5, 6, 7, 8], 'y'])).toEqual(['x', repeated(5, 10), 'y'])
  })

  it('reads arrays that are passed as text, and holes as NULL', () => {
    expect(ownArrays(keys, 's2', ['x', '{5,"a\\"b",NULL,9}', 'y'])).toEqual([
      'x',
      ['a"b', null, ...repeated('a"b', 8)],
      'y',
    ])
    const sparse: unknown[] = [5]
    sparse[3] = 8
    expect(ownArrays(keys, 's2', ['x', sparse, 'y'])).toEqual(['x', repeated(null, 10), 'y'])
  })

  it('sends a shard that was not dealt to the whole array', () => {
    const values = ['x', [5, 6, 7, 8], 'y']
    expect(ownArrays(keys, 's3', values)).toBe(values)
  })
})

describe('createOwnItems', () => {
  const numbers = Array.from({ length: 20 }, (_, index) => index + 1)
  const text = `select $21, id from features where id in (${numbers.map((number) => `$${number}`).join(', ')}) and n = $22`
  const values = [...numbers.map((number) => number * 10), 'first', 'last']

  it('sends the list whole the first time, and then by a text for about as many items', () => {
    const keys = [
      dealt(listOf('items', numbers), { s0: [4, 5, 6, 7, 8], s1: numbers.map((_, at) => at), s2: [] }),
    ]
    expect(createOwnItems({ text, parameters: undefined }, keys)).toBeUndefined()
    const own = createOwnItems({ text, parameters: undefined }, keys)
    expect(own?.('s0', values)).toEqual({
      text: 'select $7, id from features where id in ($1, $2, $3, $4, $5, $6) and n = $8',
      values: [50, 60, 70, 80, 90, 50, 'first', 'last'],
    })
    expect(own?.('s1', values)).toBeUndefined()
    expect(own?.('s2', values)).toEqual({
      text: 'select $2, id from features where id in ($1) and n = $3',
      values: [10, 'first', 'last'],
    })
    expect(own?.('s3', values)).toBeUndefined()
  })

  it('knows what became of the numbers in a rewritten text', () => {
    const keys = [dealt(listOf('items', numbers), { s0: [1] })]
    const shifted = `select id from features where n = $1 and id in (${numbers.map((number) => `$${number + 1}`).join(', ')})`
    const parameters = [22, ...numbers].map((number) => ({ kind: 'original', number }) as const)
    createOwnItems({ text: shifted, parameters }, keys)
    const own = createOwnItems({ text: shifted, parameters }, keys)
    expect(own?.('s0', ['last', ...numbers])).toEqual({
      text: 'select id from features where n = $1 and id in ($2)',
      values: ['last', 2],
    })
  })

  it('keeps the values of an item together', () => {
    const rows = Array.from({ length: 6 }, (_, row) => `($${row * 2 + 1}, $${row * 2 + 2})`).join(', ')
    const pairs = `select id from features where (id, n) in (${rows})`
    const keys = [dealt(listOf('items', numbers.slice(0, 12), 2), { s0: [2, 5], s1: [1, 3, 4] })]
    createOwnItems({ text: pairs, parameters: undefined }, keys)
    const own = createOwnItems({ text: pairs, parameters: undefined }, keys)
    expect(own?.('s0', numbers.slice(0, 12))).toEqual({
      text: 'select id from features where (id, n) in (($1, $2), ($3, $4))',
      values: [5, 6, 11, 12],
    })
    expect(own?.('s1', numbers.slice(0, 12))?.values).toEqual([3, 4, 7, 8, 9, 10])
  })

  it('shortens the longest list, and leaves the others to be sent whole', () => {
    const two = `select id from features where id in ($1, $2, $3) or id in ($4, $5, $6, $7)`
    const keys = [
      dealt(listOf('items', [1, 2, 3]), { s0: [0] }),
      dealt(listOf('items', [4, 5, 6, 7]), { s0: [3] }),
    ]
    createOwnItems({ text: two, parameters: undefined }, keys)
    expect(createOwnItems({ text: two, parameters: undefined }, keys)?.('s0', [1, 2, 3, 4, 5, 6, 7])).toEqual(
      {
        text: 'select id from features where id in ($1, $2, $3) or id in ($4)',
        values: [1, 2, 3, 7],
      },
    )
  })
})
