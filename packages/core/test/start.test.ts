import { createServer, type Server } from 'node:net'
import { startCluster, type Cluster } from '@shardline/local-cluster'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defineCluster } from '../src/config/define-cluster.ts'
import type { ClusterInput } from '../src/config/cluster-input.ts'
import { entity, tenant } from '../src/config/table-description.ts'
import { createRouter } from '../src/router.ts'
import { rejection } from './routed-fixture.ts'

let cluster: Cluster
const schema =
  'create table orders (tenant_id int not null, id int not null, note text, primary key (tenant_id, id))'

beforeAll(async () => {
  cluster = await startCluster({ shards: 2, replicas: 1 })
  await cluster.sql(schema)
  await cluster.waitForReplay()
})

afterAll(async () => {
  await cluster.stop()
})

const describeCluster = (overrides: Partial<ClusterInput> = {}): Parameters<typeof defineCluster>[0] =>
  ({ shards: cluster.urls, tables: { orders: tenant('tenant_id') }, ...overrides }) as ClusterInput

const start = async (overrides: Partial<ClusterInput> = {}) =>
  createRouter(defineCluster(describeCluster(overrides)), { pg })

describe('starting', () => {
  it('reads the catalogs, and ends without leaving a connection', async () => {
    const router = await start()
    expect(String(router.explain('select * from orders where tenant_id = $1', [1]))).toContain(
      'the shard key is proved',
    )
    await router.end()
    await expect
      .poll(async () => {
        const rows = await cluster.shards[0]?.primary.sql(
          "select count(*)::int as n from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()",
        )
        return rows?.[0]?.['n']
      })
      .toBe(0)
  })

  it('goes on without a replica, and without a primary while a replica can answer', async () => {
    const [first] = cluster.shards
    await first?.replicas[0]?.stop()
    const withoutReplica = await start()
    expect((await withoutReplica.pool.query('select count(*)::int as n from orders')).rows).toEqual([
      { n: 0 },
    ])
    await withoutReplica.end()
    await first?.replicas[0]?.start()
    await first?.primary.stop()
    const withoutPrimary = await start()
    expect((await withoutPrimary.pool.query('select count(*)::int as n from orders')).rows).toEqual([
      { n: 0 },
    ])
    const id = [1, 2, 3, 4, 5, 6].find(
      (each) =>
        withoutPrimary.explain('select 1 from orders where tenant_id = $1', [each]).shards[0] === first?.name,
    )
    const error = await rejection(withoutPrimary.pool.query('insert into orders values ($1, 1)', [id]))
    expect(error.code).toMatch(/ECONNREFUSED|NODE_UNREACHABLE/)
    await withoutPrimary.end()
    await first?.primary.start()
    await cluster.waitForReplay()
  })

  it('says which shard has no node left, and lists why', async () => {
    const closed = await freePort()
    const error = await rejection(
      start({
        shards: {
          up: cluster.urls['s0'] ?? { primary: '' },
          dark: { primary: `postgres://me:hunter2@127.0.0.1:${closed}/x` },
        },
      }),
    )
    expect(error).toMatchObject({ code: 'NODE_UNREACHABLE', details: { shards: ['dark'] } })
    expect(error.message).toContain('dark/primary')
    expect(JSON.stringify(error) + error.message + String(error.stack)).not.toContain('hunter2')
  })

  it('gives up on a server that accepts and never answers', async () => {
    const silent = await silentServer()
    try {
      const error = await rejection(
        start({
          shards: { mute: { primary: `postgres://me:hunter2@127.0.0.1:${silent.port}/x` } },
          start: { deadlineMs: 300 },
          pool: { connectTimeoutMs: 200 },
        }),
      )
      expect(error).toMatchObject({ code: 'NODE_UNREACHABLE' })
      expect(error.message).not.toContain('hunter2')
    } finally {
      silent.close()
    }
  })

  it.each([
    ['a replica that points at a primary', 'replica'],
    ['a primary that points at a replica', 'primary'],
  ])('refuses %s', async (_, role) => {
    const [first, second] = cluster.shards
    const urlOf = (node: { readonly url: string } | undefined): string => node?.url ?? ''
    const s0 =
      role === 'replica'
        ? { primary: urlOf(first?.primary), replicas: [urlOf(second?.primary)] }
        : { primary: urlOf(first?.replicas[0]) }
    const error = await rejection(start({ shards: { s0 } }))
    expect(error).toMatchObject({ code: 'NODE_ROLE_MISMATCH' })
    expect(error.message).toContain(`s0/${role}`)
  })

  it('tells a refused password from a server that is down, and prints none', async () => {
    const { port } = cluster.shards[0]?.primary ?? { port: 0 }
    const error = await rejection(
      start({ shards: { s0: { primary: `postgres://nobody:hunter2@127.0.0.1:${port}/missing_database` } } }),
    )
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', details: { node: 's0/primary' } })
    expect(JSON.stringify(error) + error.message + String(error.cause)).not.toContain('hunter2')
  })

  it('lists every difference between the shards and the description', async () => {
    await cluster.shards[1]?.primary.sql(
      'alter table orders add column extra text; create table things (id int)',
    )
    const error = await rejection(start({ tables: { orders: tenant('tenant_id'), things: entity('id') } }))
    expect(error).toMatchObject({ code: 'CATALOG_MISMATCH' })
    expect(error.message).toMatch(/public\.orders/)
    expect(error.message).toMatch(/public\.things/)
    await cluster.shards[1]?.primary.sql('alter table orders drop column extra; drop table things')
  })

  it('picks up DDL that runs through it, and other DDL after refresh()', async () => {
    const router = await start()
    try {
      // Described before it is there, as a migration finds it.
      router.describeTables({ late: tenant('tenant_id') })
      expect(router.notices).toContainEqual(
        expect.objectContaining({ kind: 'missing-table', table: 'public.late' }),
      )
      expect(await rejection(router.pool.query('select * from late'))).toMatchObject({
        code: 'UNKNOWN_TABLE',
      })
      await router.eachShard(async ({ pool }) =>
        pool.query('create table late (tenant_id int not null, note text)'),
      )
      expect(router.explain('select * from late where tenant_id = 4').shards).toHaveLength(1)
      await router.pool.query('insert into late values ($1, $2)', [4, 'x'])
      expect((await router.pool.query('select note from late')).rows).toEqual([{ note: 'x' }])
      await cluster.sql('alter table late add column more int')
      await router.refresh()
      expect((await router.pool.query('select note, more from late where tenant_id = 4')).rows).toEqual([
        { note: 'x', more: null },
      ])
      // While the shards differ, the table is refused and everything else goes on.
      await cluster.shards[0]?.primary.sql('alter table late add column odd int')
      expect(await rejection(router.refresh())).toMatchObject({ code: 'CATALOG_MISMATCH' })
      expect(
        (await rejection(router.pool.query('select * from late where tenant_id = 4'))).message,
      ).toContain('columns differ')
      expect((await router.pool.query('select * from orders where tenant_id = 4')).rows).toEqual([])
      await cluster.shards[1]?.primary.sql('alter table late add column odd int')
      await router.refresh()
      expect((await router.pool.query('select odd from late where tenant_id = 4')).rows).toEqual([
        { odd: null },
      ])
      // A table that came into being behind the router's back is found by reading the catalogs once more.
      await cluster.shards[0]?.primary.sql('create table behind (id int); insert into behind values (1)')
      expect((await router.pool.query('select * from behind')).rows).toEqual([{ id: 1 }])
    } finally {
      await router.eachShard(async ({ pool }) => pool.query('drop table if exists late, behind'))
      await router.end()
    }
  })
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function silentServer(): Promise<{ readonly port: number; close(): void }> {
  const sockets = new Set<{ destroy(): void }>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
