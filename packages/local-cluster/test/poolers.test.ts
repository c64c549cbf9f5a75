import pg from 'pg'
import { afterAll, describe, expect, test } from 'vitest'
import { startCluster, startPgBouncer, startPgpool, type Pooler } from '@shardline/local-cluster'

const cluster = await startCluster({ replicas: 1 })
const [shard] = cluster.shards
if (shard === undefined) throw new Error('a cluster has a shard')
const bouncer = await startPgBouncer(shard.primary, { default_pool_size: 1 })
const pgpool = await startPgpool(shard.nodes)
afterAll(async () => {
  await Promise.all([bouncer?.stop(), pgpool?.stop()])
  await cluster.stop()
})

const withClients = async <T>(
  { url }: Pooler,
  count: number,
  work: (clients: readonly pg.Client[]) => Promise<T>,
): Promise<T> => {
  const clients = Array.from({ length: count }, () => new pg.Client(url))
  await Promise.all(clients.map((client) => client.connect()))
  try {
    return await work(clients)
  } finally {
    await Promise.all(clients.map((client) => client.end()))
  }
}

describe.skipIf(bouncer === undefined)('a real PgBouncer', () => {
  const pooler = bouncer as Pooler

  test('pools by transaction: many clients, one server process', async () => {
    const pids = await withClients(pooler, 4, async (clients) => {
      const results = await Promise.all(
        clients.map((client) => client.query<{ pid: number }>('select pg_backend_pid() as pid')),
      )
      return results.map(({ rows }) => rows[0]?.pid)
    })
    expect(new Set(pids).size).toBe(1)
  })

  test('others run beside it, in another mode, and stop means stop', async () => {
    const other = (await startPgBouncer(shard.primary, { pool_mode: 'statement' })) as Pooler
    const client = new pg.Client(other.url)
    client.on('error', () => undefined) // the pooler closes the connection on such a statement
    await client.connect()
    await expect(client.query('begin')).rejects.toThrow('transaction blocks not allowed')
    await other.stop()
    await expect(new pg.Client(other.url).connect()).rejects.toThrow('ECONNREFUSED')
  })
})

describe.skipIf(pgpool === undefined)('a real pgpool-II', () => {
  const pooler = pgpool as Pooler

  test('spreads reads over primary and replica, and writes to the primary', async () => {
    const seen = new Set<unknown>()
    // Each session reads from one node of its own choice: enough of them see both.
    for (let session = 0; session < 40 && seen.size < 2; session += 1) {
      await withClients(pooler, 1, async ([client]) => {
        // (pg_is_in_recovery() itself it always sends to the primary)
        const answer = await client?.query<{ port: number }>('select inet_server_port() as port')
        seen.add(answer?.rows[0]?.port)
      })
    }
    expect(seen).toEqual(new Set(shard.nodes.map((node) => node.port)))
    await withClients(pooler, 1, async ([client]) => {
      await client?.query('create table written (id int)')
    })
    expect(await shard.primary.sql('select * from written')).toEqual([])
  })

  test.runIf(process.platform === 'linux')('says what CPU it used', async () => {
    const before = pooler.cpuMs()
    await withClients(pooler, 8, async (clients) => {
      await Promise.all(
        clients.map(async (client) => {
          for (let n = 0; n < 300; n += 1) await client.query('select 1')
        }),
      )
    })
    expect(pooler.cpuMs()).toBeGreaterThan(before)
  })
})
