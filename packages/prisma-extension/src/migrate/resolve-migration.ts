import { ConfigError, type Router } from '@shardline/core'
import type { ShardSession } from './apply-migration.ts'
import { withLockedShards } from './locked-shards.ts'
import type { MigrateOptions } from './migrate-deploy.ts'
import { readMigrations, type Migration } from './migration-folder.ts'

export interface ResolveOptions extends MigrateOptions {
  /** The name of its folder. */
  readonly migration: string
  /** `applied`: its changes are there. `rolled-back`: they are not, and it is to run again. */
  readonly as: 'applied' | 'rolled-back'
  /** Default: all shards of the keyspace. */
  readonly shards?: readonly string[] | undefined
}

/**
 * `prisma migrate resolve` for shards: writes into their books what became of a migration, and runs nothing. For one that
 * stopped half way and was mended by hand, and for databases that had tables before they had migrations.
 *
 * @throws ConfigError CONFIG_INVALID when there is no such migration or shard; MIGRATION_BLOCKED as `migrateDeploy`
 */
export async function resolveMigration(
  router: Router,
  {
    migration: name,
    as,
    shards,
    folder = 'prisma/migrations',
    keyspace,
    lockTimeoutMs = 60_000,
  }: ResolveOptions,
): Promise<void> {
  const migration = (await readMigrations(folder)).find((each) => each.name === name)
  if (migration === undefined)
    throw new ConfigError('CONFIG_INVALID', `There is no migration ${name} in ${folder}.`)
  await withLockedShards(router, { keyspace, lockTimeoutMs }, async (sessions) => {
    const unknown = shards?.find((shard) => !sessions.has(shard))
    if (unknown !== undefined) throw new ConfigError('CONFIG_INVALID', `There is no shard "${unknown}" here.`)
    let isResolved = false
    for (const [shard, session] of sessions) {
      if (shards !== undefined && !shards.includes(shard)) continue
      if (await router.run({ shard }, () => resolveOn(session, migration, as))) isResolved = true
    }
    if (!isResolved) throw new ConfigError('CONFIG_INVALID', nothingToResolve(name, as))
  })
}

/** False when the book says so already. */
async function resolveOn(
  { book }: ShardSession,
  migration: Migration,
  as: ResolveOptions['as'],
): Promise<boolean> {
  if (!(await book.exists())) await book.create()
  const entries = (await book.entries()).filter(({ name }) => name === migration.name)
  const stopped = entries.filter(({ state }) => state === 'stopped')
  for (const { id } of stopped) await book.markRolledBack(id)
  if (as === 'rolled-back') return stopped.length > 0
  if (entries.some(({ state }) => state === 'applied')) return false
  await book.markApplied(migration)
  return true
}

function nothingToResolve(migration: string, as: ResolveOptions['as']): string {
  return as === 'applied'
    ? `Migration ${migration} is applied on these shards already.`
    : `Migration ${migration} did not stop half way on these shards, so there is nothing to take back.`
}
