import type { AggregateMerge, GroupMerge, MergePlan } from '../statement/merge-plan.ts'
import { additionOf, divisionOf } from './aggregates.ts'
import { columnIndex, columnType } from './columns.ts'
import type { Decoded } from './compare-values.ts'
import { compileHaving } from './having.ts'
import { identityColumns, rankIdentity } from './identity.ts'
import { rankColumn, type Asking } from './ranking.ts'
import type { FieldFacts, MergeEnvironment, RawRow } from './row.ts'
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
  if (grouping.having === undefined) return merged
  const having = compileHaving(grouping.having, { plan, fields, values })
  return merged.filter((row) => having(row) === true)
}

/** The one row of an aggregate without GROUP BY over no rows at all. */
function emptyGroup({ plan, grouping, fields }: GroupScope): RawRow {
  const row: RawRow = fields.map(() => null)
  for (const aggregate of grouping.aggregates) {
    if (aggregate.fn === 'count') row[columnIndex(aggregate.column, plan, fields)] = '0'
  }
  return row
}

function* compileFold(
  aggregate: AggregateMerge,
  rows: readonly RawRow[],
  { plan, fields, env }: GroupScope,
): Asking<Fold> {
  const column = columnIndex(aggregate.column, plan, fields)
  const oid = columnType(column, fields)
  const partials = aggregate.partials.map((partial) => columnIndex(partial, plan, fields))
  const partial = partials[0] ?? column
  switch (aggregate.fn) {
    case 'count':
    case 'sum':
      return foldTexts(column, partial, additionOf(oid))
    case 'bool_and':
      return foldTexts(column, partial, (left, right) => (left === 't' ? right : left))
    case 'bool_or':
      return foldTexts(column, partial, (left, right) => (left === 't' ? left : right))
    case 'any':
      return foldTexts(column, partial, (left) => left)
    case 'min':
    case 'max': {
      const { collation } = aggregate
      const order = orderOf(oid, collation, env) ?? (yield* rankColumn(rows, partial, { oid, collation }))
      const sign = aggregate.fn === 'min' ? 1 : -1
      return foldTexts(column, partial, (left, right) =>
        order.compare(order.decode(left), order.decode(right)) * sign <= 0 ? left : right,
      )
    }
  }
  return foldAverage(column, oid, { sum: partial, count: partials[1] ?? column, fields })
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
  partial: { readonly sum: number; readonly count: number; readonly fields: readonly FieldFacts[] },
): Fold {
  const sumOid = columnType(partial.sum, partial.fields)
  const divide = divisionOf(oid, sumOid)
  // int8 sums of several shards may exceed int8; as numeric they cannot, and their average is the same.
  const add = additionOf(sumOid === typeOid.int8 ? typeOid.numeric : sumOid)
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
