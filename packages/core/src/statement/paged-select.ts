import type { SelectStmt } from 'libpg-query'
import { hasNoShape, isNoSetOperation } from './counted-select.ts'
import { bodyAs, columnOf, constantOf, type Node } from './tree.ts'

/** A page of one table's rows, to each of which joins add at most one row. */
export interface PagedSelect {
  /** The query with the LIMIT. */
  readonly page: SelectStmt
  /** The subqueries that are joined to it. */
  readonly joined: readonly SelectStmt[]
}

/**
 * `SELECT … FROM (SELECT t.* FROM t ORDER BY … LIMIT n OFFSET m) t LEFT JOIN LATERAL (…) ON true … ORDER BY …`, by which
 * ORMs read a page with its relations. Undefined for every other shape, and where the two orders are not one.
 */
export function pagedSelect(select: SelectStmt): PagedSelect | undefined {
  const { sortClause: order = [], ...rest } = select
  const [only, ...others] = select.fromClause ?? []
  const isBare =
    isNoSetOperation(select) &&
    hasNoShape(rest) &&
    select.whereClause === undefined &&
    select.limitCount === undefined &&
    select.limitOffset === undefined
  if (!isBare || only === undefined || others.length > 0) return undefined
  const joined: SelectStmt[] = []
  let item: Node = only
  for (let join = bodyAs(item, 'JoinExpr'); join !== undefined; join = bodyAs(item, 'JoinExpr')) {
    const right = bodyAs(join.rarg, 'RangeSubselect')
    const query = bodyAs(right?.subquery, 'SelectStmt')
    const condition = constantOf(join.quals)
    const isAlways = condition?.kind === 'boolean' && condition.value
    if (join.jointype !== 'JOIN_LEFT' || !isAlways || query === undefined || join.larg === undefined)
      return undefined
    joined.push(query)
    item = join.larg
  }
  const range = bodyAs(item, 'RangeSubselect')
  const page = bodyAs(range?.subquery, 'SelectStmt')
  const alias = range?.alias?.aliasname
  if (joined.length === 0 || page === undefined || alias === undefined || !isPageOfTable(page))
    return undefined
  return isSameOrder(order, page.sortClause ?? [], alias) ? { page, joined } : undefined
}

/** `SELECT t.* FROM t … ORDER BY … LIMIT …`: its columns are the table's. */
function isPageOfTable(page: SelectStmt): boolean {
  const { sortClause: _, ...rest } = page
  const [only, ...others] = page.fromClause ?? []
  const [target, ...more] = page.targetList ?? []
  return (
    isNoSetOperation(page) &&
    hasNoShape(rest) &&
    page.valuesLists === undefined &&
    page.limitOption !== 'LIMIT_OPTION_WITH_TIES' &&
    (page.limitCount !== undefined || page.limitOffset !== undefined) &&
    others.length === 0 &&
    more.length === 0 &&
    bodyAs(only, 'RangeVar')?.alias?.colnames === undefined &&
    bodyAs(only, 'RangeVar') !== undefined &&
    columnOf(bodyAs(target, 'ResTarget')?.val)?.isStar === true
  )
}

function isSameOrder(outer: readonly Node[], inner: readonly Node[], alias: string): boolean {
  return (
    outer.length === inner.length &&
    outer.every((node, index) => {
      const a = bodyAs(node, 'SortBy')
      const b = bodyAs(inner[index], 'SortBy')
      const [table, name, ...more] = columnOf(a?.node)?.parts ?? []
      const own = columnOf(b?.node)?.parts ?? []
      return (
        a !== undefined &&
        b !== undefined &&
        more.length === 0 &&
        table === alias &&
        name !== undefined &&
        own.length === 2 &&
        own[1] === name &&
        a.sortby_dir === b.sortby_dir &&
        a.sortby_nulls === b.sortby_nulls &&
        a.useOp === undefined &&
        b.useOp === undefined
      )
    })
  )
}
