import {
  contextKey,
  type RouteContext,
  type RoutedClient,
  type RoutedPool,
  type Router,
} from '@shardline/core'

type Query = (...args: unknown[]) => unknown

/**
 * The router's pool, with a context on every statement that goes through it or through a lease of it. Everything else
 * is the pool's own.
 */
export function poolInContext(router: Router, context: RouteContext): RoutedPool {
  const { pool } = router
  const query = queryInContext(router, pool.query.bind(pool) as Query, context)
  const stream = streamInContext(pool.stream.bind(pool) as RoutedPool['stream'], context)
  const connect = (callback?: (...args: unknown[]) => void): unknown => {
    if (callback === undefined) {
      return pool.connect().then((client) => leaseInContext(router, client, context))
    }
    return pool.connect((error, client, release) =>
      callback(error, client === undefined ? client : leaseInContext(router, client, context), release),
    )
  }
  return inPlaceOf(pool, { query, stream, connect })
}

function leaseInContext(router: Router, lease: RoutedClient, context: RouteContext): RoutedClient {
  return inPlaceOf(lease, {
    query: queryInContext(router, lease.query.bind(lease) as Query, context),
    stream: streamInContext(lease.stream.bind(lease) as RoutedClient['stream'], context),
  })
}

function queryInContext(router: Router, query: Query, context: RouteContext): Query {
  return (first, ...rest) => {
    if (typeof first === 'string') return query({ text: first, [contextKey]: context }, ...rest)
    // An object with its own protocol is no config to add to.
    if (typeof first !== 'object' || first === null || 'submit' in first) {
      return router.run(context, () => query(first, ...rest))
    }
    const own = (first as { readonly [contextKey]?: RouteContext })[contextKey]
    return query({ ...first, [contextKey]: { ...context, ...own } }, ...rest)
  }
}

function streamInContext(stream: RoutedPool['stream'], context: RouteContext): RoutedPool['stream'] {
  return (text, values, options = {}) =>
    stream(text, values, { ...options, context: { ...context, ...options.context } })
}

/** `target` with some methods replaced. It has private fields, so its own methods need itself as `this`. */
function inPlaceOf<T extends object>(target: T, replaced: Readonly<Record<string, unknown>>): T {
  return new Proxy(target, {
    get(_, key) {
      if (typeof key === 'string' && Object.hasOwn(replaced, key)) return replaced[key]
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' && key !== 'constructor' ? (value.bind(target) as unknown) : value
    },
    set: (_, key, value) => Reflect.set(target, key, value, target),
  })
}
