import { ShardsError, type Router } from '@shardline/core'

/** True when there is one server and nothing to tell apart. */
export function isSingleServer(router: Router): boolean {
  return router.counters().nodes.length === 1
}

/**
 * Runs work on every shard at the same time; once, where the caller has already chosen a shard. The error of an only
 * shard is its own. `lock` keeps out other processes that change the schema by it.
 * @throws ShardsError SHARDS_FAILED: `shards` says how it ended on each
 */
export async function onEveryShard<T>(
  router: Router,
  work: () => Promise<T>,
  options: { readonly lock?: boolean } = {},
): Promise<readonly T[]> {
  if (isSingleServer(router) || router.context?.shard !== undefined) return [await work()]
  try {
    return [...(await router.eachShard(work, options)).values()]
  } catch (error) {
    if (!(error instanceof ShardsError) || error.shards.size !== 1) throw error
    throw error.cause
  }
}
