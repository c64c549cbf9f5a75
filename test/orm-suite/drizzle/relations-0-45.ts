import { asc, eq, relations, sql } from 'drizzle-orm'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { Relational } from './operations.ts'
import { tables } from './tables.ts'

const { customers, orderLines, orders } = tables

/** What `db.query` of 0.45 is made of. */
export const schema = {
  ...tables,
  orderRelations: relations(orders, ({ one, many }) => ({
    customer: one(customers, { fields: [orders.customerId], references: [customers.id] }),
    lines: many(orderLines),
  })),
  lineRelations: relations(orderLines, ({ one }) => ({
    order: one(orders, { fields: [orderLines.orderId], references: [orders.id] }),
  })),
}

/** 0.45 reads nested rows from JSON numbers, which would round the ids: they are asked for as text. */
const lines = {
  columns: { tenantId: true, sku: true, quantity: true },
  extras: {
    idText: sql<string>`${orderLines.id}::text`.as('id_text'),
    orderIdText: sql<string>`${orderLines.orderId}::text`.as('order_id_text'),
  },
  orderBy: asc(orderLines.id),
} as const

const customer = {
  columns: { tenantId: true, email: true, displayName: true },
  extras: { idText: sql<string>`${customers.id}::text`.as('id_text') },
} as const

/** The relational queries of 0.45. */
export function relationalOf(db: unknown): Relational {
  const { query } = db as NodePgDatabase<typeof schema>
  return {
    async orderGraph(id) {
      const found = await query.orders.findFirst({ where: eq(orders.id, id), with: { lines, customer } })
      return found && { ...found, lines: found.lines.map(withIds), customer: withId(found.customer) }
    },
    async ordersWithLines(tenantId) {
      const found = await query.orders.findMany({
        where: eq(orders.tenantId, tenantId),
        with: { lines },
        orderBy: asc(orders.id),
      })
      return found.map((order) => ({ ...order, lines: order.lines.map(withIds) }))
    },
  }
}

function withIds<T extends { idText: string; orderIdText: string }>({ idText, orderIdText, ...line }: T) {
  return { ...line, id: BigInt(idText), orderId: BigInt(orderIdText) }
}

function withId<T extends { idText: string }>({ idText, ...row }: T) {
  return { ...row, id: BigInt(idText) }
}
