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
import { groupBy, isKeyedRule, lineageOf, type Lineage } from './lineage.ts'
import type { CollationRow, ColumnRow, ShardCatalog } from './shard-catalog.ts'
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
export function relationsOf(
  catalog: ShardCatalog,
  keyspace: KeyspaceExpectation,
): ReadonlyMap<string, Relation> {
  const lineage = lineageOf(catalog, keyspace)
  const byOid = new Map(catalog.relations.map((row) => [row.oid, row]))
  const columns = groupBy(catalog.columns, (row) => row.relation)
  const uniqueKeys = groupBy(catalog.uniqueKeys, (row) => row.relation)
  const foreignKeys = groupBy(catalog.foreignKeys, (row) => row.relation)
  return new Map(
    catalog.relations.map((row) => {
      const own = columns.get(row.oid) ?? []
      const relation: Relation = {
        schema: row.schema,
        name: row.name,
        kind: kinds[row.kind] ?? 'table',
        keyspace: keyspace.name,
        columns: own.map((column) => columnOf(column, catalog.settings.collation)),
        placement:
          keyspace.shards.length > 1 && row.kind === 'm' && isSpread(row.oid, lineage)
            ? {
                strategy: 'per-shard',
                why: 'a materialized view over sharded tables holds other rows on every shard',
              }
            : placementOf(lineage.ruleOf(row.oid), own),
        ...(row.viewText === null ? {} : { viewText: row.viewText }),
        uniqueKeys: (uniqueKeys.get(row.oid) ?? []).map((unique) => unique.columns),
        uniqueConstraints: new Map(
          (uniqueKeys.get(row.oid) ?? []).map((unique) => [unique.name, unique.columns]),
        ),
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
        hasTriggers: lineage.hasTriggers(row.oid),
        ...(lineage.hasChildren(row.oid) ? { hasChildren: true } : {}),
        ...(row.isUnlogged ? { isUnlogged: true } : {}),
      }
      return [relationKey(row.schema, row.name), relation]
    }),
  )
}

/** Views that only the home shard's rows matter to, so that other shards may have them otherwise or not at all. */
export function homeViewsOf(catalog: ShardCatalog, keyspace: KeyspaceExpectation): ReadonlySet<string> {
  const lineage = lineageOf(catalog, keyspace)
  return new Set(
    catalog.relations
      .filter(({ kind }) => kind === 'v')
      .filter(({ oid }) => {
        const rules = lineage.sourcesOf(oid).map((source) => lineage.ruleOf(source.oid))
        return rules.length > 0 && rules.every((rule) => rule === undefined || rule.strategy === 'unsharded')
      })
      .map(({ oid }) => lineage.nameOf(oid)),
  )
}

function isSpread(view: number, lineage: Lineage): boolean {
  return (
    lineage.ruleOf(view) === undefined &&
    lineage.sourcesOf(view).some(({ oid }) => isKeyedRule(lineage.ruleOf(oid)))
  )
}

function placementOf(rule: TableRule | undefined, columns: readonly ColumnRow[]): TablePlacement {
  if (rule === undefined || rule.strategy === 'unsharded') return { strategy: 'unsharded' }
  if (rule.strategy === 'reference') return { strategy: 'reference' }
  const column = columns.find(({ name }) => name === rule.column)
  const keyType = column === undefined ? undefined : keyTypeOf(column.type)
  // Reported as a mismatch by `verifyCatalogs`; the relation is of no use then.
  if (column === undefined || keyType === undefined) {
    return { strategy: 'per-shard', why: `it has no usable shard key "${rule.column}"` }
  }
  const keyLength = keyType === 'varchar' ? lengthOf(column) : undefined
  return {
    strategy: rule.strategy,
    group: rule.group,
    keyColumn: rule.column,
    keyType,
    isGuarded: rule.isGuarded,
    ...(keyLength === undefined ? {} : { keyLength }),
    ...(rule.every === undefined ? {} : { every: rule.every }),
  }
}

/** The n of varchar(n): its modifier counts four bytes of header. */
function lengthOf({ modifier }: ColumnRow): number | undefined {
  return modifier < 0 ? undefined : modifier - 4
}

function columnOf(row: ColumnRow, database: CollationRow): Column {
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
const codePointLocales: ReadonlySet<string> = new Set([
  'C',
  'POSIX',
  'C.UTF-8',
  'C.UTF8',
  'C.utf8',
  'PG_UNICODE_FAST',
])

export function collationOf(row: CollationRow, database: CollationRow): Collation {
  // The collation named "default" is the database's own.
  const { provider, locale } = row.provider === 'd' ? database : row
  return {
    name: row.name,
    ...(row.schema === null || row.schema === undefined ? {} : { schema: row.schema }),
    isCodePoint: provider !== 'i' && (codePointLocales.has(locale ?? '') || row.name === 'ucs_basic'),
    isDeterministic: row.isDeterministic,
  }
}
