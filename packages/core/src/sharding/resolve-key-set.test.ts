import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { KeyedPlacement } from '../statement/catalog.ts'
import type { KeySet, KeyValue } from '../statement/key-set.ts'
import { createAssignment, pinKeys } from './assignment.ts'
import { hashBucketOfKey } from './canonical-key.ts'
import { MappedKeys } from './key-resolver.ts'
import { periodOf, type Period } from './period.ts'
import { resolveKeySet } from './resolve-key-set.ts'
import { createShardMap } from './shard-map.ts'

const entity: KeyedPlacement = {
  strategy: 'entity',
  group: 'g',
  keyColumn: 'k',
  keyType: 'int8',
  isGuarded: false,
}
const literal = (text: string): KeyValue => ({ source: 'literal', text, type: 'int8' })
const parameter = (number: number): KeyValue => ({ source: 'parameter', number, type: 'int8' })

/** Small integers in every spelling, NULL, and values that prove nothing. */
const values: readonly unknown[] = [0, '1', 2n, ' 03', '+4', 5, null, undefined, 'x', {}]
const readings: readonly (number | null | 'unprovable')[] = [
  0,
  1,
  2,
  3,
  4,
  5,
  null,
  null,
  'unprovable',
  'unprovable',
]

const keyValues: fc.Arbitrary<KeyValue> = fc.oneof(
  fc.integer({ min: 1, max: values.length }).map(parameter),
  fc.integer({ min: 0, max: 5 }).map((key) => literal(String(key))),
  fc.constant<KeyValue>({ source: 'null' }),
)

const sets = fc.letrec<{ set: KeySet }>((tie) => ({
  set: fc.oneof(
    { depthSize: 'small' },
    fc.constant<KeySet>({ kind: 'all' }),
    fc.constant<KeySet>({ kind: 'none' }),
    fc.array(keyValues, { maxLength: 3 }).map((members): KeySet => ({ kind: 'values', values: members })),
    fc.record({
      kind: fc.constant('not-distinct' as const),
      value: keyValues,
      whenNull: fc.constantFrom('all' as const, 'none' as const),
    }),
    fc.array(tie('set'), { maxLength: 3 }).map((members): KeySet => ({ kind: 'and', sets: members })),
    fc.array(tie('set'), { maxLength: 3 }).map((members): KeySet => ({ kind: 'or', sets: members })),
  ),
})).set

function readingOf(value: KeyValue): number | null | 'unprovable' {
  if (value.source === 'null') return null
  return value.source === 'literal' ? Number(value.text) : (readings[value.number - 1] ?? null)
}

/** What the set says about one key, with what cannot be proved taken as `unknown`. */
function matches(set: KeySet, key: number, unknown: boolean): boolean {
  const equals = (value: KeyValue): boolean => {
    const reading = readingOf(value)
    return reading === 'unprovable' ? unknown : reading === key
  }
  switch (set.kind) {
    case 'all':
      return true
    case 'values':
      return set.values.some(equals)
    case 'not-distinct':
      return readingOf(set.value) === null ? set.whenNull === 'all' : equals(set.value)
    case 'and':
      return set.sets.every((inner) => matches(inner, key, unknown))
    case 'or':
      return set.sets.some((inner) => matches(inner, key, unknown))
    default:
      return false
  }
}

describe('key sets', () => {
  test('hold every key that the condition may hold, and no other where all is known', () => {
    fc.assert(
      fc.property(sets, (set) => {
        const keys = resolveKeySet(set, values, entity, {})
        for (let key = 0; key <= 6; key++) {
          const isIn = keys === 'all' || keys.has(String(key))
          // A value that proves nothing may be any key: the set has to hold what it would hold then.
          expect({ key, isIn }).toEqual({ key, isIn: matches(set, key, true) })
        }
      }),
      { numRuns: 3_000 },
    )
  })

  const array = (value: unknown) => resolveKeySet({ kind: 'array', value: parameter(1) }, [value], entity, {})
  test('arrays come as JavaScript arrays and as text', () => {
    expect(array([1, '02', null, undefined, 3n])).toEqual(new Set(['1', '2', '3']))
    expect(array('{1, 02,NULL,"3"}')).toEqual(new Set(['1', '2', '3']))
    // eslint-disable-next-line no-sparse-arrays
    expect(array([1, , 2])).toEqual(new Set(['1', '2']))
    expect(array('{}')).toEqual(new Set())
    expect(array([])).toEqual(new Set())
    expect(array(null)).toEqual(new Set())
  })

  test('what is no plain array of keys proves nothing', () => {
    for (const value of [
      [[1]],
      '{{1}}',
      '[1:1]={1}',
      [1, {}],
      '{1,x}',
      new Int32Array([1]),
      1,
      '1',
      { length: 0 },
    ]) {
      expect(array(value)).toBe('all')
    }
  })

  test('a parameter that was not given proves nothing; NULL matches no row', () => {
    expect(resolveKeySet({ kind: 'values', values: [parameter(2)] }, [1], entity, {})).toBe('all')
    expect(resolveKeySet({ kind: 'values', values: [parameter(1)] }, [undefined], entity, {})).toEqual(
      new Set(),
    )
  })
})

describe('ranges of time', () => {
  const placement = (every: Period): KeyedPlacement => ({
    ...entity,
    strategy: 'time',
    keyType: 'timestamptz',
    every,
  })
  const at = (date: Date): KeyValue => ({ source: 'literal', text: date.toISOString(), type: 'timestamptz' })
  const period = (every: Period, date: Date): number =>
    periodOf(every, {
      days: Math.floor(date.getTime() / 86_400_000),
      micros: (((date.getTime() % 86_400_000) + 86_400_000) % 86_400_000) * 1_000,
    })
  // Whole days are frequent, so that bounds fall on the edges of periods.
  const dates = fc
    .tuple(fc.integer({ min: -40, max: 800 }), fc.constantFrom(0, 0, 1, 3_600_000, 43_200_000, 86_399_999))
    .map(([day, milliseconds]) => new Date(day * 86_400_000 + milliseconds))

  test('name the periods of all instants between the bounds, and those only', () => {
    fc.assert(
      fc.property(
        fc.record({
          lower: dates,
          upper: dates,
          probe: dates,
          isLowerIn: fc.boolean(),
          isUpperIn: fc.boolean(),
          isSplit: fc.boolean(),
        }),
        fc.constantFrom<Period>('hour', 'day', 'week', 'month', 'year'),
        ({ lower, upper, probe, isLowerIn, isUpperIn, isSplit }, every) => {
          const from = { value: at(lower), isInclusive: isLowerIn }
          const to = { value: at(upper), isInclusive: isUpperIn }
          const keys = resolveKeySet(
            isSplit
              ? {
                  kind: 'and',
                  sets: [{ kind: 'range', lower: from }, { kind: 'all' }, { kind: 'range', upper: to }],
                }
              : { kind: 'range', lower: from, upper: to },
            [],
            placement(every),
            {},
          )
          if (keys === 'all') {
            expect(period(every, upper) - period(every, lower)).toBeGreaterThan(16_000)
            return
          }
          const isInside =
            (isLowerIn ? probe >= lower : probe > lower) && (isUpperIn ? probe <= upper : probe < upper)
          if (isInside) expect(keys.has(String(period(every, probe)))).toBe(true)
          const outside = [...keys].filter(
            (key) => Number(key) < period(every, lower) || Number(key) > period(every, upper),
          )
          expect(outside).toEqual([])
        },
      ),
      { numRuns: 2_000 },
    )
  })

  const bound = (text: string, isInclusive = true) => ({
    value: { source: 'literal' as const, text, type: 'timestamptz' as const },
    isInclusive,
  })
  const range = (set: Omit<Extract<KeySet, { kind: 'range' }>, 'kind'>, every: Period = 'month') =>
    resolveKeySet({ kind: 'range', ...set }, [], placement(every), {})
  test('an exclusive end on the edge leaves the next period out', () => {
    const lower = bound('2024-01-05T00:00Z')
    expect(range({ lower, upper: bound('2024-02-01T00:00Z', false) })).toEqual(new Set(['648']))
    expect(range({ lower, upper: bound('2024-02-01T00:00Z') })).toEqual(new Set(['648', '649']))
  })

  test('open, unreadable and huge ranges prove nothing; a NULL bound matches nothing', () => {
    expect(range({ lower: bound('2024-01-05T00:00Z') })).toBe('all')
    expect(range({ lower: bound('2024-01-05T00:00Z'), upper: bound('tomorrow') })).toBe('all')
    expect(range({ lower: bound('1900-01-01T00:00Z'), upper: bound('2024-01-01T00:00Z') }, 'hour')).toBe(
      'all',
    )
    expect(
      range({ lower: bound('tomorrow'), upper: { value: { source: 'null' }, isInclusive: true } }),
    ).toEqual(new Set())
    expect(range({ lower: bound('2024-02-01T00:00Z'), upper: bound('2024-01-01T00:00Z') })).toEqual(new Set())
    expect(resolveKeySet({ kind: 'range', lower: bound('2024-01-05T00:00Z') }, [], entity, {})).toBe('all')
  })

  test('a single time within an open range is its period', () => {
    const key: KeySet = { kind: 'values', values: [bound('2024-01-05T00:00Z').value] }
    const after: KeySet = { kind: 'range', lower: bound('2024-01-01T00:00Z') }
    const muchLater: KeySet = { kind: 'range', lower: bound('2025-01-01T00:00Z') }
    expect(resolveKeySet({ kind: 'and', sets: [key, after] }, [], placement('month'), {})).toEqual(
      new Set(['648']),
    )
    expect(resolveKeySet({ kind: 'and', sets: [key, muchLater] }, [], placement('month'), {})).toEqual(
      new Set(),
    )
  })
})

describe('keys to shards', () => {
  const shards = ['a', 'b', 'c']
  const tenant: KeyedPlacement = { ...entity, strategy: 'tenant' }
  const assignment = pinKeys(createAssignment(shards), 'g', [
    { key: '7', hashBucket: hashBucketOfKey(tenant, '7'), shard: 'c' },
  ])
  const keys = new MappedKeys(new Map([['g', createShardMap('g', assignment)]]), {})
  const one = (value: unknown) => keys.resolve(tenant, { kind: 'values', values: [parameter(1)] }, [value])

  test('one key gives one shard, in any spelling, by the fast path as by the slow one', () => {
    for (const key of [1, 2, 3, 7, 42, 2 ** 40]) {
      const [shard] = one(key).kind === 'some' ? (one(key) as { shards: readonly string[] }).shards : []
      expect(shard).toBe(
        assignment.shards[
          assignment.buckets[key === 7 ? 16_384 : hashBucketOfKey(tenant, String(key))] ?? -1
        ],
      )
      expect(one(` 0${key}`)).toMatchObject({ kind: 'some', shards: [shard] })
      expect((one(` 0${key}`) as { keys: readonly string[] }).keys).toEqual([String(key)])
      expect(keys.resolve(tenant, { kind: 'values', values: [parameter(1), parameter(1)] }, [key])).toEqual({
        kind: 'some',
        shards: [shard],
        keys: [String(key)],
      })
      expect(keys.locate(tenant, parameter(1), [key])).toEqual({ kind: 'found', shard, key: String(key) })
      expect(keys.locateTenant(tenant, key)).toEqual({ kind: 'found', shard, key: String(key) })
    }
    expect(one('007')).toMatchObject({ shards: ['c'] })
  })

  test('NULL, nothing given and what proves nothing', () => {
    expect(one(null)).toEqual({ kind: 'some', shards: [], keys: [] })
    expect(one('x')).toEqual({ kind: 'all' })
    expect(keys.resolve(tenant, { kind: 'values', values: [parameter(2)] }, [1])).toEqual({ kind: 'all' })
    expect(keys.locate(tenant, parameter(1), [null])).toEqual({ kind: 'null' })
    expect(keys.locate(tenant, { source: 'null' }, [])).toEqual({ kind: 'null' })
    expect(keys.locate(tenant, parameter(2), [1])).toEqual({ kind: 'missing', parameter: 2 })
    expect(keys.locate(tenant, parameter(1), ['x'])).toEqual({ kind: 'unprovable' })
  })

  test('many keys give the shards in the order of the assignment', () => {
    const many: KeySet = { kind: 'array', value: parameter(1) }
    const all = Array.from({ length: 100 }, (_, key) => key)
    expect(keys.resolve(tenant, many, [all])).toMatchObject({ kind: 'some', shards })
    expect(keys.resolve(tenant, many, [[]])).toEqual({ kind: 'some', shards: [], keys: [] })
  })

  test('a group without an assignment is a mistake of the description', () => {
    expect(() =>
      keys.resolve({ ...tenant, group: 'h' }, { kind: 'values', values: [literal('1')] }, []),
    ).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })
})
