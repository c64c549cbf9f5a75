import type { SelectStmt } from 'libpg-query'
import { findRelation } from '../catalog.ts'
import { bodyAs, relationOf, type Node } from '../tree.ts'
import type { Analysis } from './analysis.ts'

/** Notes the reference tables among the tables that FOR UPDATE or FOR SHARE locks. */
export function lockReferences(analysis: Analysis, select: SelectStmt): void {
  const clauses = (select.lockingClause ?? []).map((node) => bodyAs(node, 'LockingClause') ?? {})
  const isAll = clauses.some((clause) => clause.lockedRels === undefined)
  const named = new Set(
    clauses.flatMap((clause) => (clause.lockedRels ?? []).map((node) => bodyAs(node, 'RangeVar')?.relname)),
  )
  for (const node of select.fromClause ?? []) visit(node)

  function visit(node: Node | undefined): void {
    const join = bodyAs(node, 'JoinExpr')
    if (join !== undefined) {
      visit(join.larg)
      visit(join.rarg)
      return
    }
    const range = bodyAs(node, 'RangeVar')
    if (range === undefined || !(isAll || named.has(range.alias?.aliasname ?? range.relname))) return
    const { schema, name } = relationOf(range)
    const relation = findRelation(analysis.catalog, schema, name)
    if (relation?.placement.strategy === 'reference') analysis.referenceLocks.push(relation.name)
  }
}

/**
 * Rows of a reference table are locked where all its lockers meet, on the home shard; a write to it passes there,
 * too. Together with rows of another shard no lock would keep others out.
 */
export function placeReferenceLocks(analysis: Analysis): void {
  const [table] = analysis.referenceLocks
  if (table === undefined) return
  if (analysis.sources.some((source) => source.placement !== undefined)) {
    analysis.refuse(
      'UNSUPPORTED_STATEMENT',
      `locked rows of the reference table ${table} together with a sharded table`,
      `The statement locks rows of the reference table "${table}" on the shard of its other tables, where no lock on another shard would meet it. Name the tables to lock with FOR UPDATE OF, or lock "${table}" in a statement of its own.`,
    )
    return
  }
  for (const name of analysis.referenceLocks) if (!analysis.homes.has(name)) analysis.homes.set(name, 'read')
}
