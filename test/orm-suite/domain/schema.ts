import { entity, reference, tenant, time } from '@shardline/core'

/** The tables of a shard. Ids are made by the router, or by the trigger that `router.install()` puts on the shards. */
export const schema = `
  create table tenants (id int primary key, name text not null, region_code text);
  create table products (sku text primary key, title text not null, price numeric(12,2) not null);
  create table customers (
    id bigint primary key,
    tenant_id int not null references tenants (id),
    email text not null,
    "displayName" text not null,
    unique (tenant_id, email)
  );
  create table orders (
    id bigint primary key,
    tenant_id int not null references tenants (id),
    customer_id bigint not null references customers (id),
    status text not null default 'open',
    total numeric(12,2) not null default 0 check (total >= 0),
    note text,
    placed_at timestamptz not null default '2026-01-01',
    meta jsonb
  );
  create table order_lines (
    id bigint primary key,
    tenant_id int not null references tenants (id),
    order_id bigint not null references orders (id) on delete cascade,
    sku text not null references products (sku),
    quantity int not null
  );
  create table documents (id uuid primary key, tenant_id int not null references tenants (id), title text not null);
  create table settings (key text primary key, value text not null);
  create table features (entity_id text primary key, value float8 not null, version int not null default 1);
  create table readings (
    recorded_at timestamptz not null, sensor_id int not null, value float8 not null,
    primary key (recorded_at, sensor_id)
  );
  create sequence tickets;
`

/** The same on one plain PostgreSQL, where triggers number the rows: a routable column has no default. */
export const plainSchema = `${schema}
  create sequence ids start 1000000;
  create function number_row() returns trigger language plpgsql as
    'begin new.id := coalesce(new.id, nextval(''ids'')); return new; end';
  create function name_row() returns trigger language plpgsql as
    'begin new.id := coalesce(new.id, gen_random_uuid()); return new; end';
  create trigger number_row before insert on customers for each row execute function number_row();
  create trigger number_row before insert on orders for each row execute function number_row();
  create trigger number_row before insert on order_lines for each row execute function number_row();
  create trigger name_row before insert on documents for each row execute function name_row();
`

/** Children first, so that deleting in this order breaks no foreign key. */
export const tableNames = [
  'order_lines',
  'orders',
  'documents',
  'customers',
  'tenants',
  'products',
  'settings',
  'features',
  'readings',
] as const

/** What each ORM's models must say in its own words; the suite's routers are given no tables. */
export const tables = {
  tenants: tenant('id'),
  customers: tenant('tenant_id', { routable: ['id'] }),
  orders: tenant('tenant_id', { routable: ['id'] }),
  order_lines: tenant('tenant_id', { routable: ['id'] }),
  documents: tenant('tenant_id', { routable: ['id'] }),
  features: entity('entity_id'),
  readings: time('recorded_at', { every: 'month' }),
  products: reference(),
} as const
