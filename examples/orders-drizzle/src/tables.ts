import { sharded, tenant } from '@shardline/drizzle-adapter'
import { relations, sql } from 'drizzle-orm'
import { bigint, customType, integer, pgTable, text, timestamp } from 'drizzle-orm/pg-core'

/** A bigint as text, which JSON can hold. */
const id = customType<{ data: string }>({ dataType: () => 'bigint' })

/** Made by the database, with the tenant's bucket in it: an id alone says where its row lies. */
const routableId = () =>
  id()
    .primaryKey()
    .default(sql`default`)

export const customers = sharded(
  pgTable('customers', {
    id: routableId(),
    tenantId: bigint('tenant_id', { mode: 'number' }).notNull(),
    name: text().notNull(),
    email: text().notNull(),
  }),
  (t) => tenant(t.tenantId, { routable: [t.id] }),
)

export const orders = sharded(
  pgTable('orders', {
    id: routableId(),
    tenantId: bigint('tenant_id', { mode: 'number' }).notNull(),
    customerId: id('customer_id').notNull(),
    status: text().$type<'open' | 'shipped'>().notNull().default('open'),
    placedAt: timestamp('placed_at', { withTimezone: true }).notNull().defaultNow(),
  }),
  (t) => tenant(t.tenantId, { routable: [t.id] }),
)

export const orderLines = sharded(
  pgTable('order_lines', {
    id: routableId(),
    tenantId: bigint('tenant_id', { mode: 'number' }).notNull(),
    orderId: id('order_id').notNull(),
    sku: text().notNull(),
    quantity: integer().notNull(),
  }),
  (t) => tenant(t.tenantId, { routable: [t.id] }),
)

export const orderRelations = relations(orders, ({ one, many }) => ({
  customer: one(customers, { fields: [orders.customerId], references: [customers.id] }),
  lines: many(orderLines),
}))

export const lineRelations = relations(orderLines, ({ one }) => ({
  order: one(orders, { fields: [orderLines.orderId], references: [orders.id] }),
}))
