import { createServer, connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { startCluster, waitFor } from '@shardline/local-cluster'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { SessionFloors } from '../src/consistency/session-floors.ts'
import { endPools, openPool } from './node-pool-fixture.ts'
import type { AddressInfo, Socket } from 'node:net'
import type { Cluster, PgNode } from '@shardline/local-cluster'
import type { NodePool } from '../src/pool/node-pool.ts'

let cluster: Cluster
let primaryNode: PgNode
let replicaNode: PgNode

beforeAll(async () => {
  cluster = await startCluster({ replicas: 1 })
  const [shard] = cluster.shards
  if (shard?.replicas[0] === undefined) throw new Error('no replica')
  primaryNode = shard.primary
  replicaNode = shard.replicas[0]
  await primaryNode.sql('create table notes (id int primary key)')
  await cluster.waitForReplay()
})
afterAll(() => cluster.stop())

const opened = new Set<SessionFloors>()
afterEach(async () => {
  for (const floors of opened) floors.end()
  opened.clear()
  await endPools()
})

interface Session {
  readonly floors: SessionFloors
  readonly primary: NodePool
  readonly replica: NodePool
  write(id: number): Promise<void>
  isEligible(): boolean
}

function session(primaryUrl = primaryNode.url, replicaUrl = replicaNode.url): Session {
  const primary = openPool(primaryUrl)
  const replica = openPool(replicaUrl, { role: 'replica', name: 's0/replica0', connectTimeoutMs: 500 })
  const floors = new SessionFloors([{ name: 's0', primary, replicas: [replica] }])
  opened.add(floors)
  return {
    floors,
    primary,
    replica,
    async write(id) {
      await primary.execute({ text: 'insert into notes values ($1)', values: [id] })
      floors.markWritten('s0')
    },
    isEligible: () => floors.isReplicaEligible('s0', 's0/replica0'),
  }
}

let ids = 0

describe('SessionFloors', () => {
  it('leaves replicas alone while this process has written nothing', async () => {
    const { isEligible, replica, floors } = session()
    expect(isEligible()).toBe(true)
    expect(floors.isReplicaEligible('another shard', 'any node')).toBe(true)
    await delay(50)
    expect(replica.counters.opened).toBe(0)
  })

  it('holds reads back from the moment of the write until the replica has replayed it', async () => {
    const { isEligible, write } = session()
    await write(++ids)
    expect(isEligible()).toBe(false)
    await waitFor('the replica to be eligible', async () => isEligible())
    expect(await replicaNode.sql('select from notes where id = $1', [ids])).toHaveLength(1)
  })

  it('does not trust a replica whose replay stands still, and asks it less and less often', async () => {
    const { isEligible, write, replica } = session()
    await replicaNode.pauseReplay()
    try {
      await write(++ids)
      await waitFor('the replica to be asked', async () => replica.counters.leased > 3)
      await delay(600)
      const asked = replica.counters.leased
      await delay(600)
      expect(replica.counters.leased - asked).toBeLessThan(5)
      expect(isEligible()).toBe(false)
    } finally {
      await replicaNode.resumeReplay()
    }
    await waitFor('the replica to be eligible', async () => isEligible())
  })

  it('always reads what was written before, and still reads from the replica', async () => {
    const { isEligible, write, primary, replica } = session()
    // Replay that is visibly late: without the floor nearly every read below misses its row.
    await replicaNode.setReplayDelayMs(15)
    let fromReplica = 0
    let missed = 0
    try {
      for (let round = 0; round < 60; round++) {
        const id = ++ids
        await write(id)
        for (let read = 0; read < 5; read++) {
          const isReplica = isEligible()
          if (isReplica) fromReplica++
          const node = isReplica ? replica : primary
          const { rowCount } = await node.execute({ text: 'select from notes where id = $1', values: [id] })
          if (rowCount !== 1) missed++
          await delay(round % 2 === 0 ? 0 : 12)
        }
      }
    } finally {
      await replicaNode.setReplayDelayMs(0)
    }
    expect(missed).toBe(0)
    expect(fromReplica).toBeGreaterThan(20)
  })

  it('asks seldom while writes never stop', async () => {
    const { write, primary, replica } = session()
    const before = primary.counters.leased
    let writes = 0
    const until = performance.now() + 500
    while (performance.now() < until) {
      await write(++ids)
      writes++
    }
    expect(writes).toBeGreaterThan(100)
    // Every 4 ms at most, every 50 ms when the answers come too late to be of use.
    expect(primary.counters.leased - before - writes).toBeLessThan(130)
    expect(replica.counters.leased).toBeLessThan(260)
  })

  it('is not fooled by asynchronous commits', async () => {
    await primaryNode.configure({ synchronous_commit: 'off', wal_writer_delay: '10s' })
    try {
      const { isEligible, write, replica } = session()
      for (let round = 0; round < 10; round++) {
        const id = ++ids
        await write(id)
        await delay(20)
        if (!isEligible()) continue
        const { rowCount } = await replica.execute({ text: 'select from notes where id = $1', values: [id] })
        expect(rowCount).toBe(1)
      }
    } finally {
      await primaryNode.configure({ synchronous_commit: 'on', wal_writer_delay: '200ms' })
    }
  })

  it('doubts a replica that was away', async () => {
    const { isEligible, write, replica } = session()
    await write(++ids)
    await waitFor('the replica to be eligible', async () => isEligible())
    await replicaNode.kill()
    await waitFor('the doubt', async () => !isEligible())
    await replicaNode.start()
    await waitFor('the replica to be eligible again', async () => isEligible())
    expect(replica.counters.broken).toBeGreaterThan(0)
  })

  it('stops asking when it ends', async () => {
    const { floors, write, replica } = session()
    await replicaNode.pauseReplay()
    try {
      await write(++ids)
      await waitFor('the replica to be asked', async () => replica.counters.leased > 1)
      floors.end()
      await delay(50)
      const asked = replica.counters.leased
      await delay(500)
      expect(replica.counters.leased).toBe(asked)
    } finally {
      await replicaNode.resumeReplay()
    }
  })
})

describe('after a failover behind the same address', () => {
  it('does not trust a replica of the old timeline, however far it has replayed', async () => {
    await using after = await startCluster({ replicas: 2 })
    const [shard] = after.shards
    const [heir, stale] = shard?.replicas ?? []
    if (shard === undefined || heir === undefined || stale === undefined) throw new Error('no replicas')
    const old = shard.primary
    await old.sql('create table notes (id int primary key)')
    await after.waitForReplay()
    // The heir misses what the other replica gets: it takes over at a lower position.
    await heir.configure({ primary_conninfo: '' })
    await waitFor('the heir to be cut off', async () => {
      const rows = await heir.sql('select from pg_stat_wal_receiver')
      return rows.length === 0
    })
    await old.sql('insert into notes select generate_series(100000, 200000)')
    await stale.waitForReplay()
    const [reached] = await stale.sql<{ lsn: string }>('select pg_last_wal_replay_lsn()::text as lsn')

    let target = old.port
    const sockets = new Set<Socket>()
    const relay = createServer((socket) => {
      const onward = connect(target, '127.0.0.1')
      for (const end of [socket, onward]) {
        sockets.add(end)
        end.on('error', () => {}).on('close', () => (socket.destroy(), onward.destroy()))
      }
      socket.pipe(onward).pipe(socket)
    })
    await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve))
    const { port } = relay.address() as AddressInfo

    const { isEligible, write } = session(`postgres://postgres@127.0.0.1:${port}/postgres`, stale.url)
    await write(1)
    await waitFor('the replica to be eligible', async () => isEligible())

    await old.kill()
    await heir.promote()
    target = heir.port
    for (const socket of sockets) socket.destroy()
    await waitFor('the new primary', async () =>
      write(2).then(
        () => true,
        () => false,
      ),
    )
    const [floor] = await heir.sql<{ is_behind: boolean }>(
      'select pg_current_wal_lsn() < $1::pg_lsn as is_behind',
      [reached?.lsn],
    )
    expect(floor?.is_behind).toBe(true)
    await delay(400)
    expect(isEligible()).toBe(false)
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => relay.close(resolve))
  })
})
