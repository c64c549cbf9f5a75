import { MigrationExecutor, type DataSource, type Migration } from 'typeorm'
import { ConfigError, type Router } from '@shardline/core'
import { isSingleServer, onEveryShard } from './every-shard.ts'
import { hideRoutableChecks } from './routable-ids.ts'

/** What the schema's own work has to know of the entities. */
export interface SchemaFacts {
  readonly hasRoutableIds: () => boolean
}

/**
 * Lets what changes or reads the schema reach every shard, however it is called: by options (`synchronize`,
 * `migrationsRun`, `dropSchema`), by methods of the DataSource, or by TypeORM's command line, which calls those.
 */
export function spreadSchemaWork(dataSource: DataSource, router: Router, facts: SchemaFacts): void {
  const own = {
    synchronize: dataSource.synchronize.bind(dataSource),
    dropDatabase: dataSource.dropDatabase.bind(dataSource),
    runMigrations: dataSource.runMigrations.bind(dataSource),
    undoLastMigration: dataSource.undoLastMigration.bind(dataSource),
    showMigrations: dataSource.showMigrations.bind(dataSource),
  }
  // TypeORM itself has no lock, and several processes of an application start at once.
  const changing = <T>(work: () => Promise<T>): Promise<readonly T[]> =>
    onEveryShard(router, work, { lock: true })
  keepRoutableChecks(dataSource, router)

  dataSource.synchronize = async (dropBeforeSync) => {
    // Dropping on every shard comes first, and by the method that does so.
    if (dropBeforeSync === true) await dataSource.dropDatabase()
    await changing(() => own.synchronize(false))
    if (facts.hasRoutableIds() && router.context?.shard === undefined) await router.install()
  }
  dataSource.dropDatabase = async () => {
    await changing(own.dropDatabase)
  }
  dataSource.runMigrations = async (options) => {
    const perShard = await changing(() => own.runMigrations(options))
    // A shard that was added later, or on which the last run failed, runs more of them than others.
    return [...new Map(perShard.flat().map((migration) => [migration.name, migration])).values()]
  }
  dataSource.showMigrations = async () => {
    const perShard = await onEveryShard(router, own.showMigrations)
    return perShard.includes(true)
  }
  dataSource.undoLastMigration = async (options) => {
    await refuseDifferentStates(dataSource, router)
    await changing(() => own.undoLastMigration(options))
  }
}

/** @throws ConfigError MIGRATION_BLOCKED when "the last migration" is not the same one everywhere */
async function refuseDifferentStates(dataSource: DataSource, router: Router): Promise<void> {
  if (isSingleServer(router)) return
  const executed = await onEveryShard(router, () => new MigrationExecutor(dataSource).getExecutedMigrations())
  const last = executed.map((migrations) => newestOf(migrations)?.name)
  if (new Set(last).size <= 1) return
  throw new ConfigError(
    'MIGRATION_BLOCKED',
    `The shards do not agree on the last migration (${[...new Set(last)].map((name) => name ?? 'none').join(', ')}), so reverting it would revert different ones. Run the pending migrations first, or revert shard by shard in router.run({ shard }, …).`,
  )
}

function newestOf(migrations: readonly Migration[]): Migration | undefined {
  return migrations.toSorted((a, b) => (a.id ?? 0) - (b.id ?? 0)).at(-1)
}

/**
 * `schema:log` and `migration:generate` compare entities with one shard, the router's first; all are alike, or the router
 * says that they are not.
 */
function keepRoutableChecks(dataSource: DataSource, router: Router): void {
  const { driver } = dataSource
  const createSchemaBuilder = driver.createSchemaBuilder.bind(driver)
  const createQueryRunner = driver.createQueryRunner.bind(driver)
  let building = 0
  const hiding = async <T>(work: () => Promise<T>): Promise<T> => {
    building += 1
    try {
      return await work()
    } finally {
      building -= 1
    }
  }
  driver.createQueryRunner = (mode) => {
    const runner = createQueryRunner(mode)
    if (building > 0) hideRoutableChecks(runner)
    return runner
  }
  driver.createSchemaBuilder = () => {
    const builder = createSchemaBuilder()
    const build = builder.build.bind(builder)
    const log = builder.log.bind(builder)
    builder.build = () => hiding(build)
    builder.log = () => {
      const [shard] = router.assignment().shards
      const isFree = shard !== undefined && !isSingleServer(router) && router.context?.shard === undefined
      return hiding(() => (isFree ? router.run({ shard, role: 'primary' }, log) : log()))
    }
    return builder
  }
}
