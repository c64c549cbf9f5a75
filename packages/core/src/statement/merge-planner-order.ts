import type { SortKey } from './merge-plan.ts'
import {
  addHidden,
  clausesOf,
  findTarget,
  hasStar,
  positionOf,
  textOf,
  tokensOf,
  type ColumnUse,
  type Draft,
} from './merge-planner-draft.ts'
import { refuse, refuseRewrite } from './merge-planner-refusal.ts'
import { outputName } from './merge-planner-names.ts'
import type { TokenRange } from './rewrite-tokens.ts'
import { bodyAs, columnOf, constantOf, type Node, type NodeBody } from './tree.ts'

type SortBy = NodeBody<'SortBy'>

/** One ORDER BY item with the column it sorts by. */
export interface OrderItem {
  readonly use: ColumnUse
  readonly key: Omit<SortKey, 'column'>
}

/** Turns an expression that no output column holds into one; refuses where SQL allows no further column. */
export type Expose = (node: Node, range: () => TokenRange) => ColumnUse

/** Resolves ORDER BY, in PostgreSQL's order: output names, output positions, expressions over the input. */
export function planOrder(draft: Draft, expose: Expose): OrderItem[] {
  return (draft.select.sortClause ?? []).map((item, index) => {
    const sort = bodyAs(item, 'SortBy')
    if (sort?.node === undefined) refuse('This ORDER BY')
    const { node } = sort
    const named = resolveOrdinal(draft, node) ?? resolveName(draft, node)
    const use = named ?? findTarget(draft, node) ?? expose(node, () => orderRange(draft, sort, index))
    return { use, key: readDirection(draft, sort, named === undefined ? node : outputNode(draft, named)) }
  })
}

export function sortKeys(draft: Draft, items: readonly OrderItem[]): SortKey[] {
  return items.map(({ use, key }) => ({ ...key, column: positionOf(draft, use) }))
}

/** The output column an ORDER BY, GROUP BY or DISTINCT ON item names by position or by name, or repeats. */
export function resolveOutput(draft: Draft, node: Node): ColumnUse | undefined {
  return resolveOrdinal(draft, node) ?? resolveName(draft, node) ?? findTarget(draft, node)
}

export function resolveOrdinal(draft: Draft, node: Node): ColumnUse | undefined {
  const constant = constantOf(node)
  if (constant === undefined) return undefined
  if (constant.kind !== 'integer')
    refuse('A constant other than a position in ORDER BY, GROUP BY or DISTINCT ON')
  const index = constant.value - 1
  const isInList = hasStar(draft) || index < draft.targets.length
  if (index < 0 || !isInList) refuse(`Position ${constant.value}, which is not in the select list,`)
  return { kind: 'ordinal', index }
}

function resolveName(draft: Draft, node: Node): ColumnUse | undefined {
  const column = columnOf(node)
  const name = column?.parts[0]
  if (column === undefined || column.isStar || column.parts.length !== 1 || name === undefined)
    return undefined
  return resolveOutputName(draft, name)
}

/** The output column of this name; all of one name are the same expression, or PostgreSQL refuses the statement. */
export function resolveOutputName(draft: Draft, name: string): ColumnUse | undefined {
  if (hasStar(draft)) {
    const isKnown =
      draft.targets.some((target) => outputName(target) === name) ||
      draft.proof.outputs.some((output) => output.name === name)
    return isKnown ? { kind: 'name', name } : undefined
  }
  const index = draft.targets.findIndex((target) => outputName(target) === name)
  return index === -1 ? undefined : { kind: 'target', index }
}

/** The output's own expression, whose collation decides when the item only names it; undefined inside a star. */
function outputNode(draft: Draft, use: ColumnUse): Node | undefined {
  if (use.kind === 'name') {
    const target = draft.targets.find((candidate) => outputName(candidate) === use.name)
    return target?.val ?? { ColumnRef: { fields: [{ String: { sval: use.name } }] } }
  }
  if (use.kind === 'hidden' || (use.kind === 'ordinal' && hasStar(draft))) return undefined
  return draft.targets[use.index]?.val
}

function readDirection(draft: Draft, sort: SortBy, node: Node | undefined): Omit<SortKey, 'column'> {
  if (sort.sortby_dir === 'SORTBY_USING') refuse('ORDER BY … USING', 'write ASC or DESC')
  const isDescending = sort.sortby_dir === 'SORTBY_DESC'
  const isNullsFirst =
    sort.sortby_nulls === 'SORTBY_NULLS_FIRST' || (isDescending && sort.sortby_nulls !== 'SORTBY_NULLS_LAST')
  return { isDescending, isNullsFirst, collation: outputCollation(draft, node) }
}

function outputCollation(draft: Draft, node: Node | undefined) {
  return node === undefined ? draft.collations.ofAny : draft.collations.of(node)
}

/** The tokens of an ORDER BY item's expression, without its direction. */
function orderRange(draft: Draft, sort: SortBy, index: number): TokenRange {
  const range = clausesOf(draft).orderBy[index]
  if (range === undefined) refuseRewrite()
  let { end } = range
  const tokens = tokensOf(draft)
  if (sort.sortby_nulls !== undefined && sort.sortby_nulls !== 'SORTBY_NULLS_DEFAULT') end -= 2
  const last = tokens[end - 1]
  if (last?.kind === 'word' && (last.text === 'asc' || last.text === 'desc')) end -= 1
  return { first: range.first, end }
}

/** Adds the expression as a hidden column, which is legal everywhere but under DISTINCT and set operations. */
export function exposeHidden(draft: Draft): Expose {
  return (node, range) => {
    const clause = bodyAs(node, 'CollateClause')
    const known = clause?.arg === undefined ? undefined : findTarget(draft, clause.arg)
    // The same text under another collation: the column is there already.
    return known ?? addHidden(draft, node, textOf(draft, range()))
  }
}
