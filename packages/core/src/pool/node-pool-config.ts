import type pg from 'pg'
import type { NodeLoad } from '../topology/node-load.ts'
import type { NodeDescription } from '../topology/topology.ts'
import type { Connection } from './connection.ts'
import type { NodePoolOptions } from './node-pool-options.ts'
import type { ServerRole } from './open-connection.ts'
import type { PgModule } from './pg-module.ts'

export interface NodePoolConfig {
  readonly pg: PgModule
  readonly node: NodeDescription
  /** Everything `pg.Client` takes. Its timeouts are kept by the pool, and `pipeline` is off. */
  readonly clientConfig: pg.ClientConfig
  readonly options?: NodePoolOptions | undefined
  /** Runs on every new connection before anyone gets it, within the connect deadline. */
  readonly onConnect?: ((client: pg.Client) => unknown) | undefined
  /** What the node's load is measured with; default: one of its own. */
  readonly load?: NodeLoad | undefined
}

export interface LeaseOptions {
  /** Milliseconds to wait at most, 0 for no limit. Default: the pool's `acquireTimeoutMs`. */
  readonly deadlineMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /**
   * True for work that holders of connections wait for, such as reading the catalog after DDL: it goes before all
   * other callers, and when every connection is leased one more than `max` is opened for it.
   */
  readonly isAwaitedByHolders?: boolean | undefined
}

/** `error` is only emitted for connections that nobody had leased, and only when somebody listens. */
export interface NodePoolEvents {
  connect: [connection: Connection]
  acquire: [connection: Connection]
  release: [error: unknown, connection: Connection]
  remove: [connection: Connection]
  error: [error: Error, connection: Connection]
  /** A connection broke, leased or not. */
  broken: [error: Error]
  /** An attempt to connect failed. */
  failed: [error: unknown]
  /** The server said that it has another role than it is described with. */
  role: [role: ServerRole]
}

/** For spans and diagnosis; never part of an error. */
export interface NodeAddress {
  readonly host: string
  readonly port: number
  readonly database: string | undefined
}
