import { poolDefaults } from '../config/pool-defaults.ts'

/** How a node's connections are kept. Every field has `pg.Pool`'s meaning unless said otherwise. */
export interface NodePoolOptions {
  /** Most connections at a time. Default 10. */
  readonly max?: number | undefined
  /** Connections that idling does not close. Default 0; none is opened ahead of need. */
  readonly min?: number | undefined
  /** Milliseconds after which an idle connection is closed, 0 for never. Default 10,000. */
  readonly idleTimeoutMs?: number | undefined
  /** Milliseconds for TCP, TLS, authentication and role check together, 0 for no limit. Default 5,000. */
  readonly connectTimeoutMs?: number | undefined
  /** Milliseconds that a caller waits for a connection, 0 for no limit. Default 10,000. */
  readonly acquireTimeoutMs?: number | undefined
  /** Callers that may wait at a time; the next one is refused with POOL_OVERLOADED. Default: no limit. */
  readonly maxWaiting?: number | undefined
  /** Leases after which a connection is replaced. Default: no limit. */
  readonly maxUses?: number | undefined
  /** Milliseconds after which a connection is replaced, 0 for never. Default 0. */
  readonly maxLifetimeMs?: number | undefined
  /** Lets the process end while connections idle. Default false. */
  readonly allowExitOnIdle?: boolean | undefined
  /** Automatic named prepared statements; false for poolers that cannot keep them. Default true. */
  readonly prepare?: boolean | undefined
  /** Automatic prepared statements kept per connection. Default 256. */
  readonly maxPrepared?: number | undefined
  /**
   * Lets reads share connections when all are busy. `false`: never; `true` or a depth: also behind a pooler. Default: on,
   * and off by itself behind a pooler.
   */
  readonly multiplex?: boolean | { readonly depth?: number | undefined } | undefined
}

export interface ResolvedNodePoolOptions {
  readonly max: number
  readonly min: number
  readonly idleTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly acquireTimeoutMs: number
  readonly maxWaiting: number
  readonly maxUses: number
  readonly maxLifetimeMs: number
  readonly allowExitOnIdle: boolean
  readonly prepare: boolean
  readonly maxPrepared: number
  /** Statements on one shared connection at most; 0 when connections are not shared. */
  readonly sharedDepth: number
  /** True when connections are shared whatever the server looks like. */
  readonly sharesBehindPooler: boolean
}

const defaultDepth = 16

export function resolveNodePoolOptions(options: NodePoolOptions): ResolvedNodePoolOptions {
  const multiplex = options.multiplex ?? poolDefaults.multiplex
  return {
    max: options.max ?? poolDefaults.max,
    min: options.min ?? 0,
    idleTimeoutMs: options.idleTimeoutMs ?? 10_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
    acquireTimeoutMs: options.acquireTimeoutMs ?? 10_000,
    maxWaiting: options.maxWaiting ?? Number.POSITIVE_INFINITY,
    maxUses: options.maxUses ?? Number.POSITIVE_INFINITY,
    maxLifetimeMs: options.maxLifetimeMs ?? 0,
    allowExitOnIdle: options.allowExitOnIdle ?? false,
    prepare: options.prepare ?? true,
    maxPrepared: options.maxPrepared ?? 256,
    sharedDepth:
      multiplex === false
        ? 0
        : ((typeof multiplex === 'object' ? multiplex.depth : undefined) ?? defaultDepth),
    sharesBehindPooler: multiplex !== undefined && multiplex !== false,
  }
}
