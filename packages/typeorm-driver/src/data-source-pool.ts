import {
  contextKey,
  type RouteContext,
  type RoutedClient,
  type RoutedPool,
  type Router,
} from '@shardline/core'

/** How one DataSource uses the router's pool. */
export interface PoolUse {
  /** Laid on every statement. */
  readonly context?: RouteContext | undefined
  /** Called when the DataSource ends its pool; what it returns is waited for. */
  readonly onEnd: () => Promise<void>
  /** Prepares a client before it is handed out. */
  readonly prepare: (client: RoutedClient) => void
}

// oxlint-disable-next-line typescript/no-explicit-any -- as in Node's own types
type Listener = (...args: any[]) => void
type ConnectCallback = Parameters<RoutedPool['connect']>[0]

/**
 * The router's pool as one DataSource has it: it can be ended by itself, and takes its listeners with it. Everything
 * else is the pool's own.
 */
export function dataSourcePool(router: Router, { context, onEnd, prepare }: PoolUse): RoutedPool {
  const { pool } = router
  const listeners: { readonly event: string; readonly listener: Listener }[] = []
  let isEnded = false

  const given = (client: RoutedClient): RoutedClient => {
    prepare(client)
    return context === undefined ? client : clientInContext(router, client, context)
  }
  const connect = (callback?: ConnectCallback): unknown => {
    if (callback === undefined) return isEnded ? Promise.reject(endedPool()) : pool.connect().then(given)
    if (isEnded) process.nextTick(callback, endedPool(), undefined, () => {})
    else {
      pool.connect((error, client, release) =>
        callback(error, client === undefined ? client : given(client), release),
      )
    }
    return undefined
  }
  const query = (...args: readonly unknown[]): unknown => {
    if (isEnded) return Promise.reject(endedPool())
    return context === undefined ? run(pool, args) : queryInContext(router, pool, context)(...args)
  }
  const end = (callback?: (error?: Error) => void): unknown => {
    const ended = (async () => {
      if (isEnded) throw new Error('Called end on pool more than once')
      isEnded = true
      for (const { event, listener } of listeners.splice(0)) pool.removeListener(event, listener)
      await onEnd()
    })()
    if (callback === undefined) return ended
    ended.then(() => process.nextTick(callback), (error: unknown) => process.nextTick(callback, error as Error)) // prettier-ignore
    return undefined
  }
  const on = (event: string, listener: Listener): unknown => {
    listeners.push({ event, listener })
    pool.on(event as 'error', listener)
    return own
  }
  const replaced: Readonly<Record<string, unknown>> = { connect, query, end, on, addListener: on }
  const own = inPlaceOf(pool, replaced, (key) =>
    key === 'ending' || key === 'ended' ? isEnded || pool.ending : undefined,
  )
  return own
}

/** A lease whose statements all have the context. */
function clientInContext(router: Router, client: RoutedClient, context: RouteContext): RoutedClient {
  const stream: RoutedClient['stream'] = (text, values, options = {}) =>
    client.stream(text, values, { ...options, context: { ...context, ...options.context } })
  return inPlaceOf(client, { query: queryInContext(router, client, context), stream })
}

function queryInContext(router: Router, target: RoutedPool | RoutedClient, context: RouteContext) {
  return (...args: readonly unknown[]): unknown => {
    const [first, ...rest] = args
    if (typeof first === 'string') {
      return run(target, [{ text: first, [contextKey]: context }, ...rest])
    }
    // An object with its own protocol, such as a query stream, is no config to add to.
    if (typeof first !== 'object' || first === null || 'submit' in first) {
      return router.run(context, () => run(target, args))
    }
    const own = (first as { readonly [contextKey]?: RouteContext })[contextKey]
    return run(target, [{ ...first, [contextKey]: { ...context, ...own } }, ...rest])
  }
}

function run(target: RoutedPool | RoutedClient, args: readonly unknown[]): unknown {
  const query = target.query.bind(target) as (...args: readonly unknown[]) => unknown
  return query(...args)
}

/** `target` with some members replaced. It has private fields, so its own methods need itself as `this`. */
function inPlaceOf<T extends object>(
  target: T,
  replaced: Readonly<Record<string, unknown>>,
  state: (key: PropertyKey) => unknown = () => undefined,
): T {
  return new Proxy(target, {
    get(_, key) {
      if (typeof key === 'string' && Object.hasOwn(replaced, key)) return replaced[key]
      const value: unknown = state(key) ?? Reflect.get(target, key, target)
      return typeof value === 'function' && key !== 'constructor' ? (value.bind(target) as unknown) : value
    },
    set: (_, key, value) => Reflect.set(target, key, value, target),
  })
}

/** As `pg` says it. */
function endedPool(): Error {
  return new Error('Cannot use a pool after calling end on the pool')
}
