import type { DataSource, EntityMetadata } from 'typeorm'
import { ConfigError, reference, unsharded, type Router, type TableDescription } from '@shardline/core'
import { annotatedEntity, type AnnotatedEntity } from './annotated-columns.ts'
import { returnRoutableIds, refuseOtherIds } from './routable-ids.ts'

/** What a DataSource's entities say, made known to the router. */
export interface Described {
  /** By the names that PostgreSQL knows. */
  readonly tables: Readonly<Record<string, TableDescription>>
  readonly hasRoutableIds: boolean
}

/**
 * Tells the router of every entity that decorators or `sharded` describe, once TypeORM has built its metadata and
 * before any table is made.
 * @throws ConfigError CONFIG_INVALID naming entity and property; CONFIG_CONFLICT when the cluster says otherwise
 */
export function describeEntities(dataSource: DataSource, router: Router): Described {
  const tables: Record<string, TableDescription> = {}
  const owners = new Map<string, string>()
  let hasRoutableIds = false
  for (const metadata of dataSource.entityMetadatas) {
    const entity = annotatedEntity(dataSource, metadata)
    const description = descriptionOf(dataSource, entity)
    if (description === undefined) continue
    if (entity.routable.length > 0) {
      hasRoutableIds = true
      returnRoutableIds(entity)
    }
    const table = tableNameOf(metadata)
    const known = tables[table]
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(description)) {
      throw new ConfigError(
        'CONFIG_CONFLICT',
        `Entities ${owners.get(table)} and ${metadata.name} share table ${table}, and describe it differently. Say the same in both, or in one of them alone.`,
      )
    }
    tables[table] = description
    owners.set(table, metadata.name)
  }
  refuseKeylessJoinTables(dataSource, router, tables)
  if (Object.keys(tables).length > 0) router.describeTables(tables)
  return { tables, hasRoutableIds }
}

/** `schema.table`, or the table alone in the default schema. */
function tableNameOf({ schema, tableName }: EntityMetadata): string {
  return schema === undefined || schema === '' ? tableName : `${schema}.${tableName}`
}

function descriptionOf(dataSource: DataSource, entity: AnnotatedEntity): TableDescription | undefined {
  const { metadata, keys, routable, whole } = entity
  const [first, second] = keys
  if (first === undefined && routable.length === 0 && whole === undefined) return undefined
  if (metadata.tableType === 'view') {
    throw invalid(`${metadata.name} is a view: its rows live where those of its tables do. Annotate their entities.`) // prettier-ignore
  }
  if (whole !== undefined) {
    const other = first ?? routable[0]
    if (other !== undefined) {
      throw invalid(`${metadata.name} is a ${whole} table, which has no key, and ${other.name} is annotated as one. Remove one of them.`) // prettier-ignore
    }
    return whole === 'reference' ? reference() : unsharded()
  }
  if (first === undefined) {
    throw invalid(`${routable[0]?.name} is a routable id, and ${metadata.name} has no shard key that it could carry. Add @ShardKey.tenant() or @ShardKey.entity() to the property of the key.`) // prettier-ignore
  }
  if (second !== undefined) {
    throw invalid(`${first.name} and ${second.name} are both annotated as the shard key, and a table has one. Remove one of them.`) // prettier-ignore
  }
  const { key, column } = first
  if (column.isNullable) {
    throw invalid(`${first.name} is nullable, and a row without a shard key has no shard. Declare the column NOT NULL ({ nullable: false } on a relation).`) // prettier-ignore
  }
  const described = { ...key, column: column.databaseName }
  if (routable.length === 0) return described
  if (key.strategy === 'time') {
    throw invalid(`${routable[0]?.name} is a routable id, and ids carry tenants and entities only, no periods. Remove @RoutableId().`) // prettier-ignore
  }
  for (const id of routable) refuseOtherIds(dataSource, id, column)
  return { ...described, routable: routable.map((id) => id.column.databaseName) } as TableDescription
}

/**
 * TypeORM makes the tables of many-to-many relations and closures by itself, with nothing in them but ids. Their rows
 * would lie on the home shard, away from the rows that they point to.
 */
function refuseKeylessJoinTables(
  dataSource: DataSource,
  router: Router,
  tables: Readonly<Record<string, TableDescription>>,
): void {
  if (router.assignment().shards.length === 1) return
  for (const metadata of dataSource.entityMetadatas) {
    if (metadata.tableType !== 'junction' && metadata.tableType !== 'closure-junction') continue
    const table = tableNameOf(metadata)
    const sharded = metadata.foreignKeys
      .map(({ referencedEntityMetadata }) => referencedEntityMetadata)
      .find((referenced) => 'column' in (tables[tableNameOf(referenced)] ?? {}))
    if (sharded === undefined) continue
    const wayOut =
      metadata.tableType === 'junction'
        ? 'Make it an entity of your own with the key in it (two @OneToMany instead of @ManyToMany)'
        : "Use @Tree('materialized-path') or an adjacency list"
    throw invalid(`${sharded.name} is sharded, and "${table}", which TypeORM makes for its ${metadata.tableType === 'junction' ? 'many-to-many relation' : 'closure tree'}, has no shard key: its rows would not be where the entity's are. ${wayOut}.`) // prettier-ignore
  }
}

function invalid(message: string): ConfigError {
  return new ConfigError('CONFIG_INVALID', message)
}
