import { setTimeout as delay } from 'node:timers/promises'
import { startCluster, type Cluster, type PgNode } from '@shardline/local-cluster'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { defineCluster } from '../src/config/define-cluster.ts'
import { Staleness } from '../src/monitoring/staleness.ts'
import { createRouter, type Router } from '../src/router.ts'
import { endPools, openPool } from './node-pool-fixture.ts'
import { rejection } from './routed-fixture.ts'

let cluster: Cluster
let primary: PgNode
let replica: PgNode

beforeAll(async () => {
  cluster = await startCluster({ replicas: 1 })
  const [shard] = cluster.shards
  if (shard?.replicas[0] === undefined) throw new Error('no replica')
  primary = shard.primary
  replica = shard.replicas[0]
  await primary.sql('create table notes (id serial primary key, at timestamptz default clock_timestamp())')
  await cluster.waitForReplay()
})
afterAll(() => cluster.stop())

const routers = new Set<Router>()
const watched = new Set<Staleness>()
afterEach(async () => {
  for (const staleness of watched) staleness.end()
  watched.clear()
  await Promise.all([...routers].map((router) => router.end()))
  routers.clear()
  await endPools()
})

async function open(
  maxLagMs: number | undefined,
  consistency: 'eventual' | 'session' = 'eventual',
): Promise<Router> {
  const router = await createRouter(
    defineCluster({
      shards: cluster.urls,
      reads: { maxLagMs },
      consistency,
      pool: { connectTimeoutMs: 1_000 },
    }),
    { pg },
  )
  routers.add(router)
  return router
}

/** Which node answers a read now. */
async function asked(router: Router): Promise<'primary' | 'replica'> {
  const { rows } = await router.pool.query<{ port: string }>("select current_setting('port') as port")
  return Number(rows[0]?.port) === primary.port ? 'primary' : 'replica'
}

async function untilAsked(router: Router, node: 'primary' | 'replica'): Promise<void> {
  await expect.poll(() => asked(router), { timeout: 20_000, interval: 5 }).toBe(node)
}

describe('reads.maxLagMs', () => {
  it('asks no replica that lags, and asks it again when it has caught up', async () => {
    const router = await open(300)
    await untilAsked(router, 'replica')
    await replica.pauseReplay()
    try {
      await primary.sql('insert into notes default values')
      const writtenAt = performance.now()
      await untilAsked(router, 'primary')
      const nodes: string[] = []
      while (performance.now() < writtenAt + 900) {
        const isPastBound = performance.now() > writtenAt + 300
        const node = await asked(router)
        if (isPastBound) nodes.push(node)
      }
      expect(new Set(nodes)).toEqual(new Set(['primary']))
    } finally {
      await replica.resumeReplay()
    }
    await untilAsked(router, 'replica')
  })

  it('takes no idle primary for a lagging replica', async () => {
    const router = await open(400)
    await untilAsked(router, 'replica')
    const nodes: string[] = []
    const until = performance.now() + 5 * 400
    while (performance.now() < until) nodes.push(await asked(router))
    // All of them, but for a machine that does not get to ask for 400 ms.
    expect(nodes.filter((node) => node === 'replica').length / nodes.length).toBeGreaterThan(0.6)
    await untilAsked(router, 'replica')
  })

  it('shows whatever was written maxLagMs ago, however late replicas are', async () => {
    const router = await open(150)
    await untilAsked(router, 'replica')
    const written: { readonly id: number; readonly at: number }[] = []
    const counts = { replica: 0, missed: 0, young: 0 }
    try {
      for (const delayMs of [0, 60, 400]) {
        await replica.setReplayDelayMs(delayMs)
        const until = performance.now() + 900
        while (performance.now() < until) {
          const [row] = await primary.sql<{ id: number }>('insert into notes default values returning id')
          written.push({ id: row?.id ?? 0, at: performance.now() })
          const readAt = performance.now()
          const { rows } = await router.pool.query<{ id: number; port: string }>(
            "select max(id) as id, current_setting('port') as port from notes",
          )
          const [seen] = rows
          const due = written.findLast(({ at }) => at <= readAt - 150)?.id ?? 0
          if (Number(seen?.port) === replica.port) counts.replica++
          if ((seen?.id ?? 0) < due) counts.missed++
          if ((seen?.id ?? 0) < (written.at(-1)?.id ?? 0)) counts.young++
        }
      }
    } finally {
      await replica.setReplayDelayMs(0)
    }
    expect(counts.missed).toBe(0)
    // The test would prove nothing if replicas had not been asked, or had never been behind.
    expect(counts.replica).toBeGreaterThan(20)
    expect(counts.young).toBeGreaterThan(0)
  })

  it('stands beside the session floor, and neither replaces the other', async () => {
    const router = await open(60_000, 'session')
    await untilAsked(router, 'replica')
    await replica.pauseReplay()
    try {
      await router.pool.query('insert into notes default values')
      expect(await asked(router)).toBe('primary')
      expect(await router.run({ consistency: 'eventual' }, () => asked(router))).toBe('replica')
    } finally {
      await replica.resumeReplay()
    }
    await untilAsked(router, 'replica')
  })

  it('is refused when it is shorter than what can be measured', () => {
    expect(() => defineCluster({ shards: cluster.urls, reads: { maxLagMs: 0 } })).toThrow(
      /reads\.maxLagMs.*at least 10/,
    )
  })

  it('costs no question when it is not set', async () => {
    const router = await open(undefined)
    const { nodes } = router.counters()
    await delay(100)
    expect(router.counters().nodes).toEqual(nodes)
  })

  it('refuses replicas of a primary that is away, saying how far behind they may be', async () => {
    const router = await open(200)
    await untilAsked(router, 'replica')
    await primary.kill()
    try {
      await expect
        .poll(() => asked(router).catch((error: { code?: string }) => error.code), {
          timeout: 20_000,
          interval: 5,
        })
        .toBe('NO_NODE_AVAILABLE')
      const error = await rejection(router.pool.query('select 1 from notes'))
      expect(error.message).toMatch(
        /^No replica of shard "s0" is within 200 ms \(s0\/replica0: \d+ ms\), and its primary cannot be reached\. Raise maxLagMs or bring the primary back\.$/,
      )
    } finally {
      await primary.start()
    }
    await expect
      .poll(() => asked(router).catch((error: { code?: string }) => error.code), {
        timeout: 20_000,
        interval: 5,
      })
      .toBe('replica')
  })
})

describe('Staleness', () => {
  function watch(maxLagMs: number) {
    const own = openPool(primary.url)
    const other = openPool(replica.url, { role: 'replica', name: 's0/replica0' })
    const staleness = new Staleness([{ name: 's0', primary: own, replicas: [other] }], {
      maxLagMs,
      now: () => performance.now(),
    })
    watched.add(staleness)
    return { staleness, own, other, isWithin: () => staleness.isWithin(other) }
  }

  it('does not trust replicas of a primary that is silent', async () => {
    const { isWithin } = watch(200)
    await expect.poll(isWithin).toBe(true)
    primary.pause()
    const pausedAt = performance.now()
    try {
      await expect.poll(isWithin, { interval: 5 }).toBe(false)
      // Longer than the bound, and not as long as the silence.
      expect(performance.now() - pausedAt).toBeLessThan(2_000)
    } finally {
      primary.continue()
    }
    await expect.poll(isWithin, { timeout: 10_000 }).toBe(true)
  })

  it('forgets a replica that was away', async () => {
    const { isWithin } = watch(60_000)
    await expect.poll(isWithin).toBe(true)
    await replica.kill()
    await expect.poll(isWithin).toBe(false)
    await replica.start()
    await expect.poll(isWithin, { timeout: 10_000 }).toBe(true)
  })

  it('stops asking when it ends', async () => {
    const { staleness, own, other, isWithin } = watch(40)
    await expect.poll(isWithin).toBe(true)
    staleness.end()
    await expect.poll(() => own.inFlight + other.inFlight).toBe(0)
    const leased = own.counters.leased + other.counters.leased
    await delay(100)
    expect(own.counters.leased + other.counters.leased).toBe(leased)
    expect(isWithin()).toBe(false)
  })
})
