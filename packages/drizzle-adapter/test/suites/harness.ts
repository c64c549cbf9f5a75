import { createRouter, defineCluster, type Router } from '@shardline/core'
import { startCluster, type Cluster, type PgNode } from '@shardline/local-cluster'
import * as drizzleOrm from 'drizzle-orm'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll } from 'vitest'
import * as schema from './schema.ts'

/** The version whose relations are apart from the tables. */
export const isVersion1 = 'defineRelations' in drizzleOrm

/** The tables alone: what an application would import as its schema. */
export const { ddl, ...tables } = schema

/** Which server answered, in its own words. (`inet_server_port()` would ask the primary: it says what it likes of a server.) */
export const port = sql<number>`current_setting('port')::int`.as('port')

/** The servers and routers of one test file. */
export interface Harness {
  readonly cluster: Cluster
  readonly router: Router
  /** Tenants 1 to 20 by the shard that holds them: `[0]` on the first shard, `[1]` on the second. */
  readonly tenantsOf: readonly (readonly number[])[]
  /** A router of its own for one test; ended with the harness. */
  createRouter(options?: Readonly<Record<string, unknown>>): Promise<Router>
  primary(shard: number): PgNode
  replica(shard: number): PgNode
  /** Removes every row that tests write. */
  reset(): Promise<void>
}

const placedTenants = 20

/** Registers the start and the end of a 2 × (1 + 1) cluster around the suites of one file. */
export function useHarness(): Harness {
  let cluster: Cluster
  const routers: Router[] = []
  const tenantsOf: number[][] = [[], []]

  const newRouter = async (options: Readonly<Record<string, unknown>> = {}) => {
    const router = await createRouter(
      defineCluster({ shards: cluster.urls, consistency: 'eventual', ...options }),
    )
    routers.push(router)
    return router
  }

  beforeAll(async () => {
    cluster = await startCluster({ shards: 2, replicas: 1 })
    await cluster.sql(ddl)
    await cluster.waitForReplay()
    const router = await newRouter()
    const placing = await newRouter({ tables: { tenants: { strategy: 'tenant', column: 'id' } } })
    for (let id = 1; id <= placedTenants; id++) {
      await placing.pool.query('insert into tenants (id, name) values ($1, $2)', [id, `tenant ${id}`])
    }
    for (const [shard, tenants] of tenantsOf.entries()) {
      const rows = await at(shard).sql<{ id: number }>('select id from tenants order by id')
      tenants.push(...rows.map((row) => row.id))
    }
    void router
  })

  afterAll(async () => {
    await Promise.all(routers.filter(({ pool }) => !pool.ending).map((router) => router.end()))
    await cluster?.stop()
  })

  const at = (shard: number): PgNode => {
    const found = cluster.shards[shard]
    if (found === undefined) throw new Error(`no shard ${shard}`)
    return found.primary
  }

  return {
    get cluster() {
      return cluster
    },
    get router() {
      const [first] = routers
      if (first === undefined) throw new Error('the harness has not started')
      return first
    },
    tenantsOf,
    createRouter: newRouter,
    primary: at,
    replica(shard) {
      const [replica] = cluster.shards[shard]?.replicas ?? []
      if (replica === undefined) throw new Error(`no replica of shard ${shard}`)
      return replica
    },
    async reset() {
      await cluster.sql('truncate orders, items, features, readings, countries, settings, app.notes')
      await cluster.waitForReplay()
    },
  }
}

/** One tenant of each shard. */
export function tenantsOfShards(harness: Harness): { readonly a: number; readonly b: number } {
  const [[a] = [], [b] = []] = harness.tenantsOf
  if (a === undefined || b === undefined) throw new Error('one shard has no tenant')
  return { a, b }
}

/** An order with nothing special about it. */
export function order(tenantId: number, id: number, total = '1.00') {
  return { tenantId, id, total }
}
