import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Collation } from '../statement/catalog.ts'
import type { AggregateMerge, MergePlan, SortKey } from '../statement/merge-plan.ts'
import { visibleFields } from './columns.ts'
import { mergeRows } from './merge-rows.ts'
import { mergeStream } from './merge-stream.ts'
import type { FieldFacts, MergeEnvironment, RawRow } from './row.ts'
import { shardValues } from './row-counts.ts'

const noShard: MergeEnvironment = {
  enumLabels: () => undefined,
  rank: () => Promise.reject(new Error('no shard to ask')),
}

const plainPlan: MergePlan = {
  text: '',
  isRewritten: false,
  hiddenColumns: 0,
  order: [],
  distinct: undefined,
  grouping: undefined,
  limit: undefined,
  offset: undefined,
  withTies: false,
  parameters: undefined,
  notes: [],
}

const ascending = (column: number, collation?: Collation): SortKey => ({
  column,
  isDescending: false,
  isNullsFirst: false,
  collation,
})

const int: FieldFacts = { name: 'n', dataTypeID: 23 }
const text: FieldFacts = { name: 't', dataTypeID: 25 }
const literal = (count: number) => ({ source: 'literal', count: BigInt(count) }) as const

const rowsOf = (...values: (number | null)[]): RawRow[] =>
  values.map((value) => [value === null ? null : String(value)])

describe('merging in order', () => {
  test('is synchronous when nothing has to be asked', () => {
    const plan = { ...plainPlan, order: [ascending(0)], limit: literal(3), offset: literal(1) }
    expect(mergeRows(plan, [int], [rowsOf(1, 4, null), rowsOf(2), [], rowsOf(3, 5)], [], noShard)).toEqual(
      rowsOf(2, 3, 4),
    )
  })

  test('returns any number of sources as one sorted list', () => {
    const numbers = fc.array(fc.array(fc.integer({ min: -9, max: 9 })), { maxLength: 9 })
    fc.assert(
      fc.property(numbers, (lists) => {
        const sorted = lists.map((list) => list.toSorted((a, b) => a - b))
        const merged = mergeRows(
          { ...plainPlan, order: [ascending(0)] },
          [int],
          sorted.map((list) => rowsOf(...list)),
          [],
          noShard,
        )
        expect(merged).toEqual(rowsOf(...lists.flat().sort((a, b) => a - b)))
      }),
    )
  })

  test('a stream that contradicts the order is told, not merged', () => {
    const plan = { ...plainPlan, order: [ascending(0)] }
    expect(() => mergeRows(plan, [int], [rowsOf(1, 3, 2), rowsOf(9)], [], noShard)).toThrowError(
      expect.objectContaining({ code: 'SHARDS_DISAGREE' }),
    )
  })

  test('WITH TIES goes on as long as rows are equal', () => {
    const plan = { ...plainPlan, order: [ascending(0)], limit: literal(2), withTies: true }
    expect(mergeRows(plan, [int], [rowsOf(1, 2, 2), rowsOf(2, 3)], [], noShard)).toEqual(rowsOf(1, 2, 2, 2))
  })

  test('hidden columns order the rows and are taken off', () => {
    const plan = { ...plainPlan, order: [ascending(-1)], hiddenColumns: 1 }
    const fields = [text, int]
    const shards: RawRow[][] = [
      [
        ['b', '1'],
        ['c', '4'],
      ],
      [['a', '2']],
    ]
    expect(mergeRows(plan, fields, shards, [], noShard)).toEqual([['b'], ['a'], ['c']])
    expect(visibleFields(plan, fields)).toEqual([text])
  })

  test('a shard is asked once for each column that only it can order', async () => {
    const asked: string[][] = []
    const env: MergeEnvironment = {
      enumLabels: () => undefined,
      rank(values) {
        asked.push([...values])
        return Promise.resolve(values.map((value) => value.charCodeAt(value.length - 1)))
      },
    }
    const icu: Collation = { name: 'x-icu', isCodePoint: false, isDeterministic: true }
    const plan = { ...plainPlan, order: [ascending(0, icu)] }
    const merged = await mergeRows(
      plan,
      [text],
      [
        [['za'], ['yc'], ['yc']],
        [['xb'], [null]],
      ],
      [],
      env,
    )
    expect(merged).toEqual([['za'], ['xb'], ['yc'], ['yc'], [null]])
    expect(asked).toEqual([['za', 'yc', 'xb']])
  })

  test('a failing shard question is the statement’s error', async () => {
    const icu: Collation = { name: 'x-icu', isCodePoint: false, isDeterministic: true }
    const plan = { ...plainPlan, order: [ascending(0, icu)] }
    await expect(mergeRows(plan, [text], [[['a']], [['b']]], [], noShard)).rejects.toThrowError(
      'no shard to ask',
    )
  })
})

describe('groups', () => {
  const aggregate = (fn: AggregateMerge['fn'], column: number, partials = [column]): AggregateMerge => ({
    column,
    fn,
    partials,
    collation: undefined,
    form: 'plain',
  })
  const grouping = { keys: [], isDeterministic: true, having: undefined, isSingle: true }

  test('aggregates over no rows at all give count 0 and otherwise NULL', () => {
    const plan = {
      ...plainPlan,
      grouping: { ...grouping, aggregates: [aggregate('count', 0), aggregate('sum', 1)] },
    }
    expect(mergeRows(plan, [{ name: 'count', dataTypeID: 20 }, int], [[], []], [], noShard)).toEqual([
      ['0', null],
    ])
  })

  test('keys with and without content cannot be mistaken for each other', () => {
    const plan = {
      ...plainPlan,
      grouping: { ...grouping, keys: [0, 1], isSingle: false, aggregates: [aggregate('count', 2)] },
    }
    const shards: RawRow[][] = [
      [
        ['a', '1s1:b', '1'],
        [null, '_', '1'],
        ['_', null, '1'],
      ],
      [
        ['as1:1s', 'b', '1'],
        ['a', '1s1:b', '2'],
      ],
    ]
    const merged = mergeRows(plan, [text, text, { name: 'count', dataTypeID: 20 }], shards, [], noShard)
    expect(merged).toEqual([
      ['a', '1s1:b', '3'],
      [null, '_', '1'],
      ['_', null, '1'],
      ['as1:1s', 'b', '1'],
    ])
  })

  test('HAVING has three truth values', () => {
    const compare = (column: number, operand: string) =>
      ({
        kind: 'compare',
        column,
        operator: '>',
        operand: { source: 'literal', text: operand, isQuoted: false },
      }) as const
    const unknown = compare(0, '0')
    const yes = compare(1, '0')
    const no = compare(1, '9')
    const keeps = (having: NonNullable<MergePlan['grouping']>['having']) => {
      const plan = { ...plainPlan, grouping: { ...grouping, aggregates: [], having } }
      return (mergeRows(plan, [int, int], [[[null, '5']]], [], noShard) as RawRow[]).length === 1
    }
    expect(keeps(yes)).toBe(true)
    expect(keeps(no)).toBe(false)
    expect(keeps(unknown)).toBe(false)
    expect(keeps({ kind: 'not', condition: unknown })).toBe(false)
    expect(keeps({ kind: 'or', conditions: [unknown, yes] })).toBe(true)
    expect(keeps({ kind: 'and', conditions: [unknown, yes] })).toBe(false)
    expect(keeps({ kind: 'not', condition: { kind: 'and', conditions: [unknown, no] } })).toBe(true)
  })
})

describe('values for the shards', () => {
  const parameter = { source: 'parameter', number: 1, type: 'int8' } as const
  const plan: MergePlan = {
    ...plainPlan,
    limit: parameter,
    offset: { ...parameter, number: 2 },
    parameters: [
      { kind: 'sum', terms: [parameter, { ...parameter, number: 2 }], type: 'int8' },
      { kind: 'skipped', number: 2, type: 'int8' },
    ],
  }
  test.each([
    [
      [5, 2],
      ['7', '0'],
    ],
    [
      [' 5 ', '0x10'],
      ['21', '0'],
    ],
    [
      [5n, null],
      ['5', '0'],
    ],
    [
      [null, 2],
      [null, '0'],
    ],
    [
      [9_223_372_036_854_775_807n, 5],
      ['9223372036854775807', '0'],
    ],
    // What PostgreSQL refuses is passed on, for its own error.
    [
      [-1, 2],
      [-1, '0'],
    ],
    [
      [5, -2],
      ['5', -2],
    ],
    [
      ['x', 2],
      ['x', '0'],
    ],
    [
      [1.5, 2],
      [1.5, '0'],
    ],
    [
      [5, '9223372036854775808'],
      ['5', '9223372036854775808'],
    ],
  ])('%o become %o', (values, expected) => {
    expect(shardValues(plan, values)).toEqual(expected)
  })

  test('an object is refused, and a sum beyond the cast type', () => {
    expect(() => shardValues(plan, [{}, 1])).toThrowError(/LIMIT and OFFSET/)
    const small: MergePlan = {
      ...plan,
      parameters: [{ kind: 'sum', terms: [{ ...parameter, type: 'int4' }, literal(5)], type: 'int4' }],
    }
    expect(() => shardValues(small, [2_147_483_647])).toThrowError(/bigint/)
    expect(shardValues(small, [2_147_483_648])).toEqual([2_147_483_648])
  })
})

describe('streams', () => {
  interface Source extends AsyncIterator<RawRow[]> {
    isClosed: boolean
    batches: number
  }

  const sourceOf = (...batches: RawRow[][]): Source => ({
    isClosed: false,
    batches: 0,
    async next() {
      const value = batches[this.batches]
      if (value === undefined) return { done: true, value: undefined }
      this.batches += 1
      return { done: false, value }
    },
    async return() {
      this.isClosed = true
      return { done: true, value: undefined }
    },
  })

  const collect = async (stream: AsyncGenerator<RawRow[]>): Promise<RawRow[]> => {
    const rows: RawRow[] = []
    for await (const batch of stream) rows.push(...batch)
    return rows
  }

  const ordered = { ...plainPlan, order: [ascending(0)] }

  test('rows come in order across batches, whatever their size', async () => {
    const sources = [
      sourceOf(rowsOf(1, 4), [], rowsOf(7)),
      sourceOf(rowsOf(2), rowsOf(3), rowsOf(9)),
      sourceOf(),
    ]
    expect(await collect(mergeStream(ordered, [int], sources, [], noShard))).toEqual(rowsOf(1, 2, 3, 4, 7, 9))
    expect(sources.every((source) => source.isClosed)).toBe(true)
  })

  test('nothing is read beyond what the limit needs, and the sources are closed', async () => {
    const sources = [sourceOf(rowsOf(1, 2), rowsOf(5)), sourceOf(rowsOf(3, 4), rowsOf(6))]
    const plan = { ...ordered, limit: literal(2) }
    expect(await collect(mergeStream(plan, [int], sources, [], noShard))).toEqual(rowsOf(1, 2))
    expect(sources.map((source) => [source.batches, source.isClosed])).toEqual([
      [1, true],
      [1, true],
    ])
  })

  test('a consumer that stops closes the sources', async () => {
    const sources = [sourceOf(rowsOf(1), rowsOf(2)), sourceOf(rowsOf(3))]
    for await (const batch of mergeStream(ordered, [int], sources, [], noShard)) {
      expect(batch).toEqual(rowsOf(1))
      break
    }
    expect(sources.every((source) => source.isClosed)).toBe(true)
  })

  test('disorder is seen within a batch and between two', async () => {
    for (const bad of [sourceOf(rowsOf(2, 1)), sourceOf(rowsOf(2), rowsOf(1))]) {
      const sources = [bad, sourceOf(rowsOf(9))]
      await expect(collect(mergeStream(ordered, [int], sources, [], noShard))).rejects.toMatchObject({
        code: 'SHARDS_DISAGREE',
      })
      expect(sources.every((source) => source.isClosed)).toBe(true)
    }
  })

  test('without an order, batches come as they arrive, and one failure ends all', async () => {
    const plan = {
      ...plainPlan,
      distinct: { columns: 'visible', isOn: false, isDeterministic: true } as const,
    }
    const rows = await collect(
      mergeStream(plan, [int], [sourceOf(rowsOf(1, 1), rowsOf(2)), sourceOf(rowsOf(2, 3))], [], noShard),
    )
    expect(new Set(rows.map(([value]) => value))).toEqual(new Set(['1', '2', '3']))
    expect(rows).toHaveLength(3)
    const failing: AsyncIterator<RawRow[]> = { next: () => Promise.reject(new Error('gone')) }
    const other = sourceOf(rowsOf(1))
    await expect(collect(mergeStream(plainPlan, [int], [failing, other], [], noShard))).rejects.toThrowError(
      'gone',
    )
    expect(other.isClosed).toBe(true)
  })
})
