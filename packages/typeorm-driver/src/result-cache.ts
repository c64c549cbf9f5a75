import { AsyncLocalStorage } from 'node:async_hooks'
import type { DataSource } from 'typeorm'
import type { RouteContext, Router } from '@shardline/core'
import { isSingleServer } from './every-shard.ts'

export type ResultCache = NonNullable<DataSource['queryResultCache']>
type CacheOptions = Parameters<ResultCache['getFromCache']>[0]
type Runner = Parameters<ResultCache['getFromCache']>[1]

/**
 * TypeORM's result cache, whichever it is, with the context of a query as part of its key: the same SQL means other rows
 * on another shard or for another tenant. An entry with an identifier that was stored in another context is a miss, and
 * is replaced; `remove` works by identifier, as ever.
 *
 * The cache's own table is unsharded, so its statements leave the caller's context and transaction. What a transaction
 * reads is not cached: it could be rolled back, and the entry would stay.
 */
export function cacheByContext(cache: ResultCache, router: Router): ResultCache {
  if (isSingleServer(router) || made.has(cache)) return cache
  const outside = AsyncLocalStorage.snapshot()
  const isCached = (runner: Runner): boolean => runner?.isTransactionActive !== true

  const own: ResultCache = {
    connect: () => cache.connect(),
    disconnect: () => cache.disconnect(),
    synchronize: (runner) => cache.synchronize(runner),
    async getFromCache(options, runner) {
      if (!isCached(runner)) return undefined
      const context = contextText(router.context)
      const found = await outside(() => cache.getFromCache(inContext(options, context)))
      if (found === undefined || found === null) return found
      return contextIn(found.query) === context ? found : expired(found)
    },
    async storeInCache(options, saved, runner) {
      if (!isCached(runner)) return
      const context = contextText(router.context)
      await outside(() => cache.storeInCache(inContext(options, context), saved))
    },
    isExpired: (saved) => cache.isExpired(saved),
    clear: (runner) => outside(() => cache.clear(runner)),
    remove: (identifiers, runner) => outside(() => cache.remove(identifiers, runner)),
  }
  made.add(own)
  return own
}

const made = new WeakSet<ResultCache>()

const separator = ' -- CONTEXT: '

function inContext(options: CacheOptions, context: string): CacheOptions {
  return context === '' || options.query === undefined
    ? options
    : { ...options, query: `${options.query}${separator}${context}` }
}

function contextIn(query: string | undefined): string {
  const at = query?.lastIndexOf(separator) ?? -1
  return query === undefined || at === -1 ? '' : query.slice(at + separator.length)
}

/** The same for contexts that mean the same; tenants 7 and '7' are one. */
function contextText(context: RouteContext | undefined): string {
  if (context === undefined) return ''
  return Object.entries(context)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => JSON.stringify([key, String(value)]))
    .toSorted()
    .join()
}

/** Another context's entry, to be replaced. */
function expired(found: CacheOptions): CacheOptions {
  return { ...found, time: 0, duration: 0 }
}
