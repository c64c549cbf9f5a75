import { startCluster, waitFor, type Cluster } from '@shardline/local-cluster'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { defineCluster } from '../src/config/define-cluster.ts'
import { tenant } from '../src/config/table-description.ts'
import { createRouter, type Router } from '../src/router.ts'
import { bucketOfId, integerId, uuidId } from '../src/sharding/routable-id.ts'
import { rejection } from './routed-fixture.ts'

/** What could make an id lie about its bucket, come twice, or leave the clock locked. */

const schema = `
  create table orders (id bigint primary key, tenant_id int not null, note text, unique (tenant_id, id));
  create table order_lines (id uuid primary key, tenant_id int not null, order_id bigint,
    foreign key (tenant_id, order_id) references orders (tenant_id, id));
  create table readings (id bigint not null, tenant_id bigint not null, note text) partition by hash (tenant_id);
  create table readings_0 partition of readings for values with (modulus 2, remainder 0);
  create table readings_1 partition of readings for values with (modulus 2, remainder 1);
`
const tables = {
  orders: tenant('tenant_id', { routable: 'id' }),
  order_lines: tenant('tenant_id', { routable: ['id'] }),
  readings: tenant('tenant_id', { routable: ['id'] }),
}

let cluster: Cluster
let router: Router

const connect = (overrides: object = {}) =>
  createRouter(defineCluster({ shards: cluster.urls, tables, ...overrides }), { pg })

beforeAll(async () => {
  cluster = await startCluster({ shards: 2, replicas: 1, conf: { max_prepared_transactions: 10 } })
  await cluster.sql(schema)
  router = await connect()
  await router.install()
})

beforeEach(async () => {
  await router.install()
})

afterAll(async () => {
  await router?.end()
  await cluster?.stop()
})

const missing = (each: Router) =>
  each.notices.filter(({ kind }) => kind === 'routable-not-installed').map(({ message }) => message)
const kindOf = (sql: string, values: readonly unknown[], each = router) =>
  each.explain(sql, values).route.kind
const shardOf = (tenantId: number, each = router): string => {
  const { route } = each.explain('select from orders where tenant_id = $1', [tenantId])
  return route.kind === 'single' ? route.shard : ''
}
const primaryOf = (shard: string) => {
  const found = cluster.shards.find(({ name }) => name === shard)
  if (found === undefined) throw new Error(`no shard ${shard}`)
  return found.primary
}
const tenantOn = (shard: string, from = 100): number =>
  shardOf(from) === shard ? from : tenantOn(shard, from + 1)

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

test('SQL reads buckets and times as the router writes them', async () => {
  const bucket = fc.integer({ min: 0, max: 32_767 })
  const samples = fc.sample(fc.tuple(fc.integer({ min: 0, max: 2 ** 48 - 1 }), bucket, fc.uint8Array({ minLength: 16, maxLength: 16 })), 300) // prettier-ignore
  const ids = samples.map(([tick, own]) => integerId(tick, own))
  const uuids = samples.map(([ms, own, random]) => uuidId(ms % 2 ** 42, own, random))
  const rows = await withClient(primaryOf('s0').url, async (client) => {
    const { rows: found } = await client.query<Record<string, string>>(
      `select shardline.id_bucket(i) as i, shardline.id_bucket(u) as u,
              floor(extract(epoch from shardline.id_time(i)) * 1000 + 0.5)::bigint as at
         from unnest($1::bigint[], $2::uuid[]) with ordinality x(i, u, n) order by n`,
      [ids.map(String), uuids],
    )
    return found
  })
  for (const [index, row] of rows.entries()) {
    const [tick, own] = samples[index] ?? [0, 0]
    expect([Number(row['i']), Number(row['u'])]).toEqual([own, own])
    expect(bucketOfId('int8', ids[index], 'int8')).toBe(own)
    expect(bucketOfId('uuid', uuids[index], 'uuid')).toBe(own)
    expect(Number(row['at'])).toBe(Math.floor(tick / 128) + 1_704_067_200_000)
  }
})

test('functions that were tampered with do not loosen what the constraint checks', async () => {
  const home = primaryOf('s0')
  await home.sql(
    `create or replace function shardline.id_bucket(bigint) returns bigint language sql immutable strict parallel safe as 'select 1::bigint'`,
  )
  expect(
    await rejection(home.sql(`insert into orders (id, tenant_id) values (1, ${tenantOn('s0')})`)),
  ).toMatchObject({ code: '23514', constraint: 'orders_id_routable' })
  await router.refresh()
  expect(missing(router)).toEqual([
    expect.stringContaining('the functions that make ids are not those of this cluster description on "s0"'),
    expect.anything(),
    expect.anything(),
  ])
  // Ids that are there are proofs as before: nothing but the constraint makes them so.
  expect(kindOf('select from orders where id = $1', [1])).toBe('single')
})

test('only a validated constraint with that condition, for children too, is a proof', async () => {
  const home = primaryOf('s1')
  const [row] = await home.sql<{ condition: string }>(
    "select pg_get_expr(conbin, conrelid) as condition from pg_constraint where conname = 'orders_id_routable'",
  )
  const replace = async (constraint: string) => {
    await home.sql(
      `alter table orders drop constraint if exists orders_id_routable, drop constraint if exists other, ${constraint}`,
    )
    await router.refresh()
    return kindOf('select from orders where id = $1', [1])
  }
  expect(await replace(`add constraint orders_id_routable check (${row?.condition}) not valid`)).toBe('merge')
  expect(missing(router)[0]).toContain('"orders_id_routable" is not validated on "s1"')
  expect(await replace(`add constraint orders_id_routable check (${row?.condition}) no inherit`)).toBe(
    'merge',
  )
  expect(await replace(`add constraint orders_id_routable check (${row?.condition}) not enforced`)).toBe(
    'merge',
  )
  expect(await replace(`add constraint orders_id_routable check (id > 0)`)).toBe('merge')
  expect(missing(router)[0]).toContain('is not that of this cluster description')
  expect(await replace(`add constraint orders_id_routable check (${row?.condition} or id = 5)`)).toBe('merge')
  expect(await replace(`add constraint other check (${row?.condition})`)).toBe('single')
})

test('an install that is refused changes nothing, and proves nothing', async () => {
  const known = tenantOn('s0')
  const pinned = await connect({ directory: { tenant: { [known]: 's0' } } })
  await pinned.install()
  const own = await pinned.id({ tenant: known })
  expect(bucketOfId('int8', own, 'int8')).toBe(16_384)
  await pinned.pool.query('insert into orders (id, tenant_id) values ($1, $2)', [own, known])
  await router.refresh()
  expect(missing(router).length).toBeGreaterThan(0)
  const error = await rejection(router.install())
  expect(error).toMatchObject({
    code: 'CATALOG_MISMATCH',
    details: { contradictions: [{ shard: 's0', rows: '1' }] },
  })
  expect(kindOf('select from orders where id = $1', [own])).toBe('merge')
  const { rows } = await router.pool.query('select id from orders where id = $1', [own])
  expect(rows).toEqual([{ id: String(own) }])
  // Who knows of the pin lost nothing.
  await pinned.refresh()
  expect(missing(pinned)).toEqual([])
  expect(kindOf('select from orders where id = $1', [own], pinned)).toBe('single')
  await pinned.pool.query('delete from orders where tenant_id = $1', [known])
  await pinned.end()
})

test('a pin that is not installed yet makes no ids that the constraint refuses', async () => {
  const whale = 3_000_000_000
  const home = shardOf(tenantOn('s1'))
  const pinned = await connect({ directory: { tenant: { [tenantOn('s0')]: 's0', [whale]: home } } })
  const early = await pinned.id({ table: 'readings', key: whale })
  expect(bucketOfId('int8', early, 'int8')).toBeLessThan(16_384)
  await primaryOf(home).sql(`insert into readings (id, tenant_id) values (${early}, ${whale})`)
  // orders.tenant_id is an int: a pinned key of another table of the group may be too large for it.
  await pinned.install()
  expect(missing(pinned)).toEqual([])
  const { rows } = await pinned.pool.query<{ id: string }>('insert into readings (tenant_id) values ($1) returning id', [whale]) // prettier-ignore
  expect(bucketOfId('int8', rows[0]?.id, 'int8')).toBe(16_385)
  expect(bucketOfId('int8', await pinned.id({ table: 'readings', key: whale }), 'int8')).toBe(16_385)
  const found = await pinned.pool.query('select id from readings where id = any($1)', [[early, rows[0]?.id]])
  expect(found.rows).toHaveLength(2)
  await pinned.pool.query('delete from readings where tenant_id = $1', [whale])
  await pinned.end()
})

test('pinned keys keep their buckets when the assignment is stored, whatever is pinned besides', async () => {
  const key = tenantOn('s1')
  const first = await connect({ directory: { tenant: { [key]: 's1' } } })
  await first.install()
  const id = await first.id({ tenant: key })
  const stored = JSON.stringify(first.assignment())
  await first.end()
  // Keys that look like numbers come in their order: this one comes first.
  const directory = { tenant: { 2: 's0', [key]: 's1' } }
  const second = await connect({ directory, assignment: stored })
  await second.install()
  expect(bucketOfId('int8', await second.id({ tenant: key }), 'int8')).toBe(bucketOfId('int8', id, 'int8'))
  expect(bucketOfId('int8', await second.id({ tenant: 2 }), 'int8')).toBe(16_385)
  await second.end()
})

test('keys of other types are pinned as well, however they are spelled', async () => {
  await cluster.sql('create table codes (id uuid primary key, "Code" varchar(20) not null)')
  const code = "it's \\ 'so'"
  const described = { tables: { codes: tenant('Code', { routable: 'id' }) } }
  const pinned = await connect({ ...described, directory: { tenant: { [code]: 's1' } } })
  await pinned.install()
  expect(missing(pinned)).toEqual([])
  const { rows } = await pinned.pool.query<{ id: string }>(
    'insert into codes ("Code") values ($1) returning id',
    [code],
  )
  expect(bucketOfId('uuid', rows[0]?.id, 'uuid')).toBe(16_384)
  expect(bucketOfId('uuid', pinned.uuid({ table: 'codes', key: code }), 'uuid')).toBe(16_384)
  expect(pinned.explain('delete from codes where id = $1', [rows[0]?.id]).shards).toEqual(['s1'])
  await pinned.end()
})

test('partitions and keys of several columns carry the proof on', async () => {
  const { rows } = await router.pool.query<{ id: string }>(
    'insert into readings (tenant_id, note) values (1, $1), (2, $1), (3, $1), (4, $1) returning id',
    ['x'],
  )
  for (const { id } of rows) {
    expect(bucketOfId('int8', id, 'int8')).toBeGreaterThanOrEqual(0)
    const both = await Promise.all(
      ['readings_0', 'readings_1'].map((part) =>
        router.pool.query(`select id from ${part} where id = $1`, [id]),
      ),
    )
    expect(both.map(({ rowCount }) => rowCount).toSorted((a, b) => (a ?? 0) - (b ?? 0))).toEqual([0, 1])
  }
  expect(kindOf('select from readings_0 where id = $1', [rows[0]?.id])).toBe('single')
  expect(kindOf('select from order_lines where order_id = $1', [rows[0]?.id])).toBe('single')
})

test('cancelled again and again, in the midst of it, the clock is left free', async () => {
  const home = primaryOf('s0')
  const key = tenantOn('s0')
  await withClient(home.url, async (worker) => {
    const { rows: own } = await worker.query<{ pid: number }>('select pg_backend_pid() as pid')
    const cancels = new AbortController()
    const cancelling = withClient(home.url, async (other) => {
      while (!cancels.signal.aborted)
        await other.query('select pg_cancel_backend($1) from generate_series(1, 20)', [own[0]?.pid])
    })
    let cancelled = 0
    for (let round = 0; round < 60; round++) {
      await worker
        .query(`insert into orders (tenant_id) select ${key} from generate_series(1, 2000)`)
        .catch((error: { code?: string }) => void (error.code === '57014' && cancelled++))
      const { rows } = await withClient(
        home.url,
        (other) =>
        other.query("select count(*)::int as held from pg_locks where locktype = 'advisory' and granted and pid = $1", [own[0]?.pid]), // prettier-ignore
      )
      expect(rows).toEqual([{ held: 0 }])
    }
    cancels.abort()
    await cancelling
    expect(cancelled).toBeGreaterThan(10)
  })
  expect(await router.id({ tenant: key })).toBeGreaterThan(0n)
})

test('a clock that is behind follows, one that is ahead goes on, and one that was lost starts after the ids that are there', async () => {
  const home = primaryOf('s0')
  const key = tenantOn('s0')
  const next = async (): Promise<bigint> => {
    const [row] = await home.sql<{ id: string }>(
      `insert into orders (tenant_id) values (${key}) returning id`,
    )
    return BigInt(row?.id ?? 0)
  }
  const first = await next()
  await home.sql("select setval('shardline.ticks', 5)")
  const second = await next()
  expect(second).toBeGreaterThan(first)
  expect(Number(second >> 22n) + 1_704_067_200_000).toBeCloseTo(Date.now(), -4)
  await home.sql('select shardline.raise_ticks((select last_value from shardline.ticks) + 128 * 3600000)')
  const third = await next()
  const fourth = await next()
  expect(Number((third >> 22n) - (second >> 22n))).toBeGreaterThan(3_500_000)
  expect(fourth >> 22n).toBe(third >> 22n)
  expect(fourth).toBeGreaterThan(third)
  await home.sql('drop schema shardline cascade')
  await router.install()
  const fifth = await next()
  expect(fifth).toBeGreaterThan(fourth)
  // One that holds no block from before.
  const fresh = await connect()
  expect(await fresh.id({ tenant: key })).toBeGreaterThan(fifth)
  // Buckets may move from the shard that is ahead to the other: that one is not behind.
  expect((await fresh.id({ tenant: tenantOn('s1') })) >> 22n).toBeGreaterThanOrEqual(fifth >> 22n)
  await fresh.end()
})

test('one shard that refuses leaves the others done, and another run finishes', async () => {
  for (const { name, primary } of cluster.shards) {
    await primary.sql(`create table late (id bigint primary key, tenant_id bigint not null);
      create role installer login; grant select on late to installer; grant create on database postgres to installer; alter schema shardline owner to installer;
      alter sequence shardline.ticks owner to installer; ${name === 's0' ? 'alter table late owner to installer;' : ''}
      do $$ declare each regprocedure; begin
        for each in select oid from pg_proc where pronamespace = 'shardline'::regnamespace loop
          execute format('alter function %s owner to installer', each);
        end loop;
      end $$`)
  }
  const as = (url: string) => Object.assign(new URL(url), { username: 'installer' }).href
  const shards = Object.fromEntries(Object.entries(cluster.urls).map(([name, { primary }]) => [name, { primary: as(primary) }])) // prettier-ignore
  const installer = await connect({ shards, tables: { late: tenant('tenant_id', { routable: 'id' }) } })
  try {
    const error = await rejection(installer.install())
    expect(error).toMatchObject({ code: 'SHARDS_FAILED', details: { failed: ['s1'], succeeded: ['s0'] }, cause: { code: '42501' } }) // prettier-ignore
    for (const message of missing(installer)) expect(message).toContain('on "s1". Run')
    await primaryOf('s1').sql('alter table late owner to installer')
    const { shards: done } = await installer.install()
    expect(done.get('s0')?.installed).toEqual([])
    expect(done.get('s1')?.installed).toEqual(['public.late.id'])
    expect(missing(installer)).toEqual([])
  } finally {
    await installer.end()
  }
})

test('writers that hold the table are waited for', async () => {
  const home = primaryOf('s0')
  await home.sql('alter table orders drop constraint orders_id_routable')
  await withClient(home.url, async (writer) => {
    await writer.query('begin')
    await writer.query(`insert into orders (tenant_id) values (${tenantOn('s0')})`)
    const installing = router.install()
    await waitFor('the installer to wait for the table', async () => {
      const [row] = await home.sql<{ waits: string }>(
        'select count(*) as waits from pg_locks where not granted',
      )
      return Number(row?.waits) > 0
    })
    await writer.query('commit')
    await installing
  })
  expect(missing(router)).toEqual([])
})

test('copy, prepared transactions, read-only transactions and standbys', async () => {
  const key = tenantOn('s1')
  const home = primaryOf('s1')
  const [copied] = await home.sql<{ count: string }>(
    `create temp table before as select id from orders; copy orders (tenant_id, note) from program 'for i in 1 2 3 4 5; do echo "${key},copied"; done' (format csv);
     select count(distinct id) from orders where note = 'copied'`,
  )
  expect(Number(copied?.count)).toBe(5)
  await withClient(home.url, async (client) => {
    await client.query('begin')
    await client.query(`insert into orders (tenant_id, note) values (${key}, 'prepared')`)
    await client.query("prepare transaction 'ids'")
    await client.query("commit prepared 'ids'")
    await client.query('begin read only')
    const { rows } = await client.query<{ id: string }>("select id from orders where note = 'prepared'")
    expect(rows).toHaveLength(1)
    await client.query('commit')
  })
  await cluster.waitForReplay()
  const standby = cluster.shards.find(({ name }) => name === 's1')?.replicas[0]
  const rows = await standby?.sql(
    "select shardline.id_bucket(id) = 0 as zero from orders where note = 'prepared'",
  )
  expect(rows).toHaveLength(1)
  expect(await rejection(standby?.sql('select shardline.next_id(1)') ?? Promise.resolve())).toMatchObject({ code: '25006' }) // prettier-ignore
})
