import type { SelectStmt } from 'libpg-query'
import { bodyAs, columnOf, constantOf, functionNameOf, parameterOf, type Node } from '../tree.ts'
import type { Analysis, QueryContext, QueryOutput } from './analysis.ts'
import { bindExpression, walkExpression } from './expressions.ts'
import { unknownBinding, type Binding } from './model.ts'
import { bindColumn, findItem, seenThrough, visibleColumns, type Scope } from './scope.ts'
import { readValues } from './values-list.ts'

export function readTargets(
  analysis: Analysis,
  select: SelectStmt,
  scope: Scope,
  context: QueryContext,
): { outputs: QueryOutput[]; isComplete: boolean } {
  const outputs: QueryOutput[] = []
  let isComplete = true
  for (const [index, node] of (select.targetList ?? []).entries()) {
    const target = bodyAs(node, 'ResTarget')
    const column = columnOf(target?.val)
    if (column?.isStar === true) {
      const star = expandStar(scope, column.parts)
      isComplete &&= star.isComplete
      outputs.push(...star.outputs)
      continue
    }
    const isPlaced = outputs.length === index
    walkExpression(
      analysis,
      target?.val,
      scope,
      (isPlaced ? context.targetTypes?.[index] : undefined) ?? 'other',
    )
    const isUntyped = parameterOf(target?.val) !== undefined || constantOf(target?.val) !== undefined
    outputs.push({
      name: target?.name ?? outputName(target?.val),
      binding: bindOutput(analysis, target?.val, scope),
      untyped: isUntyped ? target?.val : undefined,
    })
  }
  return { outputs, isComplete }
}

/** A cast or integer constant is a value of its own that other columns may be compared with. */
function bindOutput(analysis: Analysis, node: Node | undefined, scope: Scope): Binding {
  const binding = bindExpression(analysis, node, scope)
  if (binding.up !== undefined || binding.column !== undefined) return binding
  return readValues(analysis, node === undefined ? [] : [node], binding)
}

function expandStar(scope: Scope, parts: readonly string[]): { outputs: QueryOutput[]; isComplete: boolean } {
  if (parts.length === 0) {
    const { columns, isComplete } = visibleColumns(scope.items)
    return { outputs: columns.map((column) => ({ ...column, untyped: undefined })), isComplete }
  }
  const item = findItem(scope, parts.length > 1 ? parts.at(-2) : undefined, parts.at(-1) ?? '')?.item
  if (item === undefined) return { outputs: [], isComplete: false }
  return {
    outputs: item.columns.list().map(({ name, binding }) => ({
      name,
      binding: seenThrough(item, binding),
      untyped: undefined,
    })),
    isComplete: item.columns.isComplete,
  }
}

/** The name PostgreSQL gives an output without AS. */
function outputName(node: Node | undefined): string {
  const column = columnOf(node)
  if (column !== undefined) return column.parts.at(-1) ?? ''
  const call = bodyAs(node, 'FuncCall')
  if (call !== undefined) return functionNameOf(call).name
  const cast = bodyAs(node, 'TypeCast')
  if (cast !== undefined) {
    const inner = outputName(cast.arg)
    return inner === '?column?' ? (bodyAs(cast.typeName?.names?.at(-1), 'String')?.sval ?? inner) : inner
  }
  if (bodyAs(node, 'CoalesceExpr') !== undefined) return 'coalesce'
  if (bodyAs(node, 'CaseExpr') !== undefined) return 'case'
  if (bodyAs(node, 'A_ArrayExpr') !== undefined) return 'array'
  if (bodyAs(node, 'RowExpr') !== undefined) return 'row'
  return '?column?'
}

interface Grouping {
  readonly bindings: readonly Binding[]
  readonly hasSets: boolean
}

export function readGrouping(
  analysis: Analysis,
  select: SelectStmt,
  scope: Scope,
  outputs: readonly QueryOutput[],
): Grouping | undefined {
  if (select.groupClause === undefined) return undefined
  const bindings: Binding[] = []
  let hasSets = false
  for (const node of select.groupClause) {
    if (bodyAs(node, 'GroupingSet') !== undefined) {
      hasSets = true
      walkExpression(analysis, node, scope)
      continue
    }
    walkExpression(analysis, node, scope)
    // GROUP BY prefers a column of FROM over an output of the same name; a number is an output.
    const position = constantOf(node)
    const column = columnOf(node)
    const own = bindColumn(scope, node)
    const named =
      column?.parts.length === 1 ? outputs.find((output) => output.name === column.parts[0]) : undefined
    const output = position?.kind === 'integer' ? outputs[position.value - 1] : undefined
    bindings.push(own ?? output?.binding ?? named?.binding ?? unknownBinding)
  }
  return { bindings, hasSets }
}

export function readDistinctOn(
  analysis: Analysis,
  select: SelectStmt,
  scope: Scope,
  outputs: readonly QueryOutput[],
): readonly Binding[] | undefined {
  // Plain DISTINCT is a list with one empty node.
  const nodes = (select.distinctClause ?? []).filter((node) => Object.keys(node).length > 0)
  if (nodes.length === 0) return undefined
  return nodes.map((node) => {
    walkOutputExpression(analysis, node, scope, outputs)
    return bindOutputExpression(node, scope, outputs)
  })
}

/** ORDER BY and DISTINCT ON prefer an output's name over a column of FROM; a number is an output. */
function bindOutputExpression(node: Node, scope: Scope, outputs: readonly QueryOutput[]): Binding {
  const position = constantOf(node)
  if (position?.kind === 'integer') return outputs[position.value - 1]?.binding ?? unknownBinding
  const column = columnOf(node)
  if (column?.parts.length === 1) {
    const named = outputs.filter((output) => output.name === column.parts[0])
    if (named.length === 1) return named[0]?.binding ?? unknownBinding
    if (named.length > 1) return unknownBinding
  }
  return bindColumn(scope, node) ?? unknownBinding
}

export function walkOutputExpression(
  analysis: Analysis,
  node: Node,
  scope: Scope,
  outputs: readonly QueryOutput[],
): void {
  const column = columnOf(node)
  if (column?.parts.length === 1 && outputs.some((output) => output.name === column.parts[0])) return
  walkExpression(analysis, node, scope)
}

export function sortExpressions(select: SelectStmt): Node[] {
  const nodes: Node[] = []
  for (const node of select.sortClause ?? []) {
    const sort = bodyAs(node, 'SortBy')?.node
    if (sort !== undefined) nodes.push(sort)
  }
  return nodes
}
