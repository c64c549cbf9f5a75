import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startCluster, type Cluster } from '@shardline/local-cluster'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { defineCluster } from '../src/config/define-cluster.ts'
import { entity, tenant } from '../src/config/table-description.ts'
import { createRouter, type Router } from '../src/router.ts'
import { bucketOfId } from '../src/sharding/routable-id.ts'
import { rejection } from './routed-fixture.ts'

const schema = `
  create table tenants (id bigint primary key, name text);
  create table orders (id bigint primary key, tenant_id int not null, note text, unique (tenant_id, note));
  create table order_lines (id bigint primary key, tenant_id bigint not null, order_id bigint not null references orders (id));
  create table documents (id uuid primary key, tenant_id bigint not null, title text);
  create schema "Other Place";
  create table "Other Place"."Odd ""table""" ("Id" bigint not null, "Ent" text not null) partition by list ("Ent");
  create table "Other Place".part partition of "Other Place"."Odd ""table""" default;
`

const tables = {
  tenants: tenant('id'),
  orders: tenant('tenant_id', { routable: ['id'] }),
  order_lines: tenant('tenant_id', { routable: ['id'] }),
  documents: tenant('tenant_id', { routable: ['id'] }),
  'Other Place.Odd "table"': entity('Ent', { routable: ['Id'] }),
}

let cluster: Cluster
let router: Router

const connect = (overrides: object = {}) =>
  createRouter(defineCluster({ shards: cluster.urls, tables, ...overrides }), { pg })

beforeAll(async () => {
  cluster = await startCluster({ shards: 2 })
  await cluster.sql(schema)
  router = await connect()
})

afterAll(async () => {
  await router?.end()
  await cluster?.stop()
})

const shardOf = (tenantId: number): string => {
  const { route } = router.explain('select from orders where tenant_id = $1', [tenantId])
  return route.kind === 'single' ? route.shard : ''
}
const primaryOf = (shard: string) => {
  const found = cluster.shards.find(({ name }) => name === shard)
  if (found === undefined) throw new Error(`no shard ${shard}`)
  return found.primary
}
const notInstalled = (each: Router) => each.notices.filter(({ kind }) => kind === 'routable-not-installed')

test('before it is installed, columns prove nothing, and say so', async () => {
  expect(new Set(notInstalled(router).map(({ table }) => table))).toEqual(
    new Set(['public.orders', 'public.order_lines', 'public.documents', 'Other Place.Odd "table"']),
  )
  expect(notInstalled(router)[0]?.message).toContain('router.install()')
  expect(router.explain('select * from orders where id = $1', [1]).route.kind).toBe('merge')
  expect(await rejection(router.id({ tenant: 1 }))).toMatchObject({ code: 'CATALOG_MISMATCH' })
})

test('two processes install at once; what is there stays', async () => {
  const other = await connect()
  const reports = await Promise.all([router.install(), other.install()])
  await other.end()
  for (const { shards } of reports) expect([...shards.keys()]).toEqual(['s0', 's1'])
  expect(notInstalled(router)).toEqual([])
  // Equal ids lie on one shard, so that its unique index is enough.
  expect(router.notices.filter(({ kind }) => kind === 'unique-without-key')).toEqual([])
  const again = await router.install()
  for (const each of again.shards.values()) {
    expect(each.installed).toEqual([])
    expect(each.unchanged).toHaveLength(4)
  }
  // The text does the same, also where all is there.
  for (const { primary } of cluster.shards) await primary.sql(router.installSql())
  await router.refresh()
  expect(notInstalled(router)).toEqual([])
})

test('the database fills ids that carry the bucket of their key, also of split inserts', async () => {
  const many = await router.pool.query<{ id: string; tenant_id: number }>(
    'insert into orders (tenant_id, note) values (1, $1), (2, $1), (3, $1), (4, $1), (5, $1), (6, $1) returning id, tenant_id',
    ['first'],
  )
  expect(many.rows.map(({ tenant_id }) => tenant_id)).toEqual([1, 2, 3, 4, 5, 6])
  const buckets = router.bucketSql('orders')
  for (const { id, tenant_id } of many.rows) {
    const [row] = await primaryOf(shardOf(tenant_id)).sql<{ own: string; key: string }>(
      `select shardline.id_bucket(id) as own, ${buckets} as key from orders where id = ${id}`,
    )
    expect(row?.own).toBe(row?.key)
    expect(bucketOfId('int8', id, 'int8')).toBe(Number(row?.own))
  }
  const { rows: uuids } = await router.pool.query<{ id: string }>(
    'insert into documents (tenant_id, title) values (4, $1) returning id',
    ['x'],
  )
  expect(uuids[0]?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/)
})

test('on conflict and copy get ids as well', async () => {
  const text =
    'insert into orders (tenant_id, note) values (2, $1) on conflict (tenant_id, note) do update set note = excluded.note returning id'
  const first = await router.pool.query(text, ['again'])
  const second = await router.pool.query(text, ['again'])
  expect(second.rows).toEqual(first.rows)
  const [copied] = await primaryOf(shardOf(3)).sql<{ count: string }>(
    `with ids as (insert into orders (tenant_id, note) select 3, 'bulk ' || n from generate_series(1, 500) n returning id)
     select count(distinct id) from ids`,
  )
  expect(Number(copied?.count)).toBe(500)
})

test('a wrong id is refused by the database, also from outside', async () => {
  const home = primaryOf(shardOf(5))
  const wrong = await router.id({ tenant: shardOf(5) === shardOf(6) ? 1 : 6 })
  expect(await rejection(home.sql(`insert into orders (id, tenant_id) values (${wrong}, 5)`))).toMatchObject({
    code: '23514',
    constraint: 'orders_id_routable',
  })
  expect(
    await rejection(
      home.sql(`insert into documents (id, tenant_id) values ('00000000-0000-7000-8000-000000000000', 5)`),
    ),
  ).toMatchObject({ code: '23514', constraint: 'documents_id_routable' })
})

test('ids of the router are taken, ascend, and tell their time and bucket in SQL', async () => {
  const ids = await router.ids({ tenant: 7 }, 1_000)
  expect(new Set(ids).size).toBe(1_000)
  expect(ids.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(ids)
  const uuid = router.uuid({ table: 'documents', key: 7 })
  await router.pool.query('insert into orders (id, tenant_id, note) values ($1, 7, $2)', [ids[0], 'own id'])
  await router.pool.query('insert into documents (id, tenant_id) values ($1, 7)', [uuid])
  const [row] = await primaryOf(shardOf(7)).sql<{ a: string; b: string; c: boolean; d: boolean }>(
    `select shardline.id_bucket(${ids[0]}) as a, shardline.id_bucket('${uuid}'::uuid) as b,
            abs(extract(epoch from now() - shardline.id_time(${ids[0]}))) < 60 as c,
            abs(extract(epoch from now() - shardline.id_time('${uuid}'::uuid))) < 60 as d`,
  )
  expect(row).toEqual({
    a: String(bucketOfId('int8', ids[0], 'int8')),
    b: String(bucketOfId('uuid', uuid, 'uuid')),
    c: true,
    d: true,
  })
  expect(row?.a).toBe(row?.b)
  expect(await router.run({ tenant: 7 }, () => router.id())).toBeGreaterThan(ids[999] ?? 0n)
  expect(await rejection(router.id())).toMatchObject({ code: 'CONFIG_INVALID' })
  expect(await rejection(router.id({ table: 'nowhere', key: 1 }))).toMatchObject({ code: 'CONFIG_INVALID' })
  expect(await rejection(router.id({ tenant: 'seven' }))).toMatchObject({ code: 'SHARD_KEY_VALUE' })
})

test('no id comes twice: several routers, triggers, a clock that was set back, and one far ahead', async () => {
  const routers = await Promise.all([connect(), connect(), connect()])
  const home = primaryOf(shardOf(8))
  const fromDatabase = () =>
    home.sql<{ id: string }>(
      `insert into orders (tenant_id) select 8 from generate_series(1, 500) returning id`,
    )
  const ids: string[] = []
  const round = async () => {
    const parts = await Promise.all([
      ...routers.map((each) => each.ids({ tenant: 8 }, 2_000)),
      fromDatabase(),
      fromDatabase(),
    ])
    for (const part of parts) for (const id of part) ids.push(typeof id === 'bigint' ? String(id) : id.id)
  }
  await round()
  // As after a clock that went an hour too fast and was set right: the ticks stay ahead.
  await home.sql('select shardline.raise_ticks((select last_value from shardline.ticks) + 460800000)')
  await round()
  await round()
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.length).toBe(3 * (3 * 2_000 + 2 * 500))
  await Promise.all(routers.map((each) => each.end()))
})

test('no id and no uuid comes twice from several processes and the trigger', async () => {
  const script = fileURLToPath(new URL('support/make-ids.ts', import.meta.url))
  const run = promisify(execFile)
  const home = primaryOf(shardOf(8))
  const making = new AbortController()
  const byTrigger = async (): Promise<string[]> => {
    const ids: string[] = []
    while (!making.signal.aborted) {
      const rows = await home.sql<{ id: string }>(
        'insert into orders (tenant_id) select 8 from generate_series(1, 100) returning id',
      )
      ids.push(...rows.map(({ id }) => id))
    }
    return ids
  }
  const filling = byTrigger()
  const processes = await Promise.all(
    [1, 2, 3, 4].map(() =>
      run(process.execPath, [script, JSON.stringify(cluster.urls), '30000'], { maxBuffer: 2 ** 27 }),
    ),
  )
  const made = processes.map(({ stdout }) => JSON.parse(stdout) as { ids: string[]; uuids: string[] })
  making.abort()
  const filled = await filling
  expect(filled.length).toBeGreaterThan(0)
  for (const all of [[...made.flatMap((each) => each.ids), ...filled], made.flatMap((each) => each.uuids)]) {
    expect(all.length).toBeGreaterThanOrEqual(120_000)
    expect(new Set(all).size).toBe(all.length)
  }
})

test('a statement that is cancelled while it makes ids leaves the clock free', async () => {
  const home = primaryOf(shardOf(8))
  const client = new pg.Client(home.url)
  await client.connect()
  for (const ms of [1, 3, 7, 15]) {
    await client.query(`set statement_timeout = ${ms}`)
    await client
      .query('insert into orders (tenant_id) select 8 from generate_series(1, 100000)')
      .catch((error: { code?: string }) => expect(error.code).toBe('57014'))
  }
  const [held] = await home.sql<{ count: string }>(
    "select count(*) from pg_locks where locktype = 'advisory' and classid = 7815",
  )
  expect(Number(held?.count)).toBe(0)
  await client.end()
})

test('drift is told and proves nothing until it is mended', async () => {
  const [one] = cluster.shards
  await one?.primary.sql('alter table orders drop constraint orders_id_routable')
  await router.refresh()
  expect(notInstalled(router).map(({ message }) => message)).toEqual([
    expect.stringContaining('the constraint "orders_id_routable" is missing on "s0"'),
  ])
  expect(router.explain('select * from orders where id = $1', [1]).route.kind).toBe('merge')
  const { shards } = await router.install()
  expect(shards.get('s0')?.installed).toEqual(['public.orders.id'])
  expect(shards.get('s1')?.installed).toEqual([])
  await one?.primary.sql(
    `create or replace function shardline.next_id(bucket bigint) returns bigint language plpgsql volatile strict as 'begin return 1; end'`,
  )
  await router.refresh()
  expect(notInstalled(router)[0]?.message).toContain('the functions that make ids')
  await router.install()
  await one?.primary.sql(
    `create or replace function shardline.id_bucket(bigint) returns bigint language sql immutable strict parallel safe as 'select 1::bigint'`,
  )
  await router.refresh()
  expect(notInstalled(router).length).toBeGreaterThan(0)
  await router.install()
  await one?.primary.sql('alter table documents disable trigger shardline_routable_id')
  await router.refresh()
  expect(notInstalled(router)[0]?.message).toContain('the trigger that fills ids')
  await router.install()
  expect(notInstalled(router)).toEqual([])
})

test('a tenant that is pinned later keeps its old ids and gets new ones of its own bucket', async () => {
  const target = shardOf(9) === 's0' ? 's1' : 's0'
  const old = await router.pool.query<{ id: string }>(
    "insert into orders (tenant_id, note) values (9, 'old') returning id",
  )
  // Moving rows is the operator's: here the tenant has one.
  await primaryOf(shardOf(9)).sql('delete from orders where tenant_id = 9')
  const pinned = await connect({ directory: { tenant: { 9: target } } })
  try {
    expect(notInstalled(pinned).length).toBeGreaterThan(0)
    await pinned.install()
    expect(notInstalled(pinned)).toEqual([])
    await pinned.pool.query("insert into orders (id, tenant_id, note) values ($1, 9, 'old')", [
      old.rows[0]?.id,
    ])
    const { rows } = await pinned.pool.query<{ id: string }>(
      "insert into orders (tenant_id, note) values (9, 'new') returning id",
    )
    expect(bucketOfId('int8', rows[0]?.id, 'int8')).toBeGreaterThanOrEqual(16_384)
    expect(bucketOfId('int8', await pinned.id({ tenant: 9 }), 'int8')).toBe(
      bucketOfId('int8', rows[0]?.id, 'int8'),
    )
    for (const id of [old.rows[0]?.id, rows[0]?.id]) {
      const found = await pinned.pool.query('select id from orders where id = $1', [id])
      expect(found.rows).toEqual([{ id }])
    }
    // Without the pin its bucket would mean nothing: the old description does not get its proofs back.
    await router.refresh()
    expect(notInstalled(router).length).toBeGreaterThan(0)
    expect(await rejection(router.install())).toMatchObject({ code: 'CATALOG_MISMATCH' })
    await pinned.pool.query('delete from orders where tenant_id = 9')
    await router.install()
    expect(notInstalled(router)).toEqual([])
  } finally {
    await pinned.end()
  }
})

test('rows that contradict are counted and left alone', async () => {
  const [one] = cluster.shards
  await one?.primary.sql(`
    alter table order_lines drop constraint order_lines_id_routable;
    alter table order_lines disable trigger all;
    insert into order_lines (id, tenant_id, order_id) values (1, 1, 1), (2, 1, 1)`)
  await router.refresh()
  const error = await rejection(router.install())
  expect(error).toMatchObject({ code: 'CATALOG_MISMATCH' })
  expect(error.message).toContain(
    '"public.order_lines" on shard "s0": 2 rows would violate "order_lines_id_routable"',
  )
  await one?.primary.sql('delete from order_lines; alter table order_lines enable trigger all')
  await router.install()
  expect(notInstalled(router)).toEqual([])
})

test('a role that may only write to the tables gets ids', async () => {
  const home = primaryOf(shardOf(3))
  await home.sql(`create role clerk login; grant insert, select on orders to clerk`)
  const url = new URL(home.url)
  url.username = 'clerk'
  const client = new pg.Client(url.href)
  await client.connect()
  const { rows } = await client.query(
    "insert into orders (tenant_id, note) values (3, 'by a clerk') returning id",
  )
  expect(rows).toHaveLength(1)
  expect(await rejection(client.query('select shardline.raise_ticks(1)'))).toMatchObject({ code: '42501' })
  await client.end()
})

test('odd names and partitions', async () => {
  const { rows } = await router.pool.query(
    'insert into "Other Place"."Odd ""table""" ("Ent") values ($1) returning "Id"',
    ['é'],
  )
  expect(rows).toHaveLength(1)
})

test('wrong descriptions are refused by name', async () => {
  await cluster.sql(
    'create table loose (id bigint, tenant_id bigint not null, code text not null, n bigserial not null, g bigint generated always as identity)',
  )
  for (const [column, problem] of [
    ['id', 'may be NULL'],
    ['code', 'has type text'],
    ['n', 'has a default'],
    ['g', 'is an identity column'],
    ['nothing', 'does not exist'],
  ] as const) {
    const loose = await connect({ tables: { loose: tenant('tenant_id', { routable: [column] }) } })
    expect(notInstalled(loose).map(({ message }) => message)).toEqual([expect.stringContaining(problem)])
    const error = await rejection(loose.install())
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' })
    expect(error.message).toContain(problem)
    await loose.end()
  }
  expect(() =>
    defineCluster({
      shards: cluster.urls,
      tables: { loose: tenant('tenant_id', { routable: ['tenant_id'] }) },
    }),
  ).toThrow(/the shard key itself is no routable id/)
})
