import {
  relationKey,
  type Collation,
  type Column,
  type ForeignKey,
  type Relation,
  type RelationKind,
  type TablePlacement,
} from '../statement/catalog.ts'
import { keyTypeOf } from './key-types.ts'
import type { CollationRow, ShardCatalog } from './shard-catalog.ts'
import type { KeyspaceExpectation, TableRule } from './table-rules.ts'

const kinds: Readonly<Record<string, RelationKind>> = {
  r: 'table',
  p: 'partitioned',
  v: 'view',
  m: 'materialized-view',
  f: 'foreign',
  S: 'sequence',
}

/** The relations of one server as analysis sees them, by `schema.name`. */
export function relationsOf(catalog: ShardCatalog, keyspace: KeyspaceExpectation): ReadonlyMap<string, Relation> {
  const byOid = new Map(catalog.relations.map((row) => [row.oid, row]))
  const nameOf = (oid: number): string => {
    const row = byOid.get(oid)
    return row === undefined ? '' : relationKey(row.schema, row.name)
  }
  const columns = groupBy(catalog.columns, (row) => row.relation)
  const uniqueKeys = groupBy(catalog.uniqueKeys, (row) => row.relation)
  const foreignKeys = groupBy(catalog.foreignKeys, (row) => row.relation)
  const ruleOf = (oid: number): TableRule | undefined => {
    // A partition or child holds rows of its parent: it lives where they live.
    for (let at: number | null | undefined = oid; at !== null && at !== undefined; at = byOid.get(at)?.parent) {
      const rule = keyspace.tables.get(nameOf(at))
      if (rule !== undefined) return rule
    }
    return undefined
  }
  const isSharded = keyspace.shards.length > 1
  const readsShardedRows = (view: number, seen = new Set<number>()): boolean => {
    if (seen.has(view)) return false
    seen.add(view)
    return catalog.viewReads.some(
      (row) =>
        row.view === view && (isKeyed(ruleOf(row.reads)) || readsShardedRows(row.reads, seen)),
    )
  }

  return new Map(
    catalog.relations.map((row) => {
      const key = relationKey(row.schema, row.name)
      const own = columns.get(row.oid) ?? []
      const relation: Relation = {
        schema: row.schema,
        name: row.name,
        kind: kinds[row.kind] ?? 'table',
        keyspace: keyspace.name,
        columns: own.map((column) => columnOf(column, catalog.settings.collation)),
        placement:
          isSharded && row.kind === 'm' && readsShardedRows(row.oid)
            ? { strategy: 'per-shard', why: 'a materialized view over sharded tables holds other rows on every shard' }
            : placementOf(ruleOf(row.oid), own),
        ...(row.viewText === null ? {} : { viewText: row.viewText }),
        uniqueKeys: (uniqueKeys.get(row.oid) ?? []).map((unique) => unique.columns),
        foreignKeys: (foreignKeys.get(row.oid) ?? []).flatMap((foreign): ForeignKey[] => {
          const target = byOid.get(foreign.target)
          return target === undefined
            ? []
            : [
                {
                  name: foreign.name,
                  columns: foreign.columns,
                  target: { schema: target.schema, name: target.name, columns: foreign.targetColumns },
                },
              ]
        }),
        hasTriggers: row.hasTriggers,
      }
      return [key, relation]
    }),
  )
}

function isKeyed(rule: TableRule | undefined): boolean {
  return rule !== undefined && rule.strategy !== 'reference' && rule.strategy !== 'unsharded'
}

function placementOf(
  rule: TableRule | undefined,
  columns: readonly { readonly name: string; readonly type: string }[],
): TablePlacement {
  if (rule === undefined || rule.strategy === 'unsharded') return { strategy: 'unsharded' }
  if (rule.strategy === 'reference') return { strategy: 'reference' }
  const type = columns.find((column) => column.name === rule.column)?.type
  const keyType = type === undefined ? undefined : keyTypeOf(type)
  // Reported as a mismatch by `verifyCatalogs`; the relation is of no use then.
  if (keyType === undefined) return { strategy: 'per-shard', why: `it has no usable shard key "${rule.column}"` }
  return {
    strategy: rule.strategy,
    group: rule.group,
    keyColumn: rule.column,
    keyType,
    isGuarded: rule.isGuarded,
    ...(rule.every === undefined ? {} : { every: rule.every }),
  }
}

function columnOf(row: ShardCatalog['columns'][number], database: CollationRow): Column {
  return {
    name: row.name,
    type: row.type,
    notNull: row.notNull,
    ...(row.collation === null ? {} : { collation: collationOf(row.collation, database) }),
    hasDefault: row.hasDefault,
    ...(row.defaultText === null ? {} : { defaultText: row.defaultText }),
    isGenerated: row.isGenerated,
  }
}

/** Locales whose order is that of code points, which JavaScript can reproduce. */
const codePointLocales: ReadonlySet<string> = new Set(['C', 'POSIX', 'C.UTF-8', 'C.utf8', 'PG_C_UTF8'])

export function collationOf(row: CollationRow, database: CollationRow): Collation {
  // The collation named "default" is the database's own.
  const { provider, locale } = row.provider === 'd' ? database : row
  return {
    name: row.name,
    isCodePoint: provider !== 'i' && (codePointLocales.has(locale ?? '') || row.name === 'ucs_basic'),
    isDeterministic: row.isDeterministic,
  }
}

function groupBy<T>(rows: readonly T[], key: (row: T) => number): ReadonlyMap<number, readonly T[]> {
  const groups = new Map<number, T[]>()
  for (const row of rows) {
    const group = groups.get(key(row))
    if (group === undefined) groups.set(key(row), [row])
    else group.push(row)
  }
  return groups
}
