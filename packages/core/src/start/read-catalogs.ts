import { readShardCatalog } from '../catalog/read-shard-catalog.ts'
import type { ShardCatalog } from '../catalog/shard-catalog.ts'
import type { NodePool } from '../pool/node-pool.ts'

/**
 * Reads the catalogs of every shard at the same time, each from its first node that can serve.
 *
 * @throws whatever the last node of a shard failed with.
 */
export async function readCatalogs(
  nodes: ReadonlyMap<string, readonly NodePool[]>,
  deadlineMs: number,
): Promise<ReadonlyMap<string, ShardCatalog>> {
  const entries = await Promise.all(
    [...nodes].map(async ([shard, pools]) => [shard, await readFromFirst(pools, deadlineMs)] as const),
  )
  return new Map(entries)
}

async function readFromFirst(pools: readonly NodePool[], deadlineMs: number): Promise<ShardCatalog> {
  let failure: unknown
  for (const pool of pools) {
    try {
      return await readFrom(pool, deadlineMs)
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

async function readFrom(pool: NodePool, deadlineMs: number): Promise<ShardCatalog> {
  const connection = await pool.lease({ deadlineMs, isAwaitedByHolders: true })
  try {
    const catalog = await readShardCatalog(async (text) => (await connection.query({ text })).rows)
    pool.release(connection)
    return catalog
  } catch (error) {
    pool.release(connection, error)
    throw error
  }
}
