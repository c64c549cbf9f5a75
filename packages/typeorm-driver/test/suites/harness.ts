import { createRouter, defineCluster, type Router, type TableDescription } from '@shardline/core'
import { startCluster, type Cluster } from '@shardline/local-cluster'
import { typeormDriver } from '@shardline/typeorm-driver'
import pg from 'pg'
import { DataSource, type DataSourceOptions } from 'typeorm'
import { afterAll, beforeAll } from 'vitest'

/** Two shards with a replica each, and one router, for all suites of a file. */
export interface Harness {
  readonly cluster: Cluster
  readonly router: Router
}

type Options = Partial<Omit<Extract<DataSourceOptions, { readonly type: 'postgres' }>, 'type' | 'driver'>>

export function useHarness(): Harness {
  let cluster: Cluster
  let router: Router
  beforeAll(async () => {
    cluster = await startCluster({ shards: 2, replicas: 1 })
    router = await createRouter(defineCluster({ shards: cluster.urls }), { pg })
  })
  afterAll(async () => {
    await router?.end()
    await cluster?.stop()
  })
  return {
    get cluster() {
      return cluster
    },
    get router() {
      return router
    },
  }
}

/** Runs `work` with a DataSource of its own, and destroys that. */
export async function withDataSource<T>(
  router: Router,
  options: Options,
  work: (db: DataSource) => Promise<T>,
): Promise<T> {
  const db = new DataSource({
    type: 'postgres',
    driver: typeormDriver(router),
    ...options,
  })
  await db.initialize()
  try {
    return await work(db)
  } finally {
    if (db.isInitialized) await db.destroy()
  }
}

/** What initialising a DataSource with these options would tell the router. */
export async function described(
  router: Router,
  options: Options,
): Promise<Readonly<Record<string, TableDescription>>> {
  let seen: Readonly<Record<string, TableDescription>> = {}
  const listening = Object.create(router, {
    describeTables: { value: (tables: typeof seen) => (seen = tables) },
  }) as Router
  await withDataSource(listening, options, async () => undefined)
  return seen
}

/** What a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('it succeeded')
    },
    (error: unknown) => error,
  )
}
