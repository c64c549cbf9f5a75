import { getTableColumns, is, sql, type AnyColumn, type SQL } from 'drizzle-orm'
import { PgTable, getTableConfig } from 'drizzle-orm/pg-core'
import { ConfigError, type Router, type TableDescription } from '@shardline/core'
import { annotatedTables, modelOf } from './sharded.ts'
import type { TableModel } from './table-model.ts'

/** The part of a database that tells how Drizzle writes a name. */
interface NameWriter {
  execute(query: SQL): { getQuery(): { readonly sql: string } }
}

export interface ModelSource {
  /** The objects with tables among their values: a schema, or what relations were defined over. */
  readonly schemas: readonly Readonly<Record<string, unknown>>[]
  /** Models by the keys of those objects. */
  readonly models: Readonly<Record<string, TableModel | undefined>>
}

/** Tells the router of every table that `sharded` or the map describes, under the names that PostgreSQL knows. */
export function describeTables(router: Router, db: NameWriter, source: ModelSource): void {
  const tables = new Map<string, PgTable>()
  for (const schema of source.schemas) {
    for (const [key, value] of Object.entries(schema)) if (is(value, PgTable)) tables.set(key, value)
  }
  const described: Record<string, TableDescription> = {}
  const add = (table: PgTable, model: TableModel, where: string): void => {
    const name = sqlNameOf(table)
    const description = inSqlNames(db, { table, name, where }, model)
    const known = described[name]
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(description)) {
      throw new ConfigError('CONFIG_CONFLICT', `${where}: table ${name} is described twice, and differently.`)
    }
    described[name] = description
  }
  for (const [key, table] of tables) {
    const model = modelOf(table)
    if (model !== undefined) add(table, model, `sharded(${key})`)
  }
  for (const [key, model] of Object.entries(source.models)) {
    if (model === undefined) continue
    const table = tables.get(key)
    if (table === undefined) {
      throw new ConfigError(
        'CONFIG_INVALID',
        `tables["${key}"]: there is no table "${key}" in the schema that was given.`,
      )
    }
    add(table, model, `tables["${key}"]`)
  }
  if (Object.keys(described).length > 0) router.describeTables(described)
}

/** @throws ConfigError CONFIG_INVALID: rows of a table that is said to be sharded would all go to the home shard. */
export function refuseForgottenTables(): void {
  const names = [...annotatedTables()].map(sqlNameOf)
  if (names.length === 0) return
  throw new ConfigError(
    'CONFIG_INVALID',
    `drizzle(router) was given no tables, while sharded() has described ${names.sort().join(', ')}. Hand them over: drizzle(router, { schema }) or { relations }; \`schema: {}\` says that none of them is in this cluster.`,
    { details: { tables: names } },
  )
}

interface Described {
  readonly table: PgTable
  readonly name: string
  readonly where: string
}

function inSqlNames(db: NameWriter, described: Described, model: TableModel): TableDescription {
  if (model.strategy === 'reference' || model.strategy === 'unsharded') return model
  const column = columnName(db, described, model.column)
  if (model.strategy === 'time') return { ...model, column }
  const { routable, ...rest } = model
  if (routable === undefined) return { ...rest, column }
  return { ...rest, column, routable: routable.map((id) => columnName(db, described, id, isExactId)) }
}

function columnName(
  db: NameWriter,
  { table, name, where }: Described,
  column: unknown,
  isFit: (column: AnyColumn) => boolean = () => true,
): string {
  const columns: Readonly<Record<string, AnyColumn>> = getTableColumns(table)
  const found =
    typeof column === 'string'
      ? columns[column]
      : Object.values(columns).find((candidate) => candidate === column)
  if (found === undefined) {
    throw new ConfigError(
      'CONFIG_INVALID',
      `${where}: ${typeof column === 'string' ? `"${column}"` : 'the column'} is no column of table ${name}.`,
    )
  }
  if (!isFit(found)) {
    throw new ConfigError(
      'CONFIG_INVALID',
      `${where}: column ${found.name} of table ${name} reads ids as numbers, and routable ids have 63 bits. Declare it with mode: 'bigint'.`,
    )
  }
  return writtenName(db, found)
}

function isExactId({ dataType }: AnyColumn): boolean {
  return !dataType.startsWith('number')
}

/** `schema.table`, or the table alone in the default schema. */
function sqlNameOf(table: PgTable): string {
  const { schema, name } = getTableConfig(table)
  return schema === undefined ? name : `${schema}.${name}`
}

/** The name as this database would write it: columns without one get theirs from the key, by the casing. */
function writtenName(db: NameWriter, column: AnyColumn): string {
  const text = db.execute(sql`select ${column}`).getQuery().sql
  const [, name] = /"((?:[^"]|"")*)"$/.exec(text) ?? []
  if (name === undefined) {
    throw new ConfigError('DEPENDENCY_UNSUPPORTED', `drizzle-orm wrote no name for column "${column.name}".`)
  }
  return name.replaceAll('""', '"')
}
