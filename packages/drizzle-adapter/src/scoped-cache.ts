import { inPlaceOf } from './in-place-of.ts'

/** What Drizzle asks of a cache, in both versions. */
export interface QueryCache {
  strategy(): string
  get(...args: never[]): Promise<unknown>
  put(...args: never[]): Promise<void>
}

/**
 * The application's cache, passed by where the answer depends on a context: it knows a query by its text and values
 * alone, so tenants and shards would get each other's rows, and strong reads old ones. Writes invalidate it everywhere.
 */
export function scopedCache<C extends QueryCache>(cache: C, isInContext: () => boolean): C {
  return inPlaceOf(cache, {
    get: async (...args: never[]) => (isInContext() ? undefined : await cache.get(...args)),
    put: async (...args: never[]) => {
      if (!isInContext()) await cache.put(...args)
    },
  })
}
