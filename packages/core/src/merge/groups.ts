import type { AggregateMerge, CountMerge, GroupMerge, MergePlan } from '../statement/merge-plan.ts'
import { additionOf, conversionOf, divisionOf } from './aggregates.ts'
import { columnIndex, columnType } from './columns.ts'
import type { Decoded } from './compare-values.ts'
import { compileHaving } from './having.ts'
import { identityColumns, rankIdentity } from './identity.ts'
import { rankColumn, type Asking } from './ranking.ts'
import type { FieldFacts, MergeEnvironment, RawRow } from './row.ts'
import { rowCounts } from './row-counts.ts'
import { orderOf, typeOid } from './type-order.ts'

export interface GroupScope {
  readonly plan: MergePlan
  readonly grouping: GroupMerge
  readonly fields: readonly FieldFacts[]
  readonly values: readonly unknown[]
  readonly env: MergeEnvironment
}

/** The running result of one aggregate over the partial rows of one group. */
interface Fold {
  /** What the merge keeps of a group's first partial row. */
  start(row: RawRow): unknown
  add(state: unknown, row: RawRow): unknown
  readonly column: number
  finish(state: unknown): string | null
}

/** Combines the partial groups of all shards, in no particular order. */
export function* mergeGroups(rows: readonly RawRow[], scope: GroupScope): Asking<RawRow[]> {
  const { plan, grouping, fields, values, env } = scope
  const keys = grouping.keys.map((key) => columnIndex(key, plan, fields))
  const identity = yield* rankIdentity(
    identityColumns(keys, grouping.isDeterministic, { fields, env }),
    () => rows,
  )
  const folds: Fold[] = []
  for (const aggregate of grouping.aggregates) folds.push(yield* compileFold(aggregate, rows, scope))

  const groups = new Map<Decoded | null, { readonly row: RawRow; readonly states: unknown[] }>()
  for (const row of rows) {
    const key = identity(row)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { row, states: folds.map((fold) => fold.start(row)) })
    else for (const [index, fold] of folds.entries()) group.states[index] = fold.add(group.states[index], row)
  }
  const merged = [...groups.values()].map(({ row, states }) => {
    // Two passes: a column may be both an aggregate's result and another one's partial.
    const results = folds.map((fold, index) => fold.finish(states[index]))
    for (const [index, fold] of folds.entries()) row[fold.column] = results[index] ?? null
    return row
  })
  if (merged.length === 0 && grouping.isSingle) merged.push(emptyGroup(scope))
  if (plan.counted !== undefined) leavePage(merged, plan.counted, scope)
  if (grouping.having === undefined) return merged
  const having = compileHaving(grouping.having, { plan, fields, values })
  return merged.filter((row) => having(row) === true)
}

/** Of so many rows OFFSET and LIMIT leave these. */
function leavePage(rows: readonly RawRow[], counted: CountMerge, { plan, fields, values }: GroupScope): void {
  const counts = rowCounts(counted, values)
  if (counts === undefined) return
  for (const row of rows) {
    for (const column of counted.columns) {
      const index = columnIndex(column, plan, fields)
      const count = BigInt(row[index] ?? '0') - counts.offset
      const left = count < 0n ? 0n : count
      row[index] = String(counts.limit !== undefined && left > counts.limit ? counts.limit : left)
    }
  }
}

/** The one row of an aggregate without GROUP BY over no rows at all. */
function emptyGroup({ plan, grouping, fields }: GroupScope): RawRow {
  const row: RawRow = fields.map(() => null)
  for (const aggregate of grouping.aggregates) {
    if (aggregate.form !== 'plain') throw new TypeError('no shard was asked, so nothing tells this value')
    if (aggregate.fn === 'count') row[columnIndex(aggregate.column, plan, fields)] = '0'
  }
  return row
}

function* compileFold(aggregate: AggregateMerge, rows: readonly RawRow[], scope: GroupScope): Asking<Fold> {
  const { plan, fields } = scope
  const column = columnIndex(aggregate.column, plan, fields)
  const partials = aggregate.partials.map((partial) => columnIndex(partial, plan, fields))
  const partial = partials[0] ?? column
  const partialOid = columnType(partial, fields)
  if (aggregate.fn === 'avg') {
    const oid = partialOid === typeOid.float8 ? typeOid.float8 : typeOid.numeric
    const isPlain = aggregate.form === 'plain'
    const average = foldAverage(column, isPlain ? columnType(column, fields) : oid, {
      sum: partial,
      sumOid: partialOid,
      count: partials[1] ?? column,
    })
    return isPlain ? average : wrap(average, oid, columnType(column, fields))
  }
  const combine = yield* combinationOf(aggregate, rows, { partial, oid: partialOid, env: scope.env })
  const fold = foldTexts(column, partial, combine)
  return aggregate.form === 'wrapped' ? wrap(fold, partialOid, columnType(column, fields)) : fold
}

type Combination = (left: string, right: string) => string

function* combinationOf(
  { fn, collation }: AggregateMerge,
  rows: readonly RawRow[],
  { partial, oid, env }: { readonly partial: number; readonly oid: number; readonly env: MergeEnvironment },
): Asking<Combination> {
  switch (fn) {
    case 'bool_and':
      return (left, right) => (left === 't' ? right : left)
    case 'bool_or':
      return (left, right) => (left === 't' ? left : right)
    case 'any':
      return (left) => left
    case 'min':
    case 'max': {
      const order = orderOf(oid, collation, env) ?? (yield* rankColumn(rows, partial, { oid, collation }))
      const sign = fn === 'min' ? 1 : -1
      return (left, right) =>
        order.compare(order.decode(left), order.decode(right)) * sign <= 0 ? left : right
    }
    default:
      return additionOf(oid)
  }
}

/** A cast or a coalesce of an aggregate: what the shards made of NULL stays when all of them had NULL. */
function wrap(fold: Fold, from: number, to: number): Fold {
  const convert = conversionOf(from, to)
  interface Wrapped {
    readonly inner: unknown
    readonly own: string | null
  }
  return {
    column: fold.column,
    start: (row): Wrapped => ({ inner: fold.start(row), own: row[fold.column] ?? null }),
    add: (state, row): Wrapped => {
      const { inner, own } = state as Wrapped
      return { inner: fold.add(inner, row), own }
    },
    finish(state) {
      const { inner, own } = state as Wrapped
      const merged = fold.finish(inner)
      return merged === null ? own : convert(merged)
    },
  }
}

function foldTexts(column: number, partial: number, combine: (left: string, right: string) => string): Fold {
  return {
    column,
    start: (row) => row[partial] ?? null,
    add(state, row) {
      const next = row[partial] ?? null
      if (next === null) return state
      return typeof state === 'string' ? combine(state, next) : next
    },
    finish: (state) => (typeof state === 'string' ? state : null),
  }
}

interface Average {
  readonly sum: string | null
  readonly count: bigint
}

function foldAverage(
  column: number,
  oid: number,
  partial: { readonly sum: number; readonly sumOid: number; readonly count: number },
): Fold {
  const divide = divisionOf(oid, partial.sumOid)
  // int8 sums of several shards may exceed int8; as numeric they cannot, and their average is the same.
  const add = additionOf(partial.sumOid === typeOid.int8 ? typeOid.numeric : partial.sumOid)
  const read = (row: RawRow): Average => ({
    sum: row[partial.sum] ?? null,
    count: BigInt(row[partial.count] ?? '0'),
  })
  return {
    column,
    start: read,
    add(state, row) {
      const left = state as Average
      const right = read(row)
      if (right.sum === null || left.sum === null) return left.sum === null ? right : left
      return { sum: add(left.sum, right.sum), count: left.count + right.count }
    },
    finish(state) {
      const { sum, count } = state as Average
      return sum === null || count === 0n ? null : divide(sum, count)
    },
  }
}
