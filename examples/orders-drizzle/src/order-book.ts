import type { Router } from '@shardline/core'
import { drizzle } from '@shardline/drizzle-adapter'
import type { Customer, OrderBook } from '@shardline/example-orders'
import { asc, desc, eq, sql } from 'drizzle-orm'
import * as schema from './tables.ts'

const { customers, orders, orderLines } = schema

/** What of an order the application shows. Drizzle loads relations as JSON, whose numbers are too short for a bigint. */
const shown = {
  columns: { id: true, status: true, customerId: true },
  with: {
    customer: { columns: { name: true, email: true } },
    lines: { columns: { sku: true, quantity: true }, orderBy: asc(orderLines.id) },
  },
} as const

function asOrder<Found extends { customerId: string; customer: Omit<Customer, 'id'> }>({
  customerId,
  customer,
  ...order
}: Found) {
  return { ...order, customer: { id: customerId, ...customer } }
}

export function openOrderBook(router: Router): OrderBook {
  const db = drizzle(router, { schema })

  return {
    async addCustomer(tenantId, { name, email }) {
      const [customer] = await db
        .insert(customers)
        .values({ tenantId, name, email })
        .returning({ id: customers.id, name: customers.name, email: customers.email })
      if (customer === undefined) throw new Error('An INSERT returns its row.')
      return customer
    },

    place: (tenantId, { customerId, lines }) =>
      db.transaction(async (tx) => {
        const [order] = await tx
          .insert(orders)
          .values({ tenantId, customerId })
          .returning({ id: orders.id, status: orders.status })
        const customer = await tx.query.customers.findFirst({
          columns: { id: true, name: true, email: true },
          where: eq(customers.id, customerId),
        })
        if (order === undefined || customer === undefined) throw new Error('There is no such customer.')
        await tx.insert(orderLines).values(lines.map((line) => ({ tenantId, orderId: order.id, ...line })))
        return { ...order, customer, lines }
      }),

    async list(tenantId, limit) {
      const found = await db.query.orders.findMany({
        ...shown,
        where: eq(orders.tenantId, tenantId),
        orderBy: [desc(orders.placedAt), desc(orders.id)],
        limit,
      })
      return found.map(asOrder)
    },

    async find(orderId) {
      const found = await db.query.orders.findFirst({ ...shown, where: eq(orders.id, orderId) })
      return found && asOrder(found)
    },

    async ship(orderId) {
      const shipped = await db
        .update(orders)
        .set({ status: 'shipped' })
        .where(eq(orders.id, orderId))
        .returning({ id: orders.id })
      return shipped.length === 1
    },

    bestSellers(limit) {
      const quantity = sql`sum(${orderLines.quantity})`.mapWith(Number).as('quantity')
      return db
        .select({ sku: orderLines.sku, quantity })
        .from(orderLines)
        .groupBy(orderLines.sku)
        .orderBy(desc(quantity), asc(orderLines.sku))
        .limit(limit)
    },

    close: async () => undefined,
  }
}
