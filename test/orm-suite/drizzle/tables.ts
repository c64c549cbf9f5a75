import { entity, reference, sharded, tenant, time } from '@shardline/drizzle-adapter'
import { sql } from 'drizzle-orm'
import {
  bigint,
  doublePrecision,
  integer,
  jsonb,
  numeric,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core'

const id = (name: string) => bigint(name, { mode: 'bigint' })

/** Left out of an INSERT, it is the database that fills it. */
const madeByDatabase = () => sql`default`

const routableId = () => id('id').primaryKey().$defaultFn(madeByDatabase)

const tenants = sharded(
  pgTable('tenants', {
    id: integer('id').primaryKey(),
    name: text('name').notNull(),
    region: text('region_code'),
  }),
  (t) => tenant(t.id),
)

const customers = sharded(
  pgTable('customers', {
    id: routableId(),
    tenantId: integer('tenant_id').notNull(),
    email: text('email').notNull(),
    displayName: text('displayName').notNull(),
  }),
  (t) => tenant(t.tenantId, { routable: t.id }),
)

const orders = sharded(
  pgTable('orders', {
    id: routableId(),
    tenantId: integer('tenant_id').notNull(),
    customerId: id('customer_id').notNull(),
    status: text('status').notNull().default('open'),
    total: numeric('total', { precision: 12, scale: 2 }).notNull().default('0'),
    note: text('note'),
    placedAt: timestamp('placed_at', { withTimezone: true })
      .notNull()
      .default(sql`'2026-01-01'`),
    meta: jsonb('meta'),
  }),
  (t) => tenant(t.tenantId, { routable: t.id }),
)

const orderLines = sharded(
  pgTable('order_lines', {
    id: routableId(),
    tenantId: integer('tenant_id').notNull(),
    orderId: id('order_id').notNull(),
    sku: text('sku').notNull(),
    quantity: integer('quantity').notNull(),
  }),
  (t) => tenant(t.tenantId, { routable: t.id }),
)

const documents = sharded(
  pgTable('documents', {
    id: uuid('id').primaryKey().$defaultFn(madeByDatabase),
    tenantId: integer('tenant_id').notNull(),
    title: text('title').notNull(),
  }),
  (t) => tenant(t.tenantId, { routable: t.id }),
)

const products = sharded(
  pgTable('products', {
    sku: text('sku').primaryKey(),
    title: text('title').notNull(),
    price: numeric('price', { precision: 12, scale: 2 }).notNull(),
  }),
  () => reference(),
)

const settings = pgTable('settings', { key: text('key').primaryKey(), value: text('value').notNull() })

const features = sharded(
  pgTable('features', {
    entityId: text('entity_id').primaryKey(),
    value: doublePrecision('value').notNull(),
    version: integer('version').notNull().default(1),
  }),
  (t) => entity(t.entityId),
)

const readings = sharded(
  pgTable(
    'readings',
    {
      recordedAt: timestamp('recorded_at', { withTimezone: true }).notNull(),
      sensorId: integer('sensor_id').notNull(),
      value: doublePrecision('value').notNull(),
    },
    (t) => [primaryKey({ columns: [t.recordedAt, t.sensorId] })],
  ),
  (t) => time(t.recordedAt, { every: 'month' }),
)

export const tables = {
  tenants,
  customers,
  orders,
  orderLines,
  documents,
  products,
  settings,
  features,
  readings,
}
