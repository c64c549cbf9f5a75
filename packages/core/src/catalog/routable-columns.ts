import { ConfigError } from '../errors.ts'
import {
  checkName,
  commonFunctions,
  constraintName,
  fillFunction,
  groupFunctions,
  quote,
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
import { groupBy } from './lineage.ts'
import type { CatalogNotice } from './notices.ts'
import type { ShardCatalog } from './shard-catalog.ts'
import type { KeyspaceExpectation } from './table-rules.ts'

/** A table that is described with routable columns, and what it takes to have them. */
export interface DescribedRoutable {
  readonly keyspace: string
  readonly shards: readonly string[]
  readonly placement: KeyedPlacement
  readonly table: RoutableTable
}

/**
 * The tables with routable columns that the shards have, with the formats of their ids.
 * @throws ConfigError CONFIG_INVALID for a column that is not there, may be NULL, or is neither bigint nor uuid
 */
export function describedRoutable(
  catalog: Catalog,
  keyspaces: readonly KeyspaceExpectation[],
): readonly DescribedRoutable[] {
  return keyspaces.flatMap(({ name: keyspace, shards, tables }) =>
    [...tables].flatMap(([name, rule]) => {
      const relation = catalog.relations.get(name)
      const routable = 'routable' in rule ? (rule.routable ?? []) : []
      if (relation === undefined || routable.length === 0 || !('keyColumn' in relation.placement)) return []
      const { placement } = relation
      return [
        {
          keyspace,
          shards,
          placement,
          table: {
            schema: relation.schema,
            name: relation.name,
            keyColumn: placement.keyColumn,
            group: placement.group,
            columns: routable.map((column) => ({ name: column, format: formatOf(relation, column) })),
          },
        },
      ]
    }),
  )
}

function formatOf(relation: Relation, name: string): RoutableColumn['format'] {
  const column = relation.columns.find((each) => each.name === name)
  const table = relationKey(relation.schema, relation.name)
  const wrong = (problem: string): ConfigError =>
    new ConfigError('CONFIG_INVALID', `The routable column "${name}" of "${table}" ${problem}.`)
  if (column === undefined) throw wrong('does not exist')
  if (!column.notNull) throw wrong('may be NULL; declare it NOT NULL')
  if (column.isGenerated) throw wrong('is generated; it must be a column that is written')
  if (
    column.defaultText !== undefined &&
    column.defaultText !== 'NULL::bigint' &&
    column.defaultText !== 'NULL::uuid'
  )
    throw wrong('has a default of its own, so that ids would not carry the bucket; drop the default')
  if (column.hasDefault && column.defaultText === undefined)
    throw wrong('is an identity column, so that ids would not carry the bucket; drop the identity')
  if (column.type === 'bigint') return 'int8'
  if (column.type === 'uuid') return 'uuid'
  throw wrong(`has type ${column.type}; a routable id is a bigint or a uuid`)
}

/**
 * The catalog with the columns that are routable in fact: their constraint and its functions are on every shard as
 * `install` writes them, or a validated foreign key leads to such a column. What is missing is told, and proves nothing.
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
    const missing = new Map<string, string[]>()
    const proved = new Map<string, RoutableColumn>()
    for (const column of each.table.columns) {
      let isEverywhere = true
      for (const shard of each.shards) {
        const lacks = lacksOf(perShard.get(shard), each, column.name, maps.get(each.placement.group))
        if (lacks.proof !== undefined) isEverywhere = false
        const what = lacks.proof ?? lacks.filling
        if (what !== undefined) missing.set(what, [...(missing.get(what) ?? []), shard])
      }
      if (isEverywhere) proved.set(column.name, { format: column.format })
    }
    for (const [what, shards] of missing) {
      notices.push({
        kind: 'routable-not-installed',
        table: name,
        message: `"${name}" is described with routable ids, but ${what} on ${shards.map((shard) => `"${shard}"`).join(', ')}. Run router.install().`,
      })
    }
    const relation = relations.get(name)
    if (proved.size > 0 && relation !== undefined) relations.set(name, { ...relation, routable: proved })
  }
  inheritByPartitions(relations, perShard)
  followForeignKeys(relations)
  return { catalog: { ...catalog, relations }, notices }
}

/** What a server lacks for a column: of the proof, or only of the filling of ids that are left out. */
export function lacksOf(
  server: ShardCatalog | undefined,
  { placement, table }: DescribedRoutable,
  column: string,
  map: ShardMap | undefined,
): { readonly proof?: string; readonly filling?: string } {
  if (server === undefined || map === undefined) return { proof: 'its catalog was not read' }
  const relation = server.relations.find(({ schema, name }) => schema === table.schema && name === table.name)
  const has = (wanted: IdFunction): boolean =>
    server.idFunctions.some(
      ({ name, types, body }) => name === wanted.name && types === typesOf(wanted) && body === wanted.body,
    )
  const definitions = definitionsOf(placement, column)
  const check = server.idChecks.find(
    (each) => each.relation === relation?.oid && definitions.has(each.definition),
  )
  const constraint = constraintName(table.name, column)
  if (check === undefined) return { proof: `the constraint "${constraint}" is missing` }
  if (!check.isValidated) return { proof: `the constraint "${constraint}" is not validated` }
  const reads = commonFunctions.filter(({ isVolatile }) => !isVolatile)
  if (![...reads, ...groupFunctions(placement, map)].every(has))
    return { proof: 'the functions of its constraint are not those of this cluster description' }
  const fill = fillFunction(table)
  const isFilled = server.idTriggers.some(
    (each) => each.relation === relation?.oid && each.function === fill.name,
  )
  if (!isFilled) return { filling: 'the trigger that fills ids is missing or disabled' }
  if (![fill, ...commonFunctions].every(has))
    return { filling: 'the functions that make ids are not of this version' }
  return {}
}

/** `count bigint` is shown as `bigint`. */
function typesOf({ arguments: list }: IdFunction): string {
  return list
    .split(', ')
    .map((each) => each.split(' ').at(-1))
    .join(', ')
}

/** The spellings under which PostgreSQL prints the constraint. */
function definitionsOf(placement: KeyedPlacement, column: string): ReadonlySet<string> {
  const spell = (name: string): readonly string[] => [name, quote(name)]
  const call = `shardline.${quote(checkName(placement.group))}`
  return new Set(
    spell(column).flatMap((id) =>
      spell(placement.keyColumn).flatMap((key) =>
        [key, `(${key})::bigint`, `(${key})::text`].map((argument) => `CHECK (${call}(${id}, ${argument}))`),
      ),
    ),
  )
}

/** A partition has its parent's constraint, and its rows are the parent's. */
function inheritByPartitions(
  relations: Map<string, Relation>,
  perShard: ReadonlyMap<string, ShardCatalog>,
): void {
  for (const server of perShard.values()) {
    const byOid = new Map(server.relations.map((row) => [row.oid, row]))
    const checks = groupBy(server.idChecks, (row) => row.relation)
    const routableOf = (oid: number): Relation['routable'] => {
      const row = byOid.get(oid)
      const own = row === undefined ? undefined : relations.get(relationKey(row.schema, row.name))?.routable
      return own ?? row?.parents.map(routableOf).find((found) => found !== undefined)
    }
    for (const row of server.relations) {
      if (row.parents.length === 0) continue
      const name = relationKey(row.schema, row.name)
      const relation = relations.get(name)
      const routable = routableOf(row.oid)
      if (relation === undefined || routable === undefined || relation.routable !== undefined) continue
      const count = (checks.get(row.oid) ?? []).filter(({ isValidated }) => isValidated).length
      if (count >= routable.size) relations.set(name, { ...relation, routable })
    }
  }
}

/** A row that refers to a routable id lies where that id's row lies: one server enforces the key. */
function followForeignKeys(relations: Map<string, Relation>): void {
  for (let isNew = true; isNew;) {
    isNew = false
    for (const [name, relation] of relations) {
      const { placement } = relation
      if (!('group' in placement)) continue
      for (const { name: key, columns, target } of relation.foreignKeys) {
        const [column] = columns
        const [targetColumn] = target.columns
        const other = relations.get(relationKey(target.schema, target.name))
        if (column === undefined || columns.length !== 1 || targetColumn === undefined) continue
        if (relation.routable?.has(column) === true || other === undefined) continue
        const format = other.routable?.get(targetColumn)?.format
        if (
          format === undefined ||
          !('group' in other.placement) ||
          other.placement.group !== placement.group
        )
          continue
        const routable = new Map([...(relations.get(name)?.routable ?? []), [column, { format, via: key }]])
        relations.set(name, { ...(relations.get(name) ?? relation), routable })
        isNew = true
      }
    }
  }
}
