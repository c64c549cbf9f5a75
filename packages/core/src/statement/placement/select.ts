import type { SelectStmt } from 'libpg-query'
import { bodyAs, constantOf, type Node } from '../tree.ts'
import type { Analysis, Query, QueryContext, QueryOutput } from './analysis.ts'
import { applyFacts } from './apply.ts'
import { readCondition } from './conditions.ts'
import { bindWith, finishWith } from './with.ts'
import { bindExpression, walkExpression } from './expressions.ts'
import { lockReferences } from './locks.ts'
import {
  readDistinctOn,
  readGrouping,
  readTargets,
  sortExpressions,
  walkOutputExpression,
} from './outputs.ts'
import { noFacts, withOuterJoins } from './facts.ts'
import { readFrom } from './from.ts'
import { isSameSlot } from './facts.ts'
import { refusedRoots, replicated, unknownBinding, type Binding, type Roots } from './model.ts'
import { combineBranches } from './set-operations.ts'
import { bindColumn, createLevel, listedColumns, namedItem, type Level, type Scope } from './scope.ts'
import { placeOf } from './slots.ts'
import { readValues } from './values-list.ts'

/** What the outermost query is made of, before its own ORDER BY, LIMIT, DISTINCT and grouping. */
export interface SelectParts {
  readonly query: Query
  /** The roots of its FROM alone. */
  readonly fromRoots: Roots
  /** The same without the LIMIT of the only subquery in it. */
  readonly unlimitedRoots?: Roots | undefined
  readonly scope: Scope | undefined
  /** True for one row of aggregates. */
  readonly isOneRow?: boolean
  readonly isGroupedByKey: boolean
  readonly isDistinctByKey: boolean
  readonly hasWindowsWithoutKey: boolean
}

export function analyseSelect(analysis: Analysis, select: SelectStmt, context: QueryContext): Query {
  return readSelect(analysis, select, context, false).query
}

export function readSelect(
  analysis: Analysis,
  select: SelectStmt,
  context: QueryContext,
  isTop: boolean,
): SelectParts {
  const within = bindWith(analysis, select.withClause, context)
  const inner: QueryContext = { ...context, ctes: within.ctes }
  const parts =
    select.op !== undefined && select.op !== 'SETOP_NONE'
      ? readSetOperation(analysis, select, inner)
      : select.valuesLists !== undefined
        ? readValuesQuery(analysis, select, inner)
        : readPlain(analysis, select, inner, isTop)
  finishWith(within)
  return parts
}

function readPlain(
  analysis: Analysis,
  select: SelectStmt,
  context: QueryContext,
  isTop: boolean,
): SelectParts {
  const level = createLevel(isTop)
  const scope: Scope = { items: [], parent: context.parent, ctes: context.ctes, level }
  const start = analysis.sources.length
  const from = readFrom(analysis, select.fromClause ?? [], scope)
  const end = analysis.sources.length
  scope.items = from.items
  level.clause = 'where'
  const facts = withOuterJoins(readCondition(analysis, select.whereClause, scope), level.outerJoins)
  const outward = applyFacts(analysis, facts, start, end)

  level.clause = 'target'
  const { outputs, isComplete } = readTargets(analysis, select, scope, context)
  level.clause = 'other'
  const grouping = readGrouping(analysis, select, scope, outputs)
  walkExpression(analysis, select.havingClause, scope)
  if (select.havingClause !== undefined && select.groupClause === undefined) level.hasAggregate = true
  for (const window of select.windowClause ?? []) walkExpression(analysis, window, scope)
  const ordered = sortExpressions(select)
  for (const node of ordered) walkOutputExpression(analysis, node, scope, outputs)
  const distinctOn = readDistinctOn(analysis, select, scope, outputs)
  readLimits(analysis, select, context)
  if (select.lockingClause !== undefined) {
    lockReferences(analysis, select)
    analysis.obstruct(
      'FOR UPDATE or FOR SHARE over several shards',
      'Lock the rows of one shard key at a time, inside a transaction.',
    )
  }
  if (select.intoClause !== undefined) {
    analysis.refuse(
      'UNSUPPORTED_STATEMENT',
      'SELECT INTO',
      'SELECT INTO would make its table on one shard only. Create the table on every shard with router.eachShard(…) and fill it with INSERT … SELECT.',
    )
  }

  const windows = level.windows.map((window) => partitionOf(window, select, scope))
  const isAggregated = grouping !== undefined || level.hasAggregate
  const isKeyIn = (bindings: readonly Binding[]): boolean =>
    bindings.some((binding) => placeOf(binding) !== undefined)
  const isDistinct = select.distinctClause !== undefined
  const distinct = distinctOn ?? (isDistinct ? outputs.map((output) => output.binding) : undefined)
  const isGroupedByKey = grouping !== undefined && isKeyIn(grouping.bindings) && !grouping.hasSets
  const isDistinctByKey = distinct !== undefined && isKeyIn(distinct)
  const hasWindowsWithoutKey = windows.some((partition) => !isKeyIn(partition))

  const canPush = !hasLimit(select) && select.lockingClause === undefined
  const isKept = (binding: Binding): boolean =>
    canPush &&
    (grouping === undefined ||
      (!grouping.hasSets && grouping.bindings.some((other) => isSameColumn(other, binding)))) &&
    windows.every((partition) => partition.some((other) => isSameColumn(other, binding))) &&
    (distinctOn === undefined || distinctOn.some((other) => isSameColumn(other, binding)))
  const exported = outputs.map((output): QueryOutput => {
    const { binding } = output
    const isNullable = binding.isNullable || grouping?.hasSets === true
    if (binding.down.length === 0 || isKept(binding)) {
      return isNullable === binding.isNullable ? output : { ...output, binding: { ...binding, isNullable } }
    }
    return { ...output, binding: { ...binding, down: [], isNullable } }
  })

  const shape: Shape = {
    isAggregated,
    isGroupedByKey,
    isDistinct,
    isDistinctOn: distinctOn !== undefined,
    isDistinctByKey,
    hasWindow: level.hasWindow,
    hasWindowsWithoutKey,
  }
  const roots = shapeRoots(analysis, from.roots, select, shape, isTop)
  const unlimited =
    from.roots.kind === 'located' && hasLimit(select)
      ? shapeRoots(analysis, from.roots, withoutLimit(select), shape, isTop)
      : undefined
  // Without GROUP BY an aggregate gives a row also when no row passes WHERE.
  const isOutwardSound = !isAggregated || (grouping !== undefined && !grouping.hasSets)
  return {
    query: {
      outputs: exported,
      isComplete,
      roots,
      ...(unlimited === undefined ? {} : { unlimited }),
      outward: isOutwardSound ? outward : undefined,
    },
    fromRoots: from.roots,
    unlimitedRoots: from.unlimited,
    scope,
    isOneRow: grouping === undefined && level.hasAggregate,
    isGroupedByKey,
    isDistinctByKey,
    hasWindowsWithoutKey,
  }
}

function isSameColumn(a: Binding, b: Binding): boolean {
  return (
    a.down.length > 0 &&
    a.down.length === b.down.length &&
    a.down.every((slot, index) => {
      const other = b.down[index]
      return other !== undefined && isSameSlot(slot, other)
    })
  )
}

interface Shape {
  readonly isAggregated: boolean
  readonly isGroupedByKey: boolean
  readonly isDistinct: boolean
  readonly isDistinctOn: boolean
  readonly isDistinctByKey: boolean
  readonly hasWindow: boolean
  readonly hasWindowsWithoutKey: boolean
}

/** What of a query's FROM is still shard by shard after its own clauses, for the query around it. */
function shapeRoots(
  analysis: Analysis,
  roots: Roots,
  select: SelectStmt,
  shape: Shape,
  isTop: boolean,
): Roots {
  if (roots.kind === 'refused') return roots
  if (roots.kind === 'replicated') {
    // Which rows LIMIT leaves may differ from server to server, although all hold the same table.
    const isArbitrary = hasLimit(select) || shape.isDistinctOn || shape.hasWindow
    if (isArbitrary && !isTop && (select.fromClause?.length ?? 0) > 0) {
      analysis.obstruct(
        'LIMIT, DISTINCT ON or a window in a subquery over a reference table',
        'The servers need not pick the same rows: read them in a statement of their own.',
      )
    }
    return roots
  }
  const refuse = (construct: string, why: string, wayOut: string): Roots =>
    refusedRoots(construct, why, wayOut)
  if (hasLimit(select)) {
    return refuse('LIMIT in a subquery', 'every shard would apply it to its own rows', keyWay)
  }
  if (shape.isAggregated && !shape.isGroupedByKey) {
    return refuse(
      select.groupClause === undefined
        ? 'an aggregate without GROUP BY in a subquery'
        : 'GROUP BY without the shard key in a subquery',
      'its groups span the shards',
      'Group by the shard key, or compare it with a value.',
    )
  }
  if (shape.isDistinct && !shape.isDistinctByKey) {
    return refuse(
      'DISTINCT without the shard key in a subquery',
      'equal rows may lie on several shards',
      keyWay,
    )
  }
  if (shape.hasWindowsWithoutKey) {
    return refuse(
      'a window function whose PARTITION BY lacks the shard key',
      'its partitions span the shards',
      'Partition by the shard key, or compare it with a value.',
    )
  }
  return roots
}

const keyWay = 'Compare the shard key with a value, so that one shard answers.'

function withoutLimit(select: SelectStmt): SelectStmt {
  const unlimited = { ...select }
  delete unlimited.limitCount
  delete unlimited.limitOffset
  return unlimited
}

export function hasLimit(select: SelectStmt): boolean {
  const isNothing = (node: Node | undefined): boolean =>
    node === undefined || constantOf(node)?.kind === 'null'
  return !isNothing(select.limitCount) || !isNothing(select.limitOffset)
}

function readLimits(analysis: Analysis, select: SelectStmt, context: QueryContext): void {
  const scope: Scope = { items: [], parent: context.parent, ctes: context.ctes, level: createLevel(false) }
  walkExpression(analysis, select.limitCount, scope, 'int8')
  walkExpression(analysis, select.limitOffset, scope, 'int8')
}

/** The columns a window is partitioned by, its named window's included. */
function partitionOf(window: Level['windows'][number], select: SelectStmt, scope: Scope): readonly Binding[] {
  const bindings: Binding[] = []
  let current: typeof window | undefined = window
  for (let step = 0; current !== undefined && step < 10; step += 1) {
    for (const node of current.partitionClause ?? []) bindings.push(bindColumn(scope, node) ?? unknownBinding)
    // `OVER w` has its name in `name`, `OVER (w …)` and definitions in `refname`.
    const reference: string | undefined = current.refname ?? (current === window ? current.name : undefined)
    current =
      reference === undefined
        ? undefined
        : (select.windowClause ?? [])
            .map((node) => bodyAs(node, 'WindowDef'))
            .find((definition) => definition?.name === reference)
  }
  return bindings
}

function readSetOperation(analysis: Analysis, select: SelectStmt, context: QueryContext): SelectParts {
  // (a UNION b) UNION c: the outer UNION removes what the inner one would have.
  const removesEqual = select.op === 'SETOP_UNION' && select.all !== true
  const branch = (side: SelectStmt | undefined): Query => {
    if (side === undefined) return emptyQuery
    const { query, fromRoots } = readSelect(analysis, side, { ...context }, false)
    return removesEqual && side.op === 'SETOP_UNION' && !hasLimit(side)
      ? { ...query, roots: fromRoots }
      : query
  }
  const combined = combineBranches(select, branch(select.larg), branch(select.rarg))
  const level = createLevel(false)
  const items = [namedItem(undefined, listedColumns(combined.query.outputs, combined.query.isComplete))]
  const scope: Scope = { items, parent: context.parent, ctes: context.ctes, level }
  for (const node of sortExpressions(select)) walkExpression(analysis, node, scope)
  readLimits(analysis, select, context)
  if (select.lockingClause !== undefined) {
    analysis.obstruct('FOR UPDATE over several shards', 'Lock the rows of one shard key at a time.')
  }
  const isLimited = hasLimit(select) || select.lockingClause !== undefined
  const outputs = isLimited
    ? combined.query.outputs.map((output) => ({ ...output, binding: { ...output.binding, down: [] } }))
    : combined.query.outputs
  const roots =
    isLimited && combined.query.roots.kind === 'located'
      ? refusedRoots('LIMIT in a subquery', 'every shard would apply it to its own rows', keyWay)
      : combined.query.roots
  return {
    query: { ...combined.query, outputs, roots },
    fromRoots: combined.branchRoots,
    scope: undefined,
    isGroupedByKey: false,
    isDistinctByKey: combined.isDistinctByKey,
    hasWindowsWithoutKey: false,
  }
}

const emptyQuery: Query = { outputs: [], isComplete: false, roots: replicated, outward: noFacts }

function readValuesQuery(analysis: Analysis, select: SelectStmt, context: QueryContext): SelectParts {
  const level = createLevel(false)
  const scope: Scope = { items: [], parent: context.parent, ctes: context.ctes, level }
  const rows = (select.valuesLists ?? []).map((node) => bodyAs(node, 'List')?.items ?? [])
  for (const row of rows) {
    for (const [index, node] of row.entries()) {
      walkExpression(analysis, node, scope, context.targetTypes?.[index] ?? 'other')
    }
  }
  for (const node of sortExpressions(select)) walkExpression(analysis, node, scope)
  readLimits(analysis, select, context)
  const width = rows[0]?.length ?? 0
  const outputs: QueryOutput[] = []
  for (let index = 0; index < width; index += 1) {
    const column = rows.map((row) => row[index]).filter((node) => node !== undefined)
    const types = new Set(
      column.map((node) => bindExpression(analysis, node, scope).type).filter((type) => type !== 'unknown'),
    )
    const [type] = types
    const binding = types.size === 1 && type !== undefined ? { ...unknownBinding, type } : unknownBinding
    outputs.push({
      name: `column${index + 1}`,
      binding: readValues(analysis, column, binding),
      untyped: undefined,
    })
  }
  return {
    query: { outputs, isComplete: true, roots: replicated, outward: undefined },
    fromRoots: replicated,
    scope: undefined,
    isGroupedByKey: false,
    isDistinctByKey: false,
    hasWindowsWithoutKey: false,
  }
}
