import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError, type Router } from '@shardline/core'
import type { ShardSession } from './apply-migration.ts'
import { MigrationBook } from './migration-book.ts'

/** The number that Prisma's own migrations lock: each keeps out the other. */
const prismaLock = 72_707_369
const pollMs = 100

export interface LockOptions {
  readonly keyspace: string | undefined
  readonly lockTimeoutMs: number
}

/**
 * Takes Prisma's lock on every shard of the keyspace (of the whole cluster when none is given), runs `work` with a lease
 * of each, and gives the locks back.
 * @throws ConfigError MIGRATION_BLOCKED when a lock stays with somebody else for `lockTimeoutMs`
 */
export async function withLockedShards<T>(
  router: Router,
  { keyspace, lockTimeoutMs }: LockOptions,
  work: (sessions: ReadonlyMap<string, ShardSession>) => Promise<T>,
): Promise<T> {
  const all = [...(await router.eachShard((shard) => shard)).values()]
  const chosen = all.filter((shard) => keyspace === undefined || shard.keyspace === keyspace)
  if (chosen.length === 0) throw new ConfigError('CONFIG_INVALID', `There is no keyspace "${keyspace}".`)
  const deadline = Date.now() + lockTimeoutMs
  const sessions = new Map<string, ShardSession>()
  try {
    // One after the other and in one order: two that each hold a lock never wait for each other's.
    for (const shard of chosen.map(({ name }) => name).sort()) {
      sessions.set(shard, await router.run({ shard }, () => lockedSession(router, shard, deadline)))
    }
    return await work(sessions)
  } finally {
    await Promise.all(
      [...sessions.values()].map((session) => router.run({ shard: session.shard }, () => unlock(session))),
    )
  }
}

async function lockedSession(router: Router, shard: string, deadline: number): Promise<ShardSession> {
  const client = await router.pool.connect()
  try {
    // Asking again and again: one that waits inside PostgreSQL would keep CREATE INDEX CONCURRENTLY waiting for itself.
    while (!(await tryLock(client))) {
      if (Date.now() >= deadline) throw heldLock(shard)
      await sleep(pollMs)
    }
    return { shard, client, book: await MigrationBook.of(client) }
  } catch (error) {
    client.release(true)
    throw error
  }
}

async function tryLock(client: ShardSession['client']): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [
    prismaLock,
  ])
  return rows[0]?.locked === true
}

/** The connection is closed: scripts leave settings behind, and a lost unlock would keep everybody out. */
async function unlock({ client }: ShardSession): Promise<void> {
  await client.query('select pg_advisory_unlock($1)', [prismaLock]).catch(() => undefined)
  client.release(true)
}

function heldLock(shard: string): ConfigError {
  return new ConfigError(
    'MIGRATION_BLOCKED',
    `Somebody else is migrating shard "${shard}": its lock was not to be had in time. Nothing was run. Try again later, or allow more with lockTimeoutMs.`,
    { details: { shard, reason: 'locked' } },
  )
}
