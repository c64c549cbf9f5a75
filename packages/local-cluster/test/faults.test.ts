import { existsSync } from 'node:fs'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startCluster, waitFor, type Cluster } from '@shardline/local-cluster'
import { childrenOf, isAlive } from '../src/processes.ts'

let cluster: Cluster

beforeAll(async () => {
  cluster = await startCluster({ shards: 2, replicas: 1, conf: { work_mem: '3MB' } })
  await cluster.sql('create table notes (id int primary key)')
  await cluster.waitForReplay()
})
afterAll(() => cluster.stop())

const firstShard = () => {
  const shard = cluster.shards[0]
  const replica = shard?.replicas[0]
  if (shard === undefined || replica === undefined) throw new Error('the cluster has no replica')
  return { shard, primary: shard.primary, replica }
}
const countOf = async (node: { sql: Cluster['nodes'][number]['sql'] }) =>
  (await node.sql<{ count: number }>('select count(*)::int as count from notes'))[0]?.count

describe('a cluster', () => {
  test('has two primaries with one standby each, and shards that know nothing of each other', async () => {
    expect(cluster.nodes.map((node) => node.name)).toEqual(['s0p', 's0r1', 's1p', 's1r1'])
    const recovering = await Promise.all(
      cluster.nodes.map((node) => node.sql('select pg_is_in_recovery() as standby')),
    )
    expect(recovering.map(([row]) => row?.standby)).toEqual([false, true, false, true])
    await cluster.shards[1]?.primary.sql('insert into notes values (-1)')
    await cluster.waitForReplay()
    const counts = await Promise.all(cluster.nodes.map(countOf))
    expect(counts).toEqual([0, 0, 1, 1])
  })

  test('takes settings, and has the URLs in the shape of a configuration', async () => {
    const { primary, replica } = firstShard()
    for (const node of [primary, replica])
      expect(await node.sql('show work_mem')).toEqual([{ work_mem: '3MB' }])
    expect(cluster.urls.s0).toEqual({ primary: primary.url, replicas: [replica.url] })
    expect(Object.keys(cluster.urls)).toEqual(['s0', 's1'])
  })

  test('sorts by C, returns the last rows of several statements, and passes values', async () => {
    const { primary } = firstShard()
    expect(await primary.sql(`select 'B' < 'a' as bytewise`)).toEqual([{ bytewise: true }])
    expect(await primary.sql('select 1 as one; select 2 as two')).toEqual([{ two: 2 }])
    expect(await primary.sql('select $1::int + 1 as sum', [41])).toEqual([{ sum: 42 }])
    await expect(primary.sql('select nothing')).rejects.toMatchObject({ code: '42703' })
  })
})

describe('a replica', () => {
  test('falls behind while replay is paused, and waitForReplay says so', async () => {
    const { primary, replica } = firstShard()
    const before = await countOf(replica)
    await replica.pauseReplay()
    await primary.sql('insert into notes values (1)')
    await expect(replica.waitForReplay({ timeoutMs: 150 })).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(await countOf(replica)).toBe(before)
    await replica.resumeReplay()
    await replica.waitForReplay()
    expect(await countOf(replica)).toBe((before ?? 0) + 1)
  })

  test('applies late by as much as it is told', async () => {
    const { primary, replica } = firstShard()
    await replica.setReplayDelayMs(400)
    await replica.waitForReplay()
    const committedAt = performance.now()
    await primary.sql('insert into notes values (2)')
    await replica.waitForReplay()
    expect(performance.now() - committedAt).toBeGreaterThan(350)
    await replica.setReplayDelayMs(0)
  })

  test('cannot be asked for what only a replica does when it is a primary', async () => {
    const { primary } = firstShard()
    await expect(primary.waitForReplay()).rejects.toMatchObject({ code: 'NOT_A_REPLICA' })
    await expect(primary.promote()).rejects.toMatchObject({ code: 'NOT_A_REPLICA' })
    await expect(primary.pauseReplay()).rejects.toMatchObject({ code: 'NOT_A_REPLICA' })
  })
})

describe('faults', () => {
  test('a paused node is silent: open and new connections hang until it continues', async () => {
    const { replica } = firstShard()
    const client = new Client(replica.url)
    await client.connect()
    replica.pause()
    let answered = false
    const answer = client.query('select 1 as one').then(({ rows }) => {
      answered = true
      return rows
    })
    const late = new Client({ connectionString: replica.url, connectionTimeoutMillis: 200 })
    late.on('error', () => undefined)
    await expect(late.connect()).rejects.toThrow(/timeout/)
    expect(answered).toBe(false)
    replica.continue()
    expect(await answer).toEqual([{ one: 1 }])
    await client.end()
  })

  test.each(['SIGKILL', 'SIGQUIT'] as const)(
    '%s takes the node and all its children; it comes back on its port with what was committed',
    async (signal) => {
      const { shard, primary } = firstShard()
      const before = await countOf(primary)
      const { pid, port } = primary
      const children = childrenOf(pid)
      expect(children.length).toBeGreaterThan(3)
      await primary.sql('insert into notes select max(id) + 1 from notes')
      await primary.kill(signal)
      expect(primary.isRunning).toBe(false)
      expect(() => primary.pid).toThrow(expect.objectContaining({ code: 'NOT_RUNNING' }))
      for (const id of [pid, ...children]) expect(isAlive(id)).toBe(false)
      await expect(primary.sql('select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
      await primary.start()
      expect(primary.port).toBe(port)
      expect(await countOf(primary)).toBe((before ?? 0) + 1)
      await shard.waitForReplay()
    },
  )

  test('a paused node can be stopped, and a stopped one started; both twice', async () => {
    const { shard, replica } = firstShard()
    replica.pause()
    await replica.stop()
    await replica.stop()
    expect(replica.log).toContain('database system is shut down')
    await replica.start()
    await replica.start()
    await shard.waitForReplay()
  })

  test('a setting is there when configure resolves', async () => {
    const { primary } = firstShard()
    for (const size of ['5MB', '6MB']) {
      await primary.configure({ work_mem: size })
      expect(await primary.sql('show work_mem')).toEqual([{ work_mem: size }])
    }
  })

  test('a frozen server does not keep the cluster from stopping', async () => {
    const other = await startCluster()
    const [node] = other.nodes
    node?.pause()
    await other.stop()
    expect(await waitFor('the node to be known as ended', () => !node?.isRunning)).toBe(true)
  })

  test('a cluster can be disposed of, and stopped twice', async () => {
    const other = await startCluster()
    await other[Symbol.asyncDispose]()
    await other.stop()
    expect(existsSync(other.dir)).toBe(false)
  })
})
