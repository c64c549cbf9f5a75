import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely'
import type { KyselyPlugin, OperationNode } from 'kysely'
import { ConfigError, type TableDescription } from '@shardline/core'

/** The descriptions under the names that PostgreSQL knows, as `defineCluster` would have them. */
export function inSqlNames(
  tables: Readonly<Record<string, TableDescription | undefined>>,
  plugins: readonly KyselyPlugin[],
): Record<string, TableDescription> {
  const described: Record<string, TableDescription> = {}
  for (const [name, description] of Object.entries(tables)) {
    if (description === undefined) continue
    const { table } = sqlNames(name, undefined, plugins)
    if (Object.hasOwn(described, table)) {
      throw new ConfigError('CONFIG_CONFLICT', `tables["${name}"]: table ${table} is described twice.`)
    }
    described[table] = withColumns(description, (column) => sqlNames(name, column, plugins).column ?? column)
  }
  return described
}

/** The description with each of its columns renamed. */
function withColumns(description: TableDescription, rename: (column: string) => string): TableDescription {
  if (!('column' in description)) return description
  const renamed = { ...description, column: rename(description.column) }
  return 'routable' in renamed && renamed.routable !== undefined
    ? { ...renamed, routable: renamed.routable.map(rename) }
    : renamed
}

/** A table and one of its columns as they are called in PostgreSQL. */
interface SqlNames {
  /** `table` or `schema.table`. */
  readonly table: string
  readonly column: string | undefined
}

type AnyTables = Record<string, Record<string, unknown>>

/**
 * What the plugins that rename identifiers make of a table and a column of `DB`: found by showing them a query
 * that names both, so that whatever options they have are kept.
 */
function sqlNames(table: string, column: string | undefined, plugins: readonly KyselyPlugin[]): SqlNames {
  const db = new Kysely<AnyTables>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
    plugins: [...plugins],
  })
  const from = db.selectFrom(table)
  const query = (column === undefined ? from.selectAll() : from.select(column)).toOperationNode()
  const schemable = child(child(query.from?.froms[0], 'table'), undefined)
  const tableName = nameOf(child(schemable, 'identifier'))
  if (tableName === undefined) throw unreadable(table)
  const schemaName = nameOf(child(schemable, 'schema'))
  const renamed = { table: schemaName === undefined ? tableName : `${schemaName}.${tableName}` }
  if (column === undefined) return { ...renamed, column: undefined }
  const columnName = nameOf(child(child(child(query.selections?.[0], 'selection'), 'column'), 'column'))
  if (columnName === undefined) throw unreadable(`${table}.${column}`)
  return { ...renamed, column: columnName }
}

function child(node: OperationNode | undefined, slot: string | undefined): OperationNode | undefined {
  if (node === undefined || slot === undefined) return node
  return (node as unknown as Record<string, OperationNode | undefined>)[slot]
}

function nameOf(node: OperationNode | undefined): string | undefined {
  return node?.kind === 'IdentifierNode' ? (node as unknown as { readonly name: string }).name : undefined
}

function unreadable(name: string): ConfigError {
  return new ConfigError(
    'CONFIG_INVALID',
    `tables["${name}"]: the plugins given in \`plugins\` turn this name into something that is not a name. List only plugins that rename, such as CamelCasePlugin.`,
  )
}
