import { chmodSync, chownSync, copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { startCluster, waitFor } from '@shardline/local-cluster'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { endPools, openPool, rejection } from './node-pool-fixture.ts'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { Cluster, PgNode } from '@shardline/local-cluster'

let cluster: Cluster
let primary: PgNode
let replica: PgNode

beforeAll(async () => {
  cluster = await startCluster({ replicas: 1 })
  const [shard] = cluster.shards
  if (shard?.replicas[0] === undefined) throw new Error('no replica')
  primary = shard.primary
  replica = shard.replicas[0]
})
afterEach(endPools)
afterAll(() => cluster.stop())

/** Makes PostgreSQL's greeting what a pooler's is that keeps `in_hot_standby` to itself. */
async function pooler(port: number): Promise<{ server: Server; url: string; queries: () => number }> {
  let queries = 0
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => (client.destroy(), upstream.destroy()))
    }
    client.on('data', (bytes) => {
      if (bytes[0] === 0x51) queries++
      upstream.write(bytes)
    })
    upstream.on('data', (bytes) => client.write(withoutRole(bytes)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port: own } = server.address() as AddressInfo
  return { server, url: `postgres://postgres@127.0.0.1:${own}/postgres`, queries: () => queries }
}

function withoutRole(bytes: Buffer): Buffer {
  const at = bytes.indexOf('in_hot_standby\0') - 5
  if (at < 0 || bytes[at] !== 0x53) return bytes
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + bytes.readInt32BE(at + 1))])
}

describe('a server that does not report its role', () => {
  it('is asked for it once, on the first connection', async () => {
    const { server, url, queries } = await pooler(primary.port)
    const pool = openPool(url, { max: 3, multiplex: false })
    const leased = [await pool.lease()]
    expect(queries()).toBe(1)
    leased.push(await pool.lease(), await pool.lease())
    expect(queries()).toBe(1)
    expect(pool.observedRole).toBe('primary')
    for (const connection of leased) pool.release(connection)
    await pool.end()
    server.close()
  })

  it('is refused when it is not what it is described as, also the second time', async () => {
    const { server, url } = await pooler(replica.port)
    const pool = openPool(url)
    expect((await rejection(pool.lease())).code).toBe('NODE_ROLE_MISMATCH')
    expect((await rejection(pool.lease())).code).toBe('NODE_ROLE_MISMATCH')
    await pool.end()
    server.close()
  })
})

describe('TLS', () => {
  /** Self-signed for `localhost`, made with `openssl req -x509`; good for nothing but this test. */
  const fixtures = join(import.meta.dirname, 'tls')
  beforeAll(async () => {
    const [key, crt] = [join(primary.dir, 'server.key'), join(primary.dir, 'server.crt')]
    copyFileSync(join(fixtures, 'localhost.key'), key)
    copyFileSync(join(fixtures, 'localhost.crt'), crt)
    const { uid, gid } = statSync(primary.dir)
    for (const file of [key, crt]) chownSync(file, uid, gid)
    chmodSync(key, 0o600)
    const hba = join(primary.dir, 'pg_hba.conf')
    writeFileSync(
      hba,
      `hostnossl all secured 127.0.0.1/32 reject\nhostnossl all secured ::1/128 reject\n${readFileSync(hba, 'utf8')}`,
    )
    await primary.sql('create role secured login')
    await primary.configure({ ssl: 'on' })
  })

  const ca = readFileSync(join(fixtures, 'localhost.crt'), 'utf8')
  const secured = (ssl: object, options = {}) =>
    openPool('', {
      ...options,
      clientConfig: { host: 'localhost', port: primary.port, user: 'secured', database: 'postgres', ssl },
    })

  it('verifies certificates, and says so when that fails', async () => {
    const pool = secured({ ca })
    const { rows } = await pool.execute({ text: 'select ssl from pg_stat_ssl where pid = pg_backend_pid()' })
    expect(rows).toEqual([{ ssl: true }])
    const distrusting = secured({})
    expect((await rejection(distrusting.lease())).code).toMatch(/SELF_SIGNED/)
  })

  it('cancels over TLS, to the address of the connection and by the name of the certificate', async () => {
    const pool = secured({ ca })
    const connection = await pool.lease()
    const controller = new AbortController()
    const running = rejection(connection.query({ text: 'select pg_sleep(30)', signal: controller.signal }))
    await waitFor('it to run', async () => {
      const rows = await primary.sql(`select from pg_stat_activity where pid = $1 and state = 'active'`, [
        connection.backendPid,
      ])
      return rows.length === 1
    })
    const at = performance.now()
    controller.abort(new Error('enough'))
    expect((await running).message).toBe('enough')
    expect(performance.now() - at).toBeLessThan(1_500)
    expect(connection.isBroken).toBe(false)
    pool.release(connection)
  })
})

describe('what is printed', () => {
  it('holds no password', async () => {
    const url = `postgres://postgres:secret-word@127.0.0.1:${primary.port}/postgres`
    const pool = openPool(url)
    const connection = await pool.lease()
    const refused = openPool(`postgres://postgres:secret-word@127.0.0.1:1/postgres`)
    const errors = [
      await rejection(refused.lease()),
      await rejection(connection.query({ text: 'select nonsense' })),
      await rejection(openPool(url, { role: 'replica' }).lease()),
    ]
    for (const thing of [pool, connection, ...errors]) {
      expect(inspect(thing, { depth: 12, showHidden: false })).not.toContain('secret-word')
      expect(JSON.stringify(thing, cycleFree())).not.toContain('secret-word')
    }
    pool.release(connection)
  })
})

function cycleFree(): (key: string, value: unknown) => unknown {
  const seen = new WeakSet()
  return (_key, value) => {
    if (typeof value === 'bigint') return String(value)
    if (typeof value !== 'object' || value === null) return value
    if (seen.has(value)) return undefined
    seen.add(value)
    return value
  }
}
