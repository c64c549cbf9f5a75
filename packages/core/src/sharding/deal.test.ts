import { describe, expect, it } from 'vitest'
import { createAssignment } from './assignment.ts'
import { MappedKeys } from './key-resolver.ts'
import { integerId } from './routable-id.ts'
import { createShardMap } from './shard-map.ts'
import type { KeyList } from '../statement/key-list.ts'
import type { KeyType } from '../statement/key-type.ts'

const shards = ['a', 'b', 'c', 'd']
const keys = new MappedKeys(new Map([['things', createShardMap('things', createAssignment(shards))]]), {
  timeZone: 'UTC',
})

function list(keyType: KeyType, overrides: Partial<KeyList> = {}): KeyList {
  const placement = {
    strategy: 'entity',
    group: 'things',
    keyColumn: 'id',
    keyType,
    isGuarded: false,
  } as const
  return {
    kind: 'arrays',
    table: 'things',
    placement,
    id: undefined,
    type: keyType,
    parameters: [1],
    width: 1,
    at: 0,
    ...overrides,
  }
}

const placeOf = (keyType: KeyType, value: unknown): readonly string[] => {
  const { placement } = list(keyType)
  const set = { kind: 'values', values: [{ source: 'parameter', number: 1, type: keyType }] } as const
  const found = keys.resolve(placement, set, [value])
  return found.kind === 'some' ? found.shards : shards
}

/** The shards that each of the keys is dealt to. */
function places(dealt: ReturnType<typeof keys.deal>, count: number): (readonly string[])[] {
  return Array.from({ length: count }, (_, index) =>
    shards.filter((name) => dealt?.get(name)?.includes(index)),
  )
}

describe('deal', () => {
  it.each<[KeyType, readonly unknown[]]>([
    ['int8', [1, '2', 3n, '-4', '00005']],
    ['text', ['a', 'ü', '', 'NULL']],
    ['uuid', ['00000000-0000-4000-8000-00000000000a', '{00000000000040008000-00000000000B}']],
  ])('%s: each key to the shard that pruning sends it to', (keyType, values) => {
    const expected = values.map((value) => placeOf(keyType, value))
    expect(places(keys.deal(list(keyType), [values]), values.length)).toEqual(expected)
    const parameters = values.map((_, index) => index + 1)
    const items = list(keyType, { kind: 'items', parameters })
    expect(places(keys.deal(items, values), values.length)).toEqual(expected)
  })

  it('gives NULL to every shard', () => {
    expect(places(keys.deal(list('int8'), [[1, null, undefined]]), 3)).toEqual([
      placeOf('int8', 1),
      shards,
      shards,
    ])
    expect(places(keys.deal(list('int8'), ['{1,NULL}']), 2)).toEqual([placeOf('int8', 1), shards])
  })

  it('deals nothing with a key that is not certain', () => {
    expect(keys.deal(list('int8'), [[1, '0x2']])).toBeUndefined()
    expect(keys.deal(list('int4'), [[1, 2 ** 40]])).toBeUndefined()
    expect(keys.deal(list('int8'), [[[1], [2]]])).toBeUndefined()
    expect(keys.deal(list('int8'), [{ not: 'an array' }])).toBeUndefined()
    expect(keys.deal(list('int8'), ['[0:1]={1,2}'])).toBeUndefined()
  })

  it('reads ids by their buckets', () => {
    const id = { format: 'int8', group: 'things' } as const
    const ids = [0, 5000, 9000, 16_000].map((bucket) => integerId(1_000_000, bucket))
    const dealt = places(keys.deal(list('int8', { id }), [ids]), ids.length)
    expect(dealt.map((names) => names.length)).toEqual([1, 1, 1, 1])
    expect(new Set(dealt.flat())).toEqual(new Set(shards))
    expect(keys.deal(list('int8', { id }), [[ids[0], 'none']])).toBeUndefined()
  })
})
