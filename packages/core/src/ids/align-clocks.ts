import { runOnEach } from '../execution/each-shard.ts'
import type { NodePool } from '../pool/node-pool.ts'
import { withConnection } from './install-connection.ts'

/**
 * Raises the clocks of shards that buckets may move between to the latest of them all, so that no shard gives a tick again
 * which a bucket had elsewhere.
 */
export async function alignClocks(
  shards: readonly string[],
  primary: (shard: string) => NodePool,
): Promise<void> {
  const ticks = await runOnEach(shards, (shard) =>
    withConnection(primary(shard), async (run) => {
      const [row] = await run('select last_value::text as tick from shardline.ticks')
      return BigInt(row?.['tick'] ?? '0')
    }),
  )
  const latest = [...ticks.values()].reduce((a, b) => (a > b ? a : b), 0n)
  const behind = shards.filter((shard) => (ticks.get(shard) ?? 0n) < latest)
  await runOnEach(behind, (shard) =>
    withConnection(primary(shard), (run) => run('select shardline.raise_ticks($1)', [String(latest)])),
  )
}
