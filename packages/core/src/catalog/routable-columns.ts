import {
  commonFunctions,
  constraintName,
  constraintSql,
  fillFunction,
  type IdFunction,
  type RoutableTable,
} from '../sharding/routable-sql.ts'
import type { ShardMap } from '../sharding/shard-map.ts'
import {
  relationKey,
  type Catalog,
  type KeyedPlacement,
  type Relation,
  type RoutableColumn,
} from '../statement/catalog.ts'
import type { CatalogNotice } from './notices.ts'
import { isSameCondition } from './same-condition.ts'
import type { IdCheckRow, ShardCatalog } from './shard-catalog.ts'
import type { KeyspaceExpectation } from './table-rules.ts'

/** A table that is described with routable columns, and what it takes to have them. */
export interface DescribedRoutable {
  readonly keyspace: string
  readonly shards: readonly string[]
  readonly placement: KeyedPlacement
  readonly table: RoutableTable
  /** Columns that cannot be routable as they are, and why. */
  readonly problems: readonly string[]
}

type IdColumn = RoutableTable['columns'][number]

/** The tables with routable columns that the shards have, with the formats of their ids. */
export function describedRoutable(
  catalog: Catalog,
  keyspaces: readonly KeyspaceExpectation[],
): readonly DescribedRoutable[] {
  return keyspaces.flatMap(({ name: keyspace, shards, tables }) =>
    [...tables].flatMap(([name, rule]) => {
      const relation = catalog.relations.get(name)
      const routable = 'routable' in rule ? (rule.routable ?? []) : []
      if (relation === undefined || routable.length === 0 || !('keyColumn' in relation.placement)) return []
      const columns: IdColumn[] = []
      const problems: string[] = []
      for (const column of routable) {
        const format = formatOf(relation, column)
        if (format === 'int8' || format === 'uuid') columns.push({ name: column, format })
        else problems.push(`the routable column "${column}" of "${name}" ${format.problem}`)
      }
      const { schema, name: table, placement } = relation
      return [{ keyspace, shards, placement, table: { schema, name: table, columns }, problems }]
    }),
  )
}

function formatOf(relation: Relation, name: string): RoutableColumn['format'] | { readonly problem: string } {
  const column = relation.columns.find((each) => each.name === name)
  if (column === undefined) return { problem: 'does not exist' }
  if (column.type !== 'bigint' && column.type !== 'uuid')
    return { problem: `has type ${column.type}; a routable id is a bigint or a uuid` }
  if (!column.notNull) return { problem: 'may be NULL; declare it NOT NULL' }
  if (column.isGenerated) return { problem: 'is generated; it must be a column that is written' }
  if (column.hasDefault) {
    return column.defaultText === undefined
      ? { problem: 'is an identity column, whose ids would not carry the bucket; drop the identity' }
      : { problem: 'has a default, whose ids would not carry the bucket; drop the default' }
  }
  return column.type === 'bigint' ? 'int8' : 'uuid'
}

/**
 * The catalog with the columns that are routable in fact: their constraint is on every shard as `install` writes it and
 * validated, or a validated foreign key leads to such a column. What is missing is told, and proves nothing.
 */
export function proveRoutable(
  catalog: Catalog,
  described: readonly DescribedRoutable[],
  perShard: ReadonlyMap<string, ShardCatalog>,
  maps: ReadonlyMap<string, ShardMap>,
): { readonly catalog: Catalog; readonly notices: readonly CatalogNotice[] } {
  if (described.length === 0) return { catalog, notices: [] }
  const relations = new Map(catalog.relations)
  const notices: CatalogNotice[] = []
  for (const each of described) {
    const name = relationKey(each.table.schema, each.table.name)
    const tell = (message: string): void =>
      void notices.push({ kind: 'routable-not-installed', table: name, message })
    for (const problem of each.problems) tell(`${capital(problem)}; until then it proves nothing.`)
    const map = maps.get(each.placement.group)
    const servers = each.shards.map((shard) => [shard, perShard.get(shard)] as const)
    const missing = new Map<string, string[]>()
    const note = (what: string | undefined, shard: string): void => {
      if (what !== undefined) missing.set(what, [...(missing.get(what) ?? []), shard])
    }
    for (const [shard, server] of servers) {
      for (const column of each.table.columns) note(missingProof(server, each, column, map), shard)
      note(missingFilling(server, each, map), shard)
    }
    for (const [what, shards] of missing) {
      tell(
        `"${name}" is described with routable ids, but ${what} on ${shards.map((shard) => `"${shard}"`).join(', ')}. Run router.install().`,
      )
    }
    if (map === undefined) continue
    const family = [name, ...partitionsOf(name, perShard)]
    for (const member of family) {
      const relation = relations.get(member)
      const proved = each.table.columns.filter((column) =>
        servers.every(([, server]) => hasCheck(server, member, conditionOf(each, column, map))),
      )
      if (relation === undefined || proved.length === 0) continue
      const routable = new Map(proved.map(({ name: column, format }) => [column, { format }]))
      relations.set(member, { ...relation, routable })
    }
  }
  followForeignKeys(relations)
  return { catalog: { ...catalog, relations }, notices }
}

/** Why a server does not prove the column; undefined when it does. */
export function missingProof(
  server: ShardCatalog | undefined,
  each: DescribedRoutable,
  column: IdColumn,
  map: ShardMap | undefined,
): string | undefined {
  if (server === undefined || map === undefined) return 'its catalog was not read'
  const name = relationKey(each.table.schema, each.table.name)
  const condition = conditionOf(each, column, map)
  if (hasCheck(server, name, condition)) return undefined
  const constraint = constraintName(each.table.name, column.name)
  const own = checksOf(server, name).filter((check) => check.name === constraint)
  if (own.length === 0) return `the constraint "${constraint}" is missing`
  return own.some((check) => isSameCondition(check.condition, condition))
    ? `the constraint "${constraint}" is not validated`
    : `the constraint "${constraint}" is not that of this cluster description`
}

/** Why ids that are left out are not filled as they should be; undefined when they are. */
export function missingFilling(
  server: ShardCatalog | undefined,
  { placement, table }: DescribedRoutable,
  map: ShardMap | undefined,
): string | undefined {
  if (server === undefined || map === undefined || table.columns.length === 0) return undefined
  const relation = server.relations.find(({ schema, name }) => schema === table.schema && name === table.name)
  const fill = fillFunction(table, placement, map)
  const isFilled = server.idTriggers.some(
    (each) => each.relation === relation?.oid && each.function === fill.name,
  )
  if (!isFilled) return 'the trigger that fills ids is missing or disabled'
  const has = (wanted: IdFunction): boolean =>
    server.idFunctions.some(
      ({ name, types, body }) => name === wanted.name && types === typesOf(wanted) && body === wanted.body,
    )
  return [fill, ...commonFunctions].every(has)
    ? undefined
    : 'the functions that make ids are not those of this cluster description'
}

function conditionOf({ placement }: DescribedRoutable, column: IdColumn, map: ShardMap): string {
  return constraintSql(placement, column, map)
}

function checksOf(server: ShardCatalog, table: string): readonly IdCheckRow[] {
  const relation = server.relations.find(({ schema, name }) => relationKey(schema, name) === table)
  return relation === undefined ? [] : server.idChecks.filter((check) => check.relation === relation.oid)
}

function hasCheck(server: ShardCatalog | undefined, table: string, condition: string): boolean {
  return (
    server !== undefined &&
    checksOf(server, table).some((check) => check.isValidated && isSameCondition(check.condition, condition))
  )
}

/** Partitions and children, whose rows are the table's as well. */
function partitionsOf(table: string, perShard: ReadonlyMap<string, ShardCatalog>): ReadonlySet<string> {
  const found = new Set<string>()
  for (const { relations } of perShard.values()) {
    const add = (parent: number): void => {
      for (const { oid, schema, name, parents } of relations) {
        if (!parents.includes(parent)) continue
        found.add(relationKey(schema, name))
        add(oid)
      }
    }
    for (const { oid, schema, name } of relations) if (relationKey(schema, name) === table) add(oid)
  }
  return found
}

/** `count bigint` is shown as `bigint`. */
function typesOf({ arguments: list }: IdFunction): string {
  return list
    .split(', ')
    .map((each) => each.split(' ').at(-1))
    .join(', ')
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/**
 * A row that refers to a routable id lies where that id's row lies: one server enforces the key. Of a key of several
 * columns the others must be NOT NULL, because a NULL in any of them lifts it.
 */
function followForeignKeys(relations: Map<string, Relation>): void {
  for (let isNew = true; isNew;) {
    isNew = false
    for (const [name, relation] of relations) {
      for (const { name: key, columns, target } of relation.foreignKeys) {
        const other = relations.get(relationKey(target.schema, target.name))
        for (const [index, column] of columns.entries()) {
          const current = relations.get(name) ?? relation
          const format = other?.routable?.get(target.columns[index] ?? '')?.format
          if (format === undefined || current.routable?.has(column) === true) continue
          if (!isSameGroup(relation, other)) continue
          if (!columns.every((each) => each === column || isNotNull(relation, each))) continue
          const routable = new Map([...(current.routable ?? []), [column, { format, via: key }]])
          relations.set(name, { ...current, routable })
          isNew = true
        }
      }
    }
  }
}

function isSameGroup(a: Relation, b: Relation | undefined): boolean {
  return (
    'group' in a.placement &&
    b !== undefined &&
    'group' in b.placement &&
    a.placement.group === b.placement.group &&
    a.keyspace === b.keyspace
  )
}

function isNotNull({ columns }: Relation, name: string): boolean {
  return columns.find((column) => column.name === name)?.notNull === true
}
