import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError } from '../errors.ts'
import type { Connection } from '../pool/connection.ts'
import type { NodePool } from '../pool/node-pool.ts'

/** The number in PostgreSQL's advisory locks: `shld` as four bytes. */
const lockNumber = 0x73_68_6c_64
const pollMs = 100

export interface LockEngine {
  readonly shards: readonly string[]
  primary(shard: string): NodePool
}

/**
 * Runs work while nobody else runs work under this lock, on any shard and from any process. It takes a connection of each
 * shard for as long.
 * @throws ConfigError MIGRATION_BLOCKED when somebody else keeps it for `timeoutMs`; the work has not begun then
 */
export async function underShardLocks<T>(
  engine: LockEngine,
  timeoutMs: number,
  work: () => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  const held: (readonly [NodePool, Connection])[] = []
  try {
    // One after the other and in one order: two that hold a lock each never wait for each other's.
    for (const shard of engine.shards.toSorted()) {
      const pool = engine.primary(shard)
      if (pool.options.max < 2) throw tooFewConnections(shard)
      const connection = await pool.lease()
      held.push([pool, connection])
      // Asking again and again: to wait inside of PostgreSQL would keep CREATE INDEX CONCURRENTLY waiting as well.
      while (!(await tryLock(connection))) {
        if (performance.now() >= deadline) throw heldLock(shard)
        await sleep(pollMs)
      }
    }
    return await work()
  } finally {
    await Promise.all(held.map(([pool, connection]) => giveBack(pool, connection)))
  }
}

async function tryLock(connection: Connection): Promise<boolean> {
  const { rows } = await connection.query({
    text: `select pg_try_advisory_lock(${lockNumber})::int`,
    rowMode: 'array',
  })
  return (rows as readonly unknown[][])[0]?.[0] === 1
}

/** A session that cannot give its lock back is closed, which does it as well. */
async function giveBack(pool: NodePool, connection: Connection): Promise<void> {
  try {
    await connection.query({ text: 'select pg_advisory_unlock_all()' })
    pool.release(connection)
  } catch (error) {
    pool.release(connection, error)
  }
}

function tooFewConnections(shard: string): ConfigError {
  return new ConfigError(
    'CONFIG_INVALID',
    `eachShard with a lock keeps one connection of each shard beside those that the work needs, and the pool of shard "${shard}" has one in all. Set pool.max to at least 2.`,
  )
}

function heldLock(shard: string): ConfigError {
  return new ConfigError(
    'MIGRATION_BLOCKED',
    `Somebody else works under the lock of shard "${shard}", and went on for too long. Nothing was run. Try again later, or wait longer with lockTimeoutMs.`,
    { details: { shard, reason: 'locked' } },
  )
}
