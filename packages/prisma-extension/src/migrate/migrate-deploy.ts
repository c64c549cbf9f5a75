import type { Router } from '@shardline/core'
import { applyMigration, type ShardSession } from './apply-migration.ts'
import { checkBooks, isApplied, isEdited, type BookState } from './check-books.ts'
import { Lockstep } from './lockstep.ts'
import { withLockedShards } from './locked-shards.ts'
import { readMigrations, type Migration } from './migration-folder.ts'

export interface MigrateOptions {
  /** The folder with a folder per migration, as `prisma migrate dev` writes it. Default `prisma/migrations`. */
  readonly folder?: string | undefined
  /** Only the shards of this keyspace. Default: all shards. */
  readonly keyspace?: string | undefined
  /** How long to wait for others who are migrating. Default 60,000. */
  readonly lockTimeoutMs?: number | undefined
}

/** What happened on one shard. */
export interface ShardMigrations {
  /** Run now, in order. */
  readonly applied: readonly string[]
  /** Still to be run, because another shard failed. */
  readonly pending: readonly string[]
  /** Applied earlier, from another text than the folder has now; they are not run again. */
  readonly edited: readonly string[]
}

/**
 * `prisma migrate deploy` for all shards at once, without an engine: applies the migrations that a shard does not have
 * yet. Books and locks are those of Prisma, on each shard its own, so that Prisma's commands and this one can take turns.
 *
 * All shards go in step: nobody begins a migration before all have ended the one before. When one fails, the others are
 * at most one migration ahead; run it again once the cause is mended.
 *
 * @throws ShardsError SHARDS_FAILED when a migration failed: its `shards` has a MIGRATION_FAILED or a ShardMigrations of each;
 * ConfigError MIGRATION_BLOCKED when nothing was run anywhere, CONFIG_INVALID for a folder that is none
 */
export async function migrateDeploy(
  router: Router,
  { folder = 'prisma/migrations', keyspace, lockTimeoutMs = 60_000 }: MigrateOptions = {},
): Promise<ReadonlyMap<string, ShardMigrations>> {
  const migrations = await readMigrations(folder)
  return await withLockedShards(router, { keyspace, lockTimeoutMs }, async (sessions) => {
    const books = new Map<string, BookState>()
    for (const [shard, session] of sessions) {
      books.set(shard, await router.run({ shard }, () => readBook(session)))
    }
    checkBooks(migrations, books)
    const lockstep = new Lockstep(sessions.size)
    const done = await router.eachShard(async ({ name }) => {
      const session = sessions.get(name)
      const state = books.get(name)
      if (session === undefined || state === undefined) return undefined
      return await migrateShard(session, { migrations, state, lockstep })
    })
    return new Map([...done].flatMap(([shard, one]) => (one === undefined ? [] : [[shard, one]])))
  })
}

interface Work {
  readonly migrations: readonly Migration[]
  readonly state: BookState
  readonly lockstep: Lockstep
}

async function migrateShard(
  session: ShardSession,
  { migrations, state, lockstep }: Work,
): Promise<ShardMigrations> {
  const pending = migrations.filter((migration) => !isApplied(state, migration)).map(({ name }) => name)
  const edited = migrations.filter((migration) => isEdited(state, migration)).map(({ name }) => name)
  const applied: string[] = []
  let isDone = false
  try {
    if (state.entries === undefined) await session.book.create()
    for (const migration of migrations) {
      if (!(await lockstep.arrive())) break
      if (isApplied(state, migration)) continue
      await applyMigration(session, migration)
      applied.push(migration.name)
    }
    isDone = true
  } finally {
    lockstep.leave(!isDone)
  }
  return { applied, pending: pending.slice(applied.length), edited }
}

async function readBook({ book }: ShardSession): Promise<BookState> {
  if (await book.exists()) return { entries: await book.entries(), hasOtherTables: false }
  return { entries: undefined, hasOtherTables: await book.hasOtherTables() }
}
