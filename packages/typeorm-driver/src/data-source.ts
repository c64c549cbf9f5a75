import type { DataSource, EntityMetadata } from 'typeorm'
import { ConfigError, routableConstraint, type Router } from '@shardline/core'
import { describeEntities, type DescribedEntity } from './describe-entities.ts'
import { withoutMixedShards } from './result-cache.ts'
import { addCheck } from './typeorm-internals.ts'

/** Once the metadata of a data source are there and before it is used: the annotations take effect. */
export function prepareDataSource(dataSource: DataSource, router: Router): void {
  if ('replication' in dataSource.options && dataSource.options.replication) {
    throw new ConfigError(
      'UNSUPPORTED_OPTION',
      'The option `replication` of the data source cannot be combined with the driver of Shardline: defineCluster({ shards: { … } }) describes primaries and replicas, and every statement is routed by its SQL. Remove `replication`.',
    )
  }
  const described = describeEntities(dataSource.entityMetadatas)
  if (described.length > 0)
    router.describeTables(Object.fromEntries(described.map(({ table, description }) => [table, description])))
  for (const each of described) readIdsBack(each, dataSource.entityMetadatas)
  keepConstraints(described, router)
  if (dataSource.queryResultCache !== undefined)
    dataSource.queryResultCache = withoutMixedShards(dataSource.queryResultCache, router)
  onEveryShard(dataSource, router, described)
}

/** The database fills routable ids that an INSERT leaves out: TypeORM shall read them back, as it does defaults. */
function readIdsBack({ metadata, routable }: DescribedEntity, all: readonly EntityMetadata[]): void {
  const names = new Set(routable.map(({ databaseName }) => databaseName))
  // The entities of single-table inheritance have columns of their own for the same table.
  for (const sibling of all.filter(({ tablePath }) => tablePath === metadata.tablePath)) {
    const own = sibling.getInsertionReturningColumns.bind(sibling)
    const filled = sibling.columns.filter(({ databaseName }) => names.has(databaseName))
    sibling.getInsertionReturningColumns = () => [...new Set([...own(), ...filled])]
  }
}

/** A constraint that `install` has put there must not look like one that the entities have lost. */
function keepConstraints(described: readonly DescribedEntity[], router: Router): void {
  const missing = new Set(
    router.notices.flatMap(({ kind, table }) => (kind === 'routable-not-installed' ? [table] : [])),
  )
  for (const { metadata, routable } of described) {
    if (missing.has(`${metadata.schema ?? 'public'}.${metadata.tableName}`)) continue
    for (const column of routable)
      addCheck(metadata, routableConstraint(metadata.tableName, column.databaseName))
  }
}

/** What changes the schema runs on every shard, unless it already runs inside `router.eachShard`. */
function onEveryShard(dataSource: DataSource, router: Router, described: readonly DescribedEntity[]): void {
  const everywhere = async <T>(work: () => Promise<T>): Promise<T[]> =>
    router.context?.shard === undefined ? [...(await router.eachShard(work)).values()] : [await work()]
  const own = {
    synchronize: dataSource.synchronize.bind(dataSource),
    dropDatabase: dataSource.dropDatabase.bind(dataSource),
    runMigrations: dataSource.runMigrations.bind(dataSource),
    undoLastMigration: dataSource.undoLastMigration.bind(dataSource),
    showMigrations: dataSource.showMigrations.bind(dataSource),
  }
  dataSource.synchronize = async (dropBeforeSync) => {
    await everywhere(() => own.synchronize(dropBeforeSync))
    const hasRoutable = described.some(({ routable }) => routable.length > 0)
    if (hasRoutable && router.context?.shard === undefined) await router.install()
  }
  dataSource.dropDatabase = async () => {
    await everywhere(() => own.dropDatabase())
  }
  dataSource.runMigrations = async (options) => {
    // A migration that one shard had already counts as run when another one ran it.
    const ran = (await everywhere(() => own.runMigrations(options))).flat()
    return [...new Map(ran.map((migration) => [migration.name, migration])).values()]
  }
  dataSource.undoLastMigration = async (options) => {
    await everywhere(() => own.undoLastMigration(options))
  }
  dataSource.showMigrations = async () => {
    const pending = await everywhere(() => own.showMigrations())
    return pending.some(Boolean)
  }
}
