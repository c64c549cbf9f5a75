import {
  contextKey,
  type RouteContext,
  type RoutedClient,
  type RoutedPool,
  type Router,
} from '@shardline/core'
import { inPlaceOf } from './in-place-of.ts'

/** What a pool and a lease have in common. */
type Queryable = Pick<RoutedPool, 'query' | 'stream'>

/**
 * The router's pool, with a context on every statement that goes through it or through a lease of it. Everything else
 * is the pool's own.
 */
export function poolInContext(router: Router, context: RouteContext): RoutedPool {
  const { pool } = router
  const leased = (client: RoutedClient): RoutedClient =>
    inPlaceOf(client, statementsInContext(router, client, context))
  const connect = (callback?: (...args: unknown[]) => void): unknown => {
    if (callback === undefined) return pool.connect().then(leased)
    return pool.connect((error, client, release) =>
      callback(error, client === undefined ? client : leased(client), release),
    )
  }
  return inPlaceOf(pool, { ...statementsInContext(router, pool, context), connect })
}

function statementsInContext(router: Router, target: Queryable, context: RouteContext): Queryable {
  const run = target.query.bind(target) as (...args: unknown[]) => unknown
  const query = (first: unknown, ...rest: unknown[]): unknown => {
    if (typeof first === 'string') return run({ text: first, [contextKey]: context }, ...rest)
    // An object with its own protocol is no config to add to.
    if (typeof first !== 'object' || first === null || 'submit' in first) {
      return router.run(context, () => run(first, ...rest))
    }
    const own = (first as { readonly [contextKey]?: RouteContext })[contextKey]
    return run({ ...first, [contextKey]: { ...context, ...own } }, ...rest)
  }
  return {
    query: query as Queryable['query'],
    stream: (text, values, options = {}) =>
      target.stream(text, values, { ...options, context: { ...context, ...options.context } }),
  }
}
