import { startCluster, type Cluster } from '@shardline/local-cluster'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defineCluster } from '../src/config/define-cluster.ts'
import { tenant } from '../src/config/table-description.ts'
import { createRouter, type Router } from '../src/router.ts'
import { rejection } from './routed-fixture.ts'
import { everywhere, ofOneId, type Shape, type Values } from './support/orm-shapes.ts'

/**
 * Statements in the shapes in which ORMs write them, on one PostgreSQL and on two shards: the same rows, in the same
 * order where they ask for one.
 */
const schema = `
  create table customers (id bigint primary key, tenant_id bigint not null, name text not null);
  create table orders (
    id bigint primary key, tenant_id bigint not null, customer_id bigint not null references customers (id),
    status text, total numeric(12, 2), amount double precision, unique (tenant_id, status, total)
  );
  create table lines (
    id bigint primary key, tenant_id bigint not null, order_id bigint not null references orders (id),
    parent_id bigint references orders (id), position int not null, sku text not null
  );
`
const tables = {
  customers: tenant('tenant_id', { routable: ['id'] }),
  orders: tenant('tenant_id', { routable: ['id'] }),
  lines: tenant('tenant_id', { routable: ['id'] }),
}

let cluster: Cluster
let router: Router
/** The same rows in one database. */
let plain: pg.Pool
let values: Values

beforeAll(async () => {
  cluster = await startCluster({ shards: 2 })
  await cluster.sql(schema)
  const [first] = cluster.shards
  await first?.primary.sql('create database one')
  plain = new pg.Pool({ connectionString: first?.primary.url.replace(/\/postgres$/, '/one') })
  await plain.query(schema)
  router = await createRouter(defineCluster({ shards: cluster.urls, tables }), { pg })
  await router.install()
  values = await fill()
})

afterAll(async () => {
  await plain?.end()
  await router?.end()
  await cluster?.stop()
})

async function fill(): Promise<Values> {
  const both = (text: string, row: readonly unknown[]) =>
    Promise.all([plain.query(text, [...row]), router.pool.query(text, [...row])])
  const tenants = [1, 2, 3, 4, 5, 6]
  const shardOf = (id: number): string =>
    router.explain('select from orders where tenant_id = $1', [id]).shards.join()
  const orders: bigint[] = []
  const customers: bigint[] = []
  let count = 0
  for (const tenantId of tenants) {
    const [customer = 0n] = await router.ids({ tenant: tenantId }, 1)
    customers.push(customer)
    await both('insert into customers values ($1, $2, $3)', [customer, tenantId, `c${tenantId % 3}`])
    for (const id of await router.ids({ tenant: tenantId }, 4)) {
      count += 1
      orders.push(id)
      const row = [
        id,
        tenantId,
        customer,
        ['new', 'paid', null][count % 3],
        count % 5 === 0 ? null : count * 1.5,
        count,
      ]
      await both('insert into orders values ($1, $2, $3, $4, $5, $6)', row)
      for (const [position, line] of (await router.ids({ tenant: tenantId }, count % 4)).entries()) {
        const parent = position === 0 ? null : id
        await both('insert into lines values ($1, $2, $3, $4, $5, $6)', [
          line,
          tenantId,
          id,
          parent,
          position,
          `s${count % 7}`,
        ])
      }
    }
  }
  const far = tenants.find((id) => shardOf(id) !== shardOf(1)) ?? 0
  const ordersOf = (tenantId: number) => orders.slice((tenantId - 1) * 4, tenantId * 4)
  return {
    tenant: 1,
    order: ordersOf(1)[1] ?? 0n,
    sameShardOrder: ordersOf(1)[2] ?? 0n,
    otherOrder: ordersOf(far)[1] ?? 0n,
    customer: customers[0] ?? 0n,
  }
}

async function compare({ sql, given = () => [], isOrdered = false }: Shape): Promise<unknown> {
  const parameters = given(values)
  const read = async (pool: pg.Pool): Promise<readonly string[]> => {
    const { rows, fields } = await pool.query({ text: sql, values: [...parameters], rowMode: 'array' })
    const texts = rows.map((row) => JSON.stringify(row))
    return [fields.map(({ name }) => name).join(), ...(isOrdered ? texts : texts.toSorted())]
  }
  expect(await read(router.pool)).toEqual(await read(plain))
  return router.explain(sql, [...parameters])
}

describe('with an id, one shard answers', () => {
  it.each(ofOneId.map((shape) => [shape.sql, shape] as const))('%s', async (_, shape) => {
    expect(await compare(shape)).toMatchObject({ route: { kind: 'single' } })
  })
})

describe('without a key, the shards are put together', () => {
  it.each(everywhere.map((shape) => [shape.sql, shape] as const))('%s', async (_, shape) => {
    expect(await compare(shape)).toMatchObject({ route: { kind: 'merge' } })
  })
})

describe('what a page says of values', () => {
  const sums =
    'select count(*), sum("total") from (select "orders"."total" from "orders" where 1=1 limit $1 offset $2) as "sub"'

  it('is what all rows say where the page is all of them', async () => {
    for (const page of [
      [null, 0],
      [null, null],
    ]) {
      expect(await compare({ sql: sums, given: () => page })).toMatchObject({ route: { kind: 'merge' } })
    }
  })

  const pages: readonly (readonly [readonly unknown[]])[] = [[[null, 1]], [[5, 0]], [['5', '1']]]
  it.each(pages)('is refused for the page %j, before anything is sent', async (page) => {
    expect(await rejection(router.pool.query(sums, [...page]))).toMatchObject({ code: 'UNSUPPORTED_SCATTER' })
  })

  it('fails as PostgreSQL fails for a page that is none', async () => {
    const none: readonly unknown[][] = [
      [-1, 0],
      [null, -1],
      ['x', 0],
    ]
    for (const page of none) {
      const theirs = await rejection(plain.query(sums, page))
      expect(await rejection(router.pool.query(sums, page))).toMatchObject({ code: theirs.code })
    }
  })
})

describe('writes by an id', () => {
  it('reach its row, and say what they would say elsewhere', async () => {
    const statements: readonly (readonly [string, (given: Values) => readonly unknown[]])[] = [
      [
        'update orders set status = $1 where (orders.id = $2 and 1=1) returning id, status',
        ({ order }) => ['sent', order],
      ],
      [
        'update orders set id = $1, tenant_id = $2, status = $3 where id = $4 returning *',
        (v) => [v.order, v.tenant, 'x', v.order],
      ],
      ['update lines set sku = $1 where order_id = $2 returning id', ({ otherOrder }) => ['t', otherOrder]],
      ['delete from lines where order_id in ($1, $2) returning id', (v) => [v.order, v.sameShardOrder]],
      [
        'insert into orders (id, tenant_id, customer_id, status) values ($1, $2, $3, $4) on conflict (id) do update set status = excluded.status returning id, status',
        (v) => [v.order, v.tenant, v.customer, 'up'],
      ],
      [
        'insert into orders (id, tenant_id, customer_id) values ($1, $2, $3) on conflict do nothing',
        (v) => [v.order, v.tenant, v.customer],
      ],
      [
        'insert into orders (id, tenant_id, customer_id) values ($1, $2, $3) on conflict on constraint orders_pkey do update set status = $4 returning status',
        (v) => [v.order, v.tenant, v.customer, 'named'],
      ],
      [
        'insert into lines (id, tenant_id, order_id, position, sku) select id + 1, tenant_id, id, 9, $2 from orders where id = $1 returning position, sku',
        (v) => [v.otherOrder, 'copied'],
      ],
      [
        'merge into orders o using (select $1::bigint as id, $2::text as status) s on o.id = s.id when matched then update set status = s.status',
        (v) => [v.otherOrder, 'merged'],
      ],
    ]
    for (const [text, given] of statements) {
      const [mine, theirs] = await Promise.all([
        router.pool.query(text, [...given(values)]),
        plain.query(text, [...given(values)]),
      ])
      expect({ text, rows: mine.rows, count: mine.rowCount }).toEqual({
        text,
        rows: theirs.rows,
        count: theirs.rowCount,
      })
      expect(router.explain(text, [...given(values)]).shards).toHaveLength(1)
    }
    const all = 'select * from orders order by id'
    expect((await router.pool.query(all)).rows).toEqual((await plain.query(all)).rows)
  })

  it('on two shards happen on both', async () => {
    const text = 'update orders set amount = amount + 1 where id = any ($1)'
    const ids = [values.order, values.otherOrder]
    expect((await router.pool.query(text, [ids])).rowCount).toBe(2)
    expect((await router.pool.query('delete from orders where id in ($1, $2)', [0, 1])).rowCount).toBe(0)
  })

  it('do not move a row', async () => {
    const move = 'update orders set tenant_id = $1 where id = $2'
    const far = (await plain.query('select tenant_id from orders where id = $1', [values.otherOrder])).rows[0]
    const refused = await rejection(router.pool.query(move, [far.tenant_id, values.order]))
    expect(refused).toMatchObject({ code: 'SHARD_KEY_UPDATE' })
    const renamed = 'update orders set id = $1 where id = $2'
    expect(await rejection(router.pool.query(renamed, [values.otherOrder, values.order]))).toMatchObject({
      code: 'SHARD_KEY_UPDATE',
    })
    const elsewhere =
      'insert into orders (id, tenant_id, customer_id) values ($1, $2, $3) on conflict (id) do nothing'
    const foreign = [values.otherOrder, values.tenant, values.customer]
    expect(await rejection(router.pool.query(elsewhere, foreign))).toMatchObject({ code: 'UNPROVED_WRITE' })
  })
})

describe('a sum of all shards that its type cannot hold', () => {
  const statements = [
    'select sum(amount * 1e307) from orders',
    'select sum(2147483000)::int from orders',
    'select status, sum(2147483000)::int as n from orders group by status order by n',
    "select sum('100000000 years'::interval) from orders",
    "select sum('NaN'::numeric)::int from orders",
  ]

  it.each(statements)('is the error of one server: %s', async (text) => {
    const read = async (pool: pg.Pool) => {
      const error = await rejection(pool.query(text))
      const { code, message, severity } = error as pg.DatabaseError
      return { code, message, severity, isOfPg: error instanceof pg.DatabaseError }
    }
    expect(await read(router.pool)).toEqual(await read(plain))
  })
})

it("an id of another tenant finds nothing, also in the midst of a tenant's transaction", async () => {
  const foreign = [values.otherOrder, values.tenant]
  const read = 'select id from orders where id = $1 and tenant_id = $2'
  const write = "update orders set status = 'stolen' where id = $1 and tenant_id = $2"
  for (const first of ['none', 'foreign read', 'foreign write']) {
    const client = await router.pool.connect()
    try {
      await client.query('begin')
      if (first === 'foreign read') expect((await client.query(read, foreign)).rows).toEqual([])
      if (first === 'foreign write') expect((await client.query(write, foreign)).rowCount).toBe(0)
      expect((await client.query(write, [values.order, values.tenant])).rowCount).toBe(1)
      expect((await client.query(read, foreign)).rows).toEqual([])
      expect((await client.query(write, foreign)).rowCount).toBe(0)
      await client.query('rollback')
    } finally {
      client.release()
    }
  }
})

it('says why in words', () => {
  const text = 'select * from orders o left join lines l on l.order_id = o.id where o.id = $1'
  expect(String(router.explain(text, [values.order]))).toContain('(the routable id is proved: orders.id)')
})
