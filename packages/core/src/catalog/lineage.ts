import { relationKey } from '../statement/catalog.ts'
import type { RelationRow, ShardCatalog } from './shard-catalog.ts'
import type { KeyspaceExpectation, TableRule } from './table-rules.ts'

/** What relations owe to the ones they are made from: children to their parents, views to what they read. */
export interface Lineage {
  nameOf(oid: number): string
  /** The table's own rule, or that of the nearest table whose rows it holds. */
  ruleOf(oid: number): TableRule | undefined
  /** Tables that a view reads in the end, through other views. */
  sourcesOf(view: number): readonly RelationRow[]
  /** True when writing to the table can run hidden SQL, on itself or on a partition or child. */
  hasTriggers(oid: number): boolean
  /** True for a table with partitions or inheriting tables. */
  hasChildren(oid: number): boolean
}

export function lineageOf(catalog: ShardCatalog, keyspace: KeyspaceExpectation): Lineage {
  const byOid = new Map(catalog.relations.map((row) => [row.oid, row]))
  const readBy = groupBy(catalog.viewReads, (row) => row.view)
  const children = groupBy(
    catalog.relations.flatMap((row) => row.parents.map((parent) => ({ parent, child: row }))),
    (row) => row.parent,
  )
  const nameOf = (oid: number): string => {
    const row = byOid.get(oid)
    return row === undefined ? '' : relationKey(row.schema, row.name)
  }
  const ruleOf = (oid: number): TableRule | undefined => {
    const own = keyspace.tables.get(nameOf(oid))
    if (own !== undefined) return own
    for (const parent of byOid.get(oid)?.parents ?? []) {
      const rule = ruleOf(parent)
      if (rule !== undefined) return rule
    }
    return undefined
  }
  const sourcesOf = (view: number): readonly RelationRow[] => {
    const seen = new Set<number>()
    const visit = (oid: number): RelationRow[] =>
      (readBy.get(oid) ?? []).flatMap(({ reads }) => {
        const row = byOid.get(reads)
        if (row === undefined || seen.has(reads)) return []
        seen.add(reads)
        return row.kind === 'v' || row.kind === 'm' ? visit(reads) : [row]
      })
    return visit(view)
  }
  const hasTriggers = (oid: number): boolean =>
    byOid.get(oid)?.hasTriggers === true ||
    (children.get(oid) ?? []).some(({ child }) => hasTriggers(child.oid))
  return { nameOf, ruleOf, sourcesOf, hasTriggers, hasChildren: (oid) => children.has(oid) }
}

export function isKeyedRule(
  rule: TableRule | undefined,
): rule is Exclude<TableRule, { strategy: 'reference' | 'unsharded' }> {
  return rule !== undefined && rule.strategy !== 'reference' && rule.strategy !== 'unsharded'
}

export function groupBy<T>(rows: readonly T[], key: (row: T) => number): ReadonlyMap<number, readonly T[]> {
  const groups = new Map<number, T[]>()
  for (const row of rows) {
    const group = groups.get(key(row))
    if (group === undefined) groups.set(key(row), [row])
    else group.push(row)
  }
  return groups
}
