import { sql } from 'drizzle-orm'
import {
  customType,
  foreignKey,
  integer,
  jsonb,
  numeric,
  pgSchema,
  pgTable,
  primaryKey,
  real,
  text,
  timestamp,
} from 'drizzle-orm/pg-core'
import { entity, reference, sharded, tenant, time, unsharded } from '../../src/index.ts'

/** A column type of the application's own, as a shard key. */
const code = customType<{ data: string; driverData: string }>({ dataType: () => 'text' })

const app = pgSchema('app')

export const tenants = sharded(
  pgTable('tenants', { id: integer('id').primaryKey(), name: text('name').notNull() }),
  (t) => tenant(t.id),
)

export const orders = sharded(
  pgTable(
    'orders',
    {
      tenantId: integer('tenant_id').notNull(),
      id: integer('id').notNull(),
      total: numeric('total', { precision: 12, scale: 2 }).notNull(),
      note: text('note'),
      details: jsonb('details').$type<{ readonly colour?: string }>(),
      placedAt: timestamp('placed_at', { withTimezone: true })
        .notNull()
        .default(sql`'2026-01-01'`),
    },
    (t) => [primaryKey({ columns: [t.tenantId, t.id] })],
  ),
  (t) => tenant(t.tenantId),
)

export const items = sharded(
  pgTable(
    'items',
    {
      tenantId: integer('tenant_id').notNull(),
      orderId: integer('order_id').notNull(),
      sku: text('sku').notNull(),
      amount: integer('amount').notNull(),
    },
    (t) => [
      primaryKey({ columns: [t.tenantId, t.orderId, t.sku] }),
      foreignKey({
        columns: [t.tenantId, t.orderId],
        foreignColumns: [orders.tenantId, orders.id],
      }).onDelete('cascade'),
    ],
  ),
  (t) => tenant(t.tenantId),
)

export const features = sharded(
  pgTable('features', { entityId: code('entity_id').primaryKey(), value: real('value').notNull() }),
  (t) => entity(t.entityId),
)

export const readings = sharded(
  pgTable('readings', {
    recordedAt: timestamp('recorded_at', { withTimezone: true }).notNull(),
    sensor: integer('sensor').notNull(),
  }),
  (t) => time(t.recordedAt, { every: 'month' }),
)

export const countries = sharded(
  pgTable('countries', { code: text('code').primaryKey(), name: text('name').notNull() }),
  () => reference(),
)

export const settings = sharded(
  pgTable('settings', { key: text('key').primaryKey(), value: text('value').notNull() }),
  () => unsharded(),
)

export const notes = sharded(
  app.table(
    'notes',
    {
      tenantId: integer('tenant_id').notNull(),
      id: integer('id').notNull(),
      body: text('body').notNull(),
    },
    (t) => [primaryKey({ columns: [t.tenantId, t.id] })],
  ),
  (t) => tenant(t.tenantId),
)

export const ddl = `
  create schema app;
  create table tenants (id int primary key, name text not null);
  create table orders (
    tenant_id int not null references tenants (id),
    id int not null,
    total numeric(12,2) not null check (total >= 0),
    note text,
    details jsonb,
    placed_at timestamptz not null default '2026-01-01',
    primary key (tenant_id, id)
  );
  create table items (
    tenant_id int not null, order_id int not null, sku text not null, amount int not null,
    primary key (tenant_id, order_id, sku),
    foreign key (tenant_id, order_id) references orders (tenant_id, id) on delete cascade
  );
  create table features (entity_id text primary key, value float4 not null);
  create table readings (recorded_at timestamptz not null, sensor int not null);
  create table countries (code text primary key, name text not null);
  create table settings (key text primary key, value text not null);
  create table app.notes (tenant_id int not null, id int not null, body text not null, primary key (tenant_id, id));
  create materialized view order_totals as select 1 as tenant_id, 2::numeric as total;
`
