import { expect } from 'vitest'
import { mark } from '../harness/statement-log.ts'
import type { Scenario } from './scenario.ts'

/** SQL that the ORM did not write. Columns are of types that every ORM reads alike, or are cast to such. */
export const raw: readonly Scenario[] = [
  {
    name: 'raw SQL that reads goes to a replica',
    tags: ['raw', 'read', 'ordinary-model'],
    async run(_application, { alike, data, replicaOf }) {
      const { result, nodes } = await alike((one) =>
        one.raw('select status, count(*)::int as n from orders where tenant_id = $1 group by 1 order by 1', [
          data.b.id,
        ]),
      )
      expect(result).toEqual([
        { status: 'open', n: 2 },
        { status: 'paid', n: 2 },
        { status: 'shipped', n: 1 },
      ])
      expect(nodes).toEqual([replicaOf(data.b.id)])
    },
  },
  {
    name: 'raw SQL that writes goes to the primary',
    tags: ['raw', 'write', 'ordinary-model'],
    async run(_application, { alike, data, primaryOf }) {
      const { result, nodes } = await alike((one) =>
        one.raw('update orders set note = $2 where tenant_id = $1 and status = $3 returning note', [
          data.a.id,
          'raw',
          'shipped',
        ]),
      )
      expect(result).toEqual([{ note: 'raw' }])
      expect(nodes).toEqual([primaryOf(data.a.id)])
    },
  },
  {
    name: 'raw SQL over both shards is merged in order',
    tags: ['raw', 'read'],
    async run(_application, { alike, nodesOfReads }) {
      const { result, nodes } = await alike((one) =>
        one.raw(
          `select o.status, max(o.total)::text as most, count(distinct o.tenant_id)::int as tenants, avg(o.total)::text as mean
           from orders o where o.total > $1 group by o.status having count(*) > 1 order by most desc limit 2`,
          ['1'],
        ),
      )
      expect(result).toHaveLength(2)
      expect(nodes).toEqual(nodesOfReads)
    },
  },
  {
    name: 'a join of raw SQL on one shard',
    tags: ['raw', 'read', 'ordinary-model'],
    async run(_application, { alike, data, replicaOf }) {
      const { result, nodes } = await alike((one) =>
        one.raw(
          `select p.title, sum(l.quantity)::int as sold
           from order_lines l join orders o on o.id = l.order_id and o.tenant_id = l.tenant_id
           join products p on p.sku = l.sku
           where l.tenant_id = $1 group by p.title order by p.title`,
          [data.b.id],
        ),
      )
      expect(result).toEqual([
        { title: 'A lamp', sold: 2 },
        { title: 'A rug', sold: 4 },
      ])
      expect(nodes).toEqual([replicaOf(data.b.id)])
    },
  },
  {
    name: 'a CTE that writes goes to the primary',
    tags: ['raw', 'write', 'ordinary-model'],
    async run(application, { alike, data, primaryOf }) {
      const { result, nodes } = await alike((one) =>
        one.raw(
          `with closed as (update orders set status = 'closed' where tenant_id = $1 and status = 'open' returning total)
           select count(*)::int as n, sum(total)::text as total from closed`,
          [data.b.id],
        ),
      )
      expect(result[0]).toMatchObject({ n: 2 })
      expect(nodes).toEqual([primaryOf(data.b.id)])
      expect(await application.countOrders(data.b.id)).toBe(5)
    },
  },
  {
    name: 'a CTE that reads goes to a replica',
    tags: ['raw', 'read', 'ordinary-model'],
    async run(_application, { alike, data, replicaOf }) {
      const { nodes } = await alike((one) =>
        one.raw(
          `with paid as materialized (select * from orders where tenant_id = $1 and status = 'paid')
           select p.note, c.email from paid p join customers c on c.id = p.customer_id and c.tenant_id = p.tenant_id order by 2`,
          [data.a.id],
        ),
      )
      expect(nodes).toEqual([replicaOf(data.a.id)])
    },
  },
  {
    name: 'INSERT … SELECT within a tenant',
    tags: ['raw', 'write', 'ordinary-model'],
    async run(application, { alike, data, ids, primaryOf }) {
      const id = await ids.next(data.a.id)
      const { nodes } = await alike((one) =>
        one.raw(
          `insert into orders (id, tenant_id, customer_id, note)
           select $1::bigint, tenant_id, customer_id, 'copied' from orders where tenant_id = $2 and status = 'shipped' returning note`,
          [id, data.a.id],
        ),
      )
      expect(nodes).toEqual([primaryOf(data.a.id)])
      expect((await application.orderOfTenant(data.a.id, id))?.note).toBe('copied')
    },
  },
  {
    name: 'a window function within a tenant',
    tags: ['raw', 'read', 'ordinary-model'],
    async run(_application, { alike, data, replicaOf }) {
      const { result, nodes } = await alike((one) =>
        one.raw(
          'select status, row_number() over (partition by status order by placed_at)::int as n from orders where tenant_id = $1 order by 1, 2',
          [data.b.id],
        ),
      )
      expect(result).toHaveLength(5)
      expect(nodes).toEqual([replicaOf(data.b.id)])
    },
  },
  {
    name: 'a window function over shards that cannot be merged is refused, not approximated',
    tags: ['raw', 'error'],
    async run(application, { touched }) {
      const { result, nodes } = await touched(() =>
        application
          .raw('select status, row_number() over (order by placed_at)::int as n from orders')
          .catch((error: unknown) => error),
      )
      expect(application.refusalIn(result)?.code).toBe('UNSUPPORTED_SCATTER')
      expect(nodes).toEqual([])
    },
  },
  {
    name: 'locking reads of raw SQL go to the primary',
    tags: ['raw', 'ordinary-model'],
    async run(_application, { alike, data, primaryOf }) {
      const { result, nodes } = await alike((one) =>
        one.transaction((tx) =>
          tx.raw(
            `select status from orders where tenant_id = $1 and status = 'shipped' for update skip locked`,
            [data.b.id],
          ),
        ),
      )
      expect(result).toEqual([{ status: 'shipped' }])
      expect(nodes).toEqual([primaryOf(data.b.id)])
    },
  },
  {
    name: 'a sequence counts on one primary',
    tags: ['raw', 'write'],
    async run(application, { touched }) {
      const seen: string[] = []
      for (let round = 0; round < 3; round++) {
        const { result, nodes } = await touched(() =>
          application.raw<{ n: string }>(`${mark} select nextval('tickets')::text as n`),
        )
        seen.push(result[0]?.n ?? '')
        expect(nodes).toEqual(['s0p'])
      }
      expect(new Set(seen).size).toBe(3)
    },
  },
  {
    name: 'an advisory lock of a transaction is held on its shard',
    tags: ['raw', 'transaction'],
    async run(application, { data, primaryOf, nodeNamed }) {
      // Locks that no row places are the home shard's, so that they mean the same to everybody.
      const { id, orders } = data.tenants.find(({ shard }) => shard === 's0') ?? data.a
      const held = () =>
        nodeNamed(primaryOf(id)).sql(`select from pg_locks where locktype = 'advisory' and objid = 4711`)
      await application.transaction(async (tx) => {
        await tx.setStatus(orders[0].id, 'paid')
        await tx.raw('select pg_advisory_xact_lock(4711)::text as locked')
        expect(await held()).toHaveLength(1)
      })
      expect(await held()).toHaveLength(0)
    },
  },
  {
    name: 'an advisory lock in a transaction of another shard is refused',
    tags: ['raw', 'transaction', 'error'],
    async run(application, { data }) {
      const { orders } = data.tenants.find(({ shard }) => shard === 's1') ?? data.b
      const error = await application
        .transaction(async (tx) => {
          await tx.setStatus(orders[0].id, 'paid')
          await tx.raw('select pg_advisory_xact_lock(4711)::text as locked')
        })
        .catch((thrown: unknown) => thrown)
      expect(application.refusalIn(error)?.code).toBe('TRANSACTION_SPANS_SHARDS')
      expect((await application.orderById(orders[0].id))?.status).toBe('open')
    },
  },
  {
    name: 'session state outside of a transaction is refused',
    tags: ['raw', 'error'],
    async run(application, { touched }) {
      for (const sql of [
        `${mark} select pg_advisory_lock(1)::text`,
        `${mark} set statement_timeout = '1s'`,
      ]) {
        const { result, nodes } = await touched(() => application.raw(sql).catch((error: unknown) => error))
        // A lease of the ORM's own makes it session state of a lease, which is given back clean.
        if (result instanceof Error) expect(application.refusalIn(result)?.code).toBe('SESSION_STATE')
        else expect(nodes.length).toBeLessThanOrEqual(1)
      }
      const [row] = await application.raw<{ t: string }>(
        `${mark} select current_setting('statement_timeout') as t`,
      )
      expect(row?.t).toBe('0')
    },
  },
  {
    name: 'a setting of a transaction ends with it',
    tags: ['raw', 'transaction'],
    async run(application, { alike, data }) {
      for (const { orders } of [data.a, data.b]) {
        const { result } = await alike((one) =>
          one.transaction(async (tx) => {
            await tx.setStatus(orders[0].id, 'paid')
            await tx.raw(`set local statement_timeout = '7s'`)
            await tx.raw(`select set_config('app.tenant', $1, true) as tenant`, ['seven'])
            return tx.raw(
              `select current_setting('statement_timeout') as t, current_setting('app.tenant') as tenant`,
            )
          }),
        )
        expect(result).toEqual([{ t: '7s', tenant: 'seven' }])
      }
      for (let round = 0; round < 10; round++) {
        const rows = await application.raw(
          `${mark} select current_setting('statement_timeout') as t from tenants where id = $1 and coalesce(current_setting('app.tenant', true), '') = ''`,
          [data.a.id],
        )
        expect(rows).toEqual([{ t: '0' }])
      }
    },
  },
  {
    name: 'the tenant of row-level security, set by the context of its tenant',
    tags: ['raw', 'transaction', 'context', 'ordinary-model'],
    async run(application, { data, primaryOf, router, touched }) {
      for (const tenant of [data.a, data.b]) {
        const { result, nodes } = await touched(() =>
          router.run({ tenant: tenant.id }, () =>
            application.transaction(async (tx) => {
              await tx.raw(`select set_config('app.tenant', $1, true) as tenant`, [String(tenant.id)])
              await tx.setStatus(tenant.orders[0].id, 'paid')
              return tx.raw(
                `select count(*)::int as n from orders where tenant_id = current_setting('app.tenant')::int`,
              )
            }),
          ),
        )
        expect(result).toEqual([{ n: 5 }])
        expect(nodes).toEqual([primaryOf(tenant.id)])
      }
    },
  },
  {
    name: 'values of many types come as the ORM reads them',
    tags: ['raw', 'read'],
    async run(_application, { alike }) {
      await alike((one) =>
        one.raw(
          `${mark} select 1::int4 as i, 2::int8 as l, 1.50::numeric as n, true as b, null::text as nothing, 'x'::text as t,
           '{"a": [1, null]}'::jsonb as j, array[1, 2, 3]::int4[] as a, '2026-01-02T03:04:05.678Z'::timestamptz as at,
           '2026-01-02'::date as d, '\\x00ff'::bytea as bytes, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid as u, 0.1::float8 as f`,
        ),
      )
    },
  },
  {
    name: 'the types of a merged result are those of one server',
    tags: ['raw', 'read'],
    async run(_application, { alike, nodesOfReads }) {
      const { nodes } = await alike((one) =>
        one.raw(
          'select id, tenant_id, total, note, placed_at, meta, total > 50 as much from orders order by id',
        ),
      )
      expect(nodes).toEqual(nodesOfReads)
    },
  },
  {
    name: 'a row count of raw SQL that returns nothing',
    tags: ['raw', 'write'],
    async run(application, { alike, data }) {
      await alike((one) => one.raw('delete from order_lines where tenant_id = $1', [data.a.id]))
      expect(await application.linesOfOrder(data.a.orders[0].id)).toEqual([])
      expect(await application.linesOfOrder(data.b.orders[0].id)).toHaveLength(2)
    },
  },
]
