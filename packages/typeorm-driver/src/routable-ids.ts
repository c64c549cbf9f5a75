import type { DataSource, QueryRunner, Table } from 'typeorm'
import { ConfigError, routableConstraint } from '@shardline/core'
import type { AnnotatedColumn, AnnotatedEntity, ColumnMetadata } from './annotated-columns.ts'

/** @throws ConfigError CONFIG_INVALID for a column that cannot hold routable ids, or that something else fills. */
export function refuseOtherIds(dataSource: DataSource, id: AnnotatedColumn, key: ColumnMetadata): void {
  const { name, column } = id
  const type = dataSource.driver.normalizeType(column)
  if (column === key) throw invalid(`${name} is the shard key, which needs no bucket in it. Remove @RoutableId().`) // prettier-ignore
  if (type !== 'bigint' && type !== 'uuid') {
    throw invalid(`${name} is of type ${type || 'unknown'}, and routable ids have 63 bits or are uuids. Declare the column with { type: 'bigint' } (a string in JavaScript) or { type: 'uuid' }.`) // prettier-ignore
  }
  if (column.isNullable)
    throw invalid(`${name} is nullable, and a routable id is not. Declare the column NOT NULL.`)
  if (column.isGenerated || (column.default !== undefined && column.default !== null)) {
    throw invalid(`${name} is generated otherwise (${column.generationStrategy ?? 'default'}), so its values would not carry the bucket. Use @PrimaryColumn({ type: '${type}' }): the ids are made by the trigger that router.install() puts there.`) // prettier-ignore
  }
}

/** Lets TypeORM ask for the ids that the database makes, as it asks for columns with a default. */
export function returnRoutableIds({ metadata, routable }: AnnotatedEntity): void {
  const own = metadata.getInsertionReturningColumns.bind(metadata)
  const ids = routable.map(({ column }) => column)
  metadata.getInsertionReturningColumns = () => [...new Set([...ids, ...own()])]
}

/**
 * Keeps the CHECK constraints of routable ids from a schema builder, which drops what no entity declares. It may not
 * make them, either: that is for `router.install()`, which makes what they need first.
 */
export function hideRoutableChecks(runner: QueryRunner): void {
  const own = runner.getTables.bind(runner)
  runner.getTables = async (paths?: string[]): Promise<Table[]> => {
    const tables = await own(paths)
    for (const table of tables) {
      const name = table.name.split('.').at(-1) ?? ''
      const routable = new Set(table.columns.map((column) => routableConstraint(name, column.name)))
      table.checks = table.checks.filter((check) => check.name === undefined || !routable.has(check.name))
    }
    return tables
  }
}

function invalid(message: string): ConfigError {
  return new ConfigError('CONFIG_INVALID', message)
}
