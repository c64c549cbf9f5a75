import { ShardsError, type ShardOutcome } from '../errors.ts'

/**
 * Runs work on every shard at the same time and waits for all of it.
 * @throws ShardsError SHARDS_FAILED when it failed anywhere: `shards` says how it ended on each
 */
export async function runOnEach<T>(
  shards: readonly string[],
  work: (shard: string) => Promise<T>,
): Promise<ReadonlyMap<string, T>> {
  const settled = await Promise.allSettled(shards.map(work))
  const results = new Map<string, T>()
  const outcomes = new Map<string, ShardOutcome>()
  for (const [index, shard] of shards.entries()) {
    const one = settled[index]
    if (one?.status === 'fulfilled') {
      results.set(shard, one.value)
      outcomes.set(shard, { status: 'succeeded', result: one.value })
    } else outcomes.set(shard, { status: 'failed', error: one?.reason })
  }
  if (results.size < shards.length) throw new ShardsError(outcomes)
  return results
}
