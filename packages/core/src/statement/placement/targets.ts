import type { RangeVar, ReturningClause } from 'libpg-query'
import { findRelation, type Relation } from '../catalog.ts'
import { bodyAs, columnOf, relationOf, type Node } from '../tree.ts'
import type { Analysis, Query, QueryContext, QueryOutput } from './analysis.ts'
import { bindExpression, walkExpression } from './expressions.ts'
import { replicated, unknownBinding, type Binding, type Roots, type Source } from './model.ts'
import { readRelation, readTable } from './relations.ts'
import {
  createLevel,
  namedItem,
  tableColumns,
  visibleColumns,
  type ColumnSet,
  type RangeItem,
  type Scope,
} from './scope.ts'

/** What a write does, for the proof and for a write's RETURNING in a WITH query. */
export interface WriteReading {
  readonly returning: Query
  readonly target: WriteTarget
  /** The rows it is put together from, over several shards. */
  readonly roots: Roots
}

export interface WriteTarget {
  readonly relation: Relation | undefined
  /** The occurrence of a sharded target table. */
  readonly source: Source | undefined
  readonly item: RangeItem
}

/** The table a statement writes. A view is refused, but for one over unsharded tables alone. */
export function readTarget(
  analysis: Analysis,
  range: RangeVar | undefined,
  context: QueryContext,
  kind: 'written' | 'table',
): WriteTarget {
  const { schema, name } = relationOf(range ?? {})
  const label = range?.alias?.aliasname ?? name
  const relation = findRelation(analysis.catalog, schema, name)
  const item = (columns: ColumnSet): RangeItem => ({
    ...namedItem(label, columns),
    schema: range?.alias === undefined ? relation?.schema : undefined,
  })
  // A CTE is no target: the name means the table behind it.
  if (relation === undefined) {
    const { columns } = readRelation(analysis, { ...range, alias: {} }, undefined)
    return { relation, source: undefined, item: item(columns) }
  }
  if (relation.kind === 'view') return readViewTarget(analysis, relation, range ?? {}, context, item)
  const { placement } = relation
  if (placement.strategy === 'reference') analysis.referenceWrites.push(relation.name)
  if (kind === 'written' && isKeyed(placement)) {
    analysis.visitKeyspace(relation)
    const source = analysis.addSource('written', 'write', placement.keyType, { relation, placement })
    const bound = tableColumns(relation, source, [])
    // Nothing that is said about inserted rows keeps them from being inserted.
    return { relation, source, item: item(withoutPushing(bound)) }
  }
  const reading = readTable(analysis, relation, 'write')
  return { relation, source: reading.source, item: item(reading.columns) }
}

function isKeyed(
  placement: Relation['placement'],
): placement is Extract<Relation['placement'], { group: string }> {
  return 'group' in placement
}

function readViewTarget(
  analysis: Analysis,
  view: Relation,
  range: RangeVar,
  context: QueryContext,
  item: (columns: ColumnSet) => RangeItem,
): WriteTarget {
  const sources = analysis.sources.length
  const homes = analysis.homes.size
  const reading = readRelation(analysis, { ...range, alias: {} }, context.ctes)
  if (analysis.sources.length > sources || analysis.homes.size === homes) {
    analysis.refuse(
      'UNPROVED_WRITE',
      `a write through the view ${view.name}`,
      `Nothing proves where rows written through the view "${view.name}" belong. Write to its table.`,
    )
  }
  for (const name of analysis.homes.keys()) analysis.homes.set(name, 'write')
  return { relation: view, source: undefined, item: item(reading.columns) }
}

function withoutPushing(columns: ColumnSet): ColumnSet {
  const cut = (binding: Binding): Binding => ({ ...binding, down: [] })
  return {
    isComplete: columns.isComplete,
    find(name) {
      const binding = columns.find(name)
      return binding === undefined ? undefined : cut(binding)
    },
    list: () => columns.list().map(({ name, binding }) => ({ name, binding: cut(binding) })),
  }
}

/** RETURNING sees the target, the other items, and OLD and NEW. */
export function readReturning(
  analysis: Analysis,
  clause: ReturningClause | undefined,
  target: WriteTarget,
  others: readonly RangeItem[],
  context: QueryContext,
): Query {
  if (clause === undefined) return { outputs: [], isComplete: true, roots: replicated, outward: undefined }
  const names: Record<string, string> = { RETURNING_OPTION_OLD: 'old', RETURNING_OPTION_NEW: 'new' }
  for (const node of clause.options ?? []) {
    const option = bodyAs(node, 'ReturningOption')
    if (option?.option !== undefined) names[option.option] = option.value ?? ''
  }
  const transition = (name: string | undefined): RangeItem => ({
    ...namedItem(name, withoutPushing(target.item.columns)),
    isNullable: true,
    hasVisibleColumns: false,
  })
  const own: RangeItem = { ...target.item, columns: withoutPushing(target.item.columns) }
  const items = [own, ...others]
  const scope: Scope = {
    items: [...items, transition(names['RETURNING_OPTION_OLD']), transition(names['RETURNING_OPTION_NEW'])],
    parent: context.parent,
    ctes: context.ctes,
    level: createLevel(false),
  }
  const outputs: QueryOutput[] = []
  let isComplete = true
  for (const node of clause.exprs ?? []) {
    const { name, val } = bodyAs(node, 'ResTarget') ?? {}
    const column = columnOf(val)
    if (column?.isStar === true) {
      const star = expandStar(scope, column.parts)
      isComplete &&= star.isComplete
      outputs.push(...star.columns.map((output) => ({ ...output, untyped: undefined })))
      continue
    }
    walkExpression(analysis, val, scope)
    outputs.push({
      name: name ?? column?.parts.at(-1) ?? '?column?',
      binding: { ...bindExpression(analysis, val, scope), down: [] },
      untyped: undefined,
    })
  }
  return { outputs, isComplete, roots: replicated, outward: undefined }
}

function expandStar(scope: Scope, parts: readonly string[]): ReturnType<typeof visibleColumns> {
  if (parts.length === 0) return visibleColumns(scope.items)
  const item = scope.items.find((candidate) => candidate.name === parts.at(-1))
  return item === undefined
    ? { columns: [], isComplete: false }
    : { columns: [...item.columns.list()], isComplete: item.columns.isComplete }
}

/** Columns under which ON CONFLICT knows the row that was not inserted. */
export function excludedItem(target: WriteTarget): RangeItem {
  return { ...namedItem('excluded', withoutPushing(target.item.columns)), hasVisibleColumns: false }
}

/** The type a column gives to what is assigned to it. */
export function assignedBinding(target: WriteTarget, column: string): Binding {
  return target.item.columns.find(column) ?? unknownBinding
}

/** One expression of `SET (a, b) = ROW(x, y)`; undefined when it comes from a subquery. */
export function assignedExpression(node: Node | undefined): Node | undefined {
  const multiple = bodyAs(node, 'MultiAssignRef')
  if (multiple === undefined) return node
  return bodyAs(multiple.source, 'RowExpr')?.args?.[(multiple.colno ?? 1) - 1]
}
