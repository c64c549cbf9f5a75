import type { SelectStmt } from 'libpg-query'
import { findRelation, type Catalog } from './catalog.ts'
import { hasNoShape } from './counted-select.ts'
import { bodyAs, columnOf, parameterOf, relationOf, stringsOf, type Node } from './tree.ts'

/**
 * The parameters of `SELECT columns FROM t WHERE id IN ($1, …)` on a unique column: there is one row at most for each of
 * their values, so an answer with as many rows as different values is whole, whichever shard gave it. Other
 * conditions beside it, LIMIT and OFFSET only leave rows out. Undefined for every other shape.
 */
export function oneRowPerValue(select: SelectStmt, catalog: Catalog): readonly number[] | undefined {
  const { fromClause: [only, ...others] = [], targetList = [] } = select
  const range = bodyAs(only, 'RangeVar')
  const isPlain =
    hasNoShape(select) &&
    others.length === 0 &&
    range !== undefined &&
    range.alias?.colnames === undefined &&
    // A set-returning function makes several rows of one.
    targetList.every((target) => columnOf(bodyAs(target, 'ResTarget')?.val) !== undefined)
  // An operator of the user's own may find several values equal to one.
  if (!isPlain || catalog.operators.has('=')) return undefined
  const { schema, name } = relationOf(range)
  const relation = findRelation(catalog, schema, name)
  const isUniqueWithin =
    relation?.kind === 'partitioned' || (relation?.kind === 'table' && relation.hasChildren !== true)
  if (relation === undefined || !isUniqueWithin) return undefined
  const isUnique = (column: string): boolean =>
    relation.uniqueKeys.some(([first, ...more]) => first === column && more.length === 0)
  for (const condition of conjuncts(select.whereClause)) {
    const found = comparison(condition)
    if (found !== undefined && isUnique(found.column)) return found.parameters
  }
  return undefined
}

function conjuncts(node: Node | undefined): readonly Node[] {
  if (node === undefined) return []
  const and = bodyAs(node, 'BoolExpr')
  return and?.boolop === 'AND_EXPR' ? (and.args ?? []).flatMap(conjuncts) : [node]
}

/** `column = $1` or `column IN ($1, …)`: parameters without a cast have the column's type. */
function comparison(
  node: Node,
): { readonly column: string; readonly parameters: readonly number[] } | undefined {
  const expression = bodyAs(node, 'A_Expr')
  const [operator, ...qualified] = stringsOf(expression?.name) ?? []
  const column = columnOf(expression?.lexpr)
  const name = column?.parts.at(-1)
  if (operator !== '=' || qualified.length > 0 || name === undefined || column?.isStar === true)
    return undefined
  const isList = expression?.kind === 'AEXPR_IN'
  if (!isList && expression?.kind !== 'AEXPR_OP') return undefined
  const values = isList ? (bodyAs(expression.rexpr, 'List')?.items ?? []) : [expression.rexpr]
  const parameters = values.flatMap((value) => parameterOf(value) ?? [])
  return parameters.length === 0 || parameters.length < values.length
    ? undefined
    : { column: name, parameters }
}
