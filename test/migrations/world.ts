import {
  createRouter,
  defineCluster,
  reference,
  ShardsError,
  tenant,
  type Router,
  type RouterOptions,
} from '@shardline/core'
import { startCluster, type Cluster } from '@shardline/local-cluster'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'

/** Two shards with an empty database for every test, `s0` and `s1`. */
export interface World {
  /** A router of its own, as another process has one; ended with the test. */
  router(options?: RouterOptions): Promise<Router>
  /** Straight at a server, past every router. */
  at(shard: number, sql: string): Promise<Record<string, unknown>[]>
  /** Advisory locks that are held in the test's database of a server. */
  locks(shard: number): Promise<readonly unknown[]>
}

/** Registers the start and the end of the servers around the tests of one file. */
export function useWorld(): World {
  let cluster: Cluster
  let urls: readonly string[] = []
  let routers: Router[] = []
  let databases = 0

  beforeAll(async () => {
    cluster = await startCluster({ shards: 2, replicas: 0 })
  })
  afterAll(async () => {
    await cluster.stop()
  })
  beforeEach(async () => {
    const name = `suite_${(databases += 1)}`
    await cluster.sql(`create database ${name}`)
    urls = cluster.shards.map(({ primary }) => primary.url.replace(/\/postgres$/, `/${name}`))
  })
  afterEach(async () => {
    await Promise.all(routers.map((router) => router.end()))
    routers = []
  })

  const at: World['at'] = async (shard, sql) => {
    const client = new pg.Client({ connectionString: urls[shard] })
    await client.connect()
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows
    } finally {
      await client.end()
    }
  }
  return {
    at,
    locks: (shard) =>
      at(
        shard,
        `select 1 from pg_locks l join pg_database d on d.oid = l.database
         where locktype = 'advisory' and datname = current_database()`,
      ),
    async router(options = {}) {
      const described = defineCluster({
        shards: Object.fromEntries(urls.map((primary, index) => [`s${index}`, { primary }])),
        tables: {
          tenants: tenant('id'),
          orders: tenant('tenant_id', { routable: ['id'] }),
          countries: reference(),
        },
      })
      const router = await createRouter(described, { pg, ...options })
      routers.push(router)
      return router
    },
  }
}

/** What work on every shard failed with. */
export async function failureOf(promise: Promise<unknown>): Promise<ShardsError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof ShardsError) return error
  throw new Error('it did not fail on shards', { cause: error })
}
