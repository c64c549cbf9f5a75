import { startCluster, waitFor } from '@shardline/local-cluster'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { NodeHealth } from '../src/monitoring/node-health.ts'
import { endPools, openPool, rejection } from './node-pool-fixture.ts'
import type { Cluster, PgNode } from '@shardline/local-cluster'

let cluster: Cluster
let primary: PgNode
let replica: PgNode

beforeAll(async () => {
  cluster = await startCluster({ replicas: 2 })
  const [shard] = cluster.shards
  if (shard?.replicas[0] === undefined) throw new Error('no replica')
  primary = shard.primary
  replica = shard.replicas[0]
})
afterAll(() => cluster.stop())

const opened = new Set<NodeHealth>()
afterEach(async () => {
  for (const health of opened) health.end()
  opened.clear()
  await endPools()
})

function watch(...pools: ReturnType<typeof openPool>[]): NodeHealth {
  const health = new NodeHealth(pools, () => performance.now())
  opened.add(health)
  return health
}

describe('NodeHealth', () => {
  it('puts a dead node aside and takes it back when it is reached again, without anybody asking', async () => {
    const pool = openPool(replica.url, { role: 'replica' })
    const health = watch(pool)
    await pool.execute({ text: 'select 1' })
    expect(health.isAvailable(pool)).toBe(true)
    await replica.kill()
    await rejection(pool.execute({ text: 'select 1' }))
    await rejection(pool.execute({ text: 'select 1' }))
    expect(health.isAvailable(pool)).toBe(false)
    await replica.start()
    await waitFor('the node to be taken back', async () => health.isAvailable(pool))
    expect((await pool.execute({ text: 'select 1 as a' })).rows).toEqual([{ a: 1 }])
  })

  it('puts aside a node that accepts connections and is silent', async () => {
    const pool = openPool(replica.url, { role: 'replica', connectTimeoutMs: 150 })
    const health = watch(pool)
    replica.pause()
    try {
      await rejection(pool.execute({ text: 'select 1' }))
      expect(health.isAvailable(pool)).toBe(false)
    } finally {
      replica.continue()
    }
    await waitFor('the node to be taken back', async () => health.isAvailable(pool))
  })

  it('does not put a node aside for one connection that was ended', async () => {
    const pool = openPool(primary.url)
    const health = watch(pool)
    const running = rejection(pool.execute({ text: 'select pg_terminate_backend(pg_backend_pid())' }))
    expect((await running).code).toBe('57P01')
    expect(health.isAvailable(pool)).toBe(true)
  })

  it('stops reaching out when it ends', async () => {
    const pool = openPool('postgres://postgres@127.0.0.1:1/postgres')
    const health = watch(pool)
    await rejection(pool.lease())
    health.end()
    const tried = pool.counters.failed
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(pool.counters.failed).toBe(tried)
  })

  // Last: it takes the replica out of the cluster.
  it('gives up a replica that is promoted, on the first answer that shows it', async () => {
    const pool = openPool(replica.url, { role: 'replica' })
    const health = watch(pool)
    const leased = await pool.lease()
    await pool.execute({ text: 'select 1' })
    await replica.promote()
    await waitFor('the pool to hear of it', async () => {
      await pool.execute({ text: 'select 1' }).catch(() => {})
      return pool.observedRole === 'primary'
    })
    expect(health.isAvailable(pool)).toBe(false)
    expect((await leased.query({ text: 'select 1 as a' })).rows).toEqual([{ a: 1 }])
    pool.release(leased)
    expect((await rejection(pool.execute({ text: 'select 1' }))).code).toBe('NODE_ROLE_MISMATCH')
    // It stays so: what is reached there is not a replica.
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(health.isAvailable(pool)).toBe(false)
  })

  it('asks for the role when a primary refuses a write as read-only', async () => {
    const pool = openPool(primary.url)
    const health = watch(pool)
    await pool.execute({ text: 'select 1' })
    const asked = pool.counters.leased
    health.recheckRole(pool)
    health.recheckRole(pool)
    await waitFor('the question', async () => pool.inFlight === 0 && pool.counters.leased > asked)
    expect(pool.counters.leased).toBe(asked + 1)
    expect(health.isAvailable(pool)).toBe(true)
  })
})
