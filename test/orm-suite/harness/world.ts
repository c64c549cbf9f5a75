import type { ClusterInput, Router } from '@shardline/core'
import type { Cluster, PgNode } from '@shardline/local-cluster'
import type { Application, Orm } from '../application.ts'
import type { Data } from '../domain/data.ts'
import type { Ids } from '../domain/ids.ts'
import type { Logged } from './statement-log.ts'

/** What `touched` saw. */
export interface Touched<T> {
  readonly result: T
  readonly statements: readonly Logged[]
  /** Names of the servers that ran something, in alphabetical order: `s0p`, `s0r1`, `s1p`, `s1r1`. */
  readonly nodes: readonly string[]
}

/** The servers, the routers and the applications of one ORM, and the data that every scenario starts with. */
export interface World {
  readonly orm: Orm
  readonly cluster: Cluster
  readonly router: Router
  /** Through Shardline on 2 × (1 + 1). */
  readonly application: Application
  /** The same ORM on one PostgreSQL with its native driver, with the same data. */
  readonly plain: Application
  readonly plainUrl: string
  readonly data: Data
  readonly ids: Ids
  /** Runs `act` and tells which servers ran statements of the application, by their own logs. */
  touched<T>(act: () => Promise<T>): Promise<Touched<T>>
  /**
   * Runs `act` with the application and with the plain one, and expects both to return alike (undefined and absent are the
   * same). Returns what Shardline's returned, and the servers it touched.
   */
  alike<T>(act: (application: Application) => Promise<T>): Promise<Touched<T>>
  /** The same of errors: both must reject, and alike in the ORM's own description. Returns Shardline's. */
  alikeRejected(act: (application: Application) => Promise<unknown>): Promise<unknown>
  /** Both at once: either both return alike or both reject alike. Returns what was seen, and the servers touched. */
  alikeOutcome(act: (application: Application) => Promise<unknown>): Promise<Touched<unknown>>
  /** Resolves when reads go to the replicas again: they have replayed everything, and the router (this world's) knows. */
  settle(router?: Router): Promise<void>
  /** The data as at the beginning, everywhere. */
  reset(): Promise<void>
  /** Ends all sessions of both applications on the primaries, and waits until they are gone. */
  endSessions(): Promise<void>
  /** Ends all sessions of the application on the replicas. */
  endReplicaSessions(): Promise<void>
  /** Waits until one of them sleeps in `pg_sleep`, and ends that one. */
  endSleepers(): Promise<void>
  /** A router of its own for one scenario, and an application over it; both are ended with the scenario. */
  open(
    options?: Partial<ClusterInput>,
  ): Promise<{ readonly router: Router; readonly application: Application }>
  /** Both replicas: what a read of everything reaches. */
  readonly nodesOfReads: readonly string[]
  /** Both primaries. */
  readonly nodesOfWrites: readonly string[]
  /** The primary and the replica of the shard with this tenant. */
  primaryOf(tenantId: number): string
  replicaOf(tenantId: number): string
  shardNodesOf(tenantId: number): readonly string[]
  nodeNamed(name: string): PgNode
}
