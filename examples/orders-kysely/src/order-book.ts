import type { Router } from '@shardline/core'
import type { OrderBook } from '@shardline/example-orders'
import { shardlinePlugin } from '@shardline/kysely-plugin'
import { Kysely, type ExpressionBuilder } from 'kysely'
import { jsonArrayFrom, jsonObjectFrom } from 'kysely/helpers/postgres'
import type { Database } from './tables.ts'

/** The customer and the lines of each order, in the same statement. */
const customerAndLines = (order: ExpressionBuilder<Database, 'orders'>) =>
  [
    jsonObjectFrom(
      order
        .selectFrom('customers')
        .select((customer) => [
          customer.cast<string>('customers.id', 'text').as('id'),
          'customers.name',
          'customers.email',
        ])
        .whereRef('customers.id', '=', 'orders.customer_id'),
    )
      .$notNull()
      .as('customer'),
    jsonArrayFrom(
      order
        .selectFrom('order_lines')
        .select(['order_lines.sku', 'order_lines.quantity'])
        .whereRef('order_lines.order_id', '=', 'orders.id')
        .orderBy('order_lines.id'),
    ).as('lines'),
  ] as const

export function openOrderBook(router: Router): OrderBook {
  const shardline = shardlinePlugin<Database>(router)
  const db = new Kysely<Database>({ dialect: shardline.dialect(), plugins: [shardline] })

  const orders = () => db.selectFrom('orders').select(['orders.id', 'orders.status']).select(customerAndLines)

  return {
    addCustomer: (tenantId, { name, email }) =>
      db
        .insertInto('customers')
        .values({ tenant_id: tenantId, name, email })
        .returning(['id', 'name', 'email'])
        .executeTakeFirstOrThrow(),

    place: (tenantId, { customerId, lines }) =>
      db.transaction().execute(async (trx) => {
        const { id, status } = await trx
          .insertInto('orders')
          .values({ tenant_id: tenantId, customer_id: customerId })
          .returning(['id', 'status'])
          .executeTakeFirstOrThrow()
        await trx
          .insertInto('order_lines')
          .values(lines.map((line) => ({ tenant_id: tenantId, order_id: id, ...line })))
          .execute()
        const customer = await trx
          .selectFrom('customers')
          .select(['id', 'name', 'email'])
          .where('id', '=', customerId)
          .executeTakeFirstOrThrow()
        return { id, status, customer, lines }
      }),

    list: (tenantId, limit) =>
      orders()
        .where('orders.tenant_id', '=', tenantId)
        .orderBy('orders.placed_at', 'desc')
        .orderBy('orders.id', 'desc')
        .limit(limit)
        .execute(),

    find: (orderId) => orders().where('orders.id', '=', orderId).executeTakeFirst(),

    async ship(orderId) {
      const { numUpdatedRows } = await db
        .updateTable('orders')
        .set({ status: 'shipped' })
        .where('id', '=', orderId)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },

    async bestSellers(limit) {
      const rows = await db
        .selectFrom('order_lines')
        .select((line) => ['sku', line.fn.sum<string>('quantity').as('quantity')])
        .groupBy('sku')
        .orderBy('quantity', 'desc')
        .orderBy('sku')
        .limit(limit)
        .execute()
      return rows.map(({ sku, quantity }) => ({ sku, quantity: Number(quantity) }))
    },

    close: () => db.destroy(),
  }
}
