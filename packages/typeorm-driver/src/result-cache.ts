import type { DataSource } from 'typeorm'
import type { Router } from '@shardline/core'

type ResultCache = NonNullable<DataSource['queryResultCache']>

/**
 * TypeORM's cache of results knows a query by its SQL and parameters. Under a context that decides where it runs, the same
 * query may have another result: such queries are neither answered from the cache nor put into it.
 */
export function withoutMixedShards(cache: ResultCache, router: Router): ResultCache {
  const isBound = (): boolean => {
    const { tenant, shard } = router.context ?? {}
    return tenant !== undefined || shard !== undefined
  }
  return {
    connect: () => cache.connect(),
    disconnect: () => cache.disconnect(),
    synchronize: (queryRunner) => cache.synchronize(queryRunner),
    getFromCache: (options, queryRunner) =>
      isBound() ? Promise.resolve(undefined) : cache.getFromCache(options, queryRunner),
    storeInCache: (options, saved, queryRunner) =>
      isBound() ? Promise.resolve() : cache.storeInCache(options, saved, queryRunner),
    isExpired: (saved) => cache.isExpired(saved),
    clear: (queryRunner) => cache.clear(queryRunner),
    remove: (identifiers, queryRunner) => cache.remove(identifiers, queryRunner),
  }
}
