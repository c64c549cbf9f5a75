import { expect } from 'vitest'
import type { Scenario } from './scenario.ts'

/** Values, orders and sizes that a merge or a proof could get wrong: always compared with one PostgreSQL. */
export const oddities: readonly Scenario[] = [
  {
    name: 'ids at the ends of their range, and beyond it',
    tags: ['read', 'error'],
    async run(_application, { alikeOutcome }) {
      for (const id of [0n, -1n, 1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 62n]) {
        const { result } = await alikeOutcome((one) => one.orderById(id))
        expect(result).toEqual({ value: undefined })
      }
      await alikeOutcome((one) => one.orderById(2n ** 63n))
      await alikeOutcome((one) => one.setStatus(2n ** 63n - 1n, 'none'))
      await alikeOutcome((one) => one.ordersByIds([2n ** 63n - 1n, 0n, -5n]))
    },
  },
  {
    name: 'UUIDs in every spelling that PostgreSQL takes, and in none',
    tags: ['read', 'error'],
    async run(_application, { alikeOutcome, data }) {
      for (const { documents } of [data.a, data.b]) {
        const { id } = documents[0]
        const spellings = [
          id.toUpperCase(),
          `{${id}}`,
          id.replaceAll('-', ''),
          id.replaceAll('-', '').replace(/(.{4})(?=.)/g, '$1-'),
          ` ${id}`,
          `${id}0`,
          'no uuid',
          '00000000-0000-0000-0000-000000000000',
          'ffffffff-ffff-ffff-ffff-ffffffffffff',
        ]
        for (const spelling of spellings) await alikeOutcome((one) => one.documentById(spelling))
      }
    },
  },
  {
    name: 'ids of raw SQL in every spelling that PostgreSQL takes',
    tags: ['raw', 'read', 'error'],
    async run(_application, { alikeOutcome, data }) {
      for (const { orders } of [data.a, data.b]) {
        const id = String(orders[1].id)
        const spellings = [
          `'${id}'`,
          `' 00${id} '`,
          `'+${id}'`,
          `'${id.slice(0, 3)}_${id.slice(3)}'`,
          `'0x${orders[1].id.toString(16)}'`,
          `0x${orders[1].id.toString(16)}`,
          `${id.slice(0, 3)}_${id.slice(3)}`,
          `${id}::numeric`,
          `${id}.0`,
          `- -${id}`,
          `(${id} + 0)`,
          `(select ${id}::int8)`,
          `'${id}'::text::int8`,
          `any ('{${id}, NULL}')`,
          `any (array[${id}, 7])`,
          `all (array[${id}])`,
          `'${id}'::float8`,
          `'nonsense'`,
        ]
        for (const spelling of spellings) {
          await alikeOutcome((one) =>
            one.raw(`select status, total::text as total from orders where id = ${spelling} order by id`),
          )
        }
        for (const condition of [
          `not id <> ${id}`,
          `id in (${id}, ${data.a2.orders[0].id}) and id <> ${data.a2.orders[0].id}`,
          `id between ${id} and ${id}`,
          `id is not distinct from ${id}`,
          `(id, tenant_id) = (${id}, ${orders[1].tenantId})`,
          `id = ${id} and tenant_id <> ${orders[1].tenantId}`,
          `id = ${id} or id = ${data.a.orders[3].id}`,
          `coalesce(id, 0) = ${id}`,
        ]) {
          await alikeOutcome((one) => one.raw(`select status from orders where ${condition} order by id`))
        }
      }
    },
  },
  {
    name: 'text sorts as one server sorts it',
    tags: ['read'],
    async run(application, { alike, data, plain }) {
      const words = [
        'Äpfel',
        'apple',
        'Zoo',
        'zoo',
        '_x',
        '',
        ' ',
        'éclair',
        'ze',
        '🛒',
        '￿',
        'A',
        'a b',
        'a-b',
        'ab',
      ]
      const orders = data.tenants.flatMap((tenant) => tenant.orders)
      for (const one of [plain, application]) {
        await Promise.all(orders.map(({ id }, index) => one.setStatus(id, words[index % words.length] ?? '')))
      }
      await alike((one) => one.statuses())
      await alike((one) => one.totalsByStatus())
    },
  },
  {
    name: 'NULLs, ties and microseconds sort as one server sorts them',
    tags: ['raw', 'read'],
    async run(application, { alike, data, plain }) {
      for (const one of [plain, application]) {
        for (const { id } of data.tenants) {
          await one.raw(
            `update orders set placed_at = '2026-03-01 00:00:00.123456Z'::timestamptz + (extract(day from placed_at)::int % 3) * interval '1 microsecond' where tenant_id = $1`,
            [id],
          )
        }
      }
      for (const order of [
        'placed_at desc, id',
        'placed_at, total desc, id',
        'note nulls first, id',
        'note desc, id desc',
        'note desc nulls last, status, id',
        'total::float8 desc, id',
        'customer_id % 3, id',
        'length(status), status desc, id desc',
      ]) {
        for (const rest of ['', ' limit 7', ' limit 5 offset 4']) {
          await alike((one) => one.raw(`select id::text as id, status from orders order by ${order}${rest}`))
        }
      }
      await alike((one) => one.newestOrders({ limit: 9, offset: 2 }))
    },
  },
  {
    name: 'sums and averages of large numbers are exact',
    tags: ['read'],
    async run(application, { alike, data, plain }) {
      for (const one of [plain, application]) {
        for (const [index, { orders }] of data.tenants.entries()) {
          await one.addToTotal(orders[index]?.id ?? 0n, '9999999000.07')
          await one.addToTotal(orders[0].id, '0.01')
        }
      }
      await alike((one) => one.summary())
      await alike((one) => one.totalsByStatus())
      await alike((one) =>
        one.raw(
          `select sum(total)::text as sum, avg(total)::text as mean, min(id)::text as least,
           bool_or(note is null) as some, max(placed_at) as last from orders`,
        ),
      )
    },
  },
  {
    name: 'two thousand rows in one insert, dealt out and read back in order',
    tags: ['write', 'read'],
    needs: ['split-writes'],
    async run(application, { alike, data, ids }) {
      const made = await Promise.all(data.tenants.map(({ id }) => ids.several(id, 500)))
      const orders = Array.from({ length: 2_000 }, (_, index) => {
        const tenant = data.tenants[index % 4] ?? data.a
        return {
          id: made[index % 4]?.[Math.floor(index / 4)] ?? 0n,
          tenantId: tenant.id,
          customerId: tenant.customers[index % 2 === 0 ? 0 : 1].id,
          status: `s${index % 11}`,
          total: `${index}.25`,
          placedAt: new Date(Date.UTC(2027, 0, 1, 0, 0, index % 100)),
        }
      })
      const { result } = await alike((one) => one.createOrders(orders))
      expect(result).toBe(2_000)
      expect(await application.countOrders()).toBe(2_020)
      await alike((one) => one.newestOrders({ limit: 500, offset: 1_200 }))
      await alike((one) => one.totalsByStatus())
      await alike((one) => one.ordersByIds(orders.filter((_, index) => index % 7 === 0).map(({ id }) => id)))
    },
  },
  {
    name: 'what is said of a row twice in one statement',
    tags: ['raw', 'write', 'error'],
    async run(_application, { alikeOutcome, data }) {
      const [order, other] = data.b.orders
      for (const sql of [
        `update orders set status = 'x' where id = ${order.id} and id = ${other.id} returning status`,
        `update orders set id = ${other.id} where id = ${order.id} returning status`,
        `update orders set tenant_id = ${data.b.id} where id = ${other.id} returning status`,
        `update order_lines set order_id = ${other.id} where order_id = ${order.id} returning sku`,
        `delete from order_lines using orders where orders.id = order_lines.order_id and orders.id = ${order.id} returning sku`,
        `insert into features (entity_id, value) values ('d', 1), ('d', 2) on conflict (entity_id) do update set value = excluded.value`,
        `insert into features (entity_id, value) values ('d', 1), ('d', 2) on conflict (entity_id) do nothing returning value`,
      ]) {
        await alikeOutcome((one) => one.raw(sql))
      }
    },
  },
]
