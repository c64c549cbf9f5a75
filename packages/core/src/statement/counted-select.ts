import type { SelectStmt } from 'libpg-query'
import { bodyAs } from './tree.ts'

/**
 * The query inside of `SELECT count(*) FROM (SELECT … LIMIT n OFFSET m) s`, by which ORMs count a page: how many rows
 * a LIMIT leaves follows from how many there are. Undefined for every other shape.
 */
export function countedSelect(select: SelectStmt): SelectStmt | undefined {
  const [only, ...others] = select.fromClause ?? []
  const range = bodyAs(only, 'RangeSubselect')
  const inner = bodyAs(range?.subquery, 'SelectStmt')
  if (others.length > 0 || range?.lateral === true || inner === undefined || !isBare(select)) return undefined
  if (inner.limitCount === undefined && inner.limitOffset === undefined) return undefined
  const isPlain =
    isNoSetOperation(inner) && inner.valuesLists === undefined && inner.lockingClause === undefined
  return isPlain && inner.limitOption !== 'LIMIT_OPTION_WITH_TIES' ? inner : undefined
}

/** Nothing but a select list and FROM. */
function isBare(select: SelectStmt): boolean {
  return (
    isNoSetOperation(select) &&
    select.whereClause === undefined &&
    hasNoShape(select) &&
    select.limitCount === undefined &&
    select.limitOffset === undefined
  )
}

export function isNoSetOperation(select: SelectStmt): boolean {
  return select.op === undefined || select.op === 'SETOP_NONE'
}

/** Neither grouping nor order, windows, DISTINCT, locks or WITH. */
export function hasNoShape(select: SelectStmt): boolean {
  return (
    select.groupClause === undefined &&
    select.havingClause === undefined &&
    select.sortClause === undefined &&
    select.distinctClause === undefined &&
    select.windowClause === undefined &&
    select.lockingClause === undefined &&
    select.intoClause === undefined &&
    select.withClause === undefined
  )
}
