create table tenants (
  id   bigint primary key,
  name text not null
);

create table products (
  sku   text primary key,
  price numeric(10, 2) not null
);

create table customers (
  id        bigint primary key,
  tenant_id bigint not null references tenants (id),
  name      text not null,
  email     text not null,
  unique (tenant_id, email)
);

create table orders (
  id          bigint primary key,
  tenant_id   bigint not null references tenants (id),
  customer_id bigint not null references customers (id),
  status      text not null default 'open',
  placed_at   timestamptz not null default now()
);
create index on orders (tenant_id, placed_at desc);

create table order_lines (
  id        bigint primary key,
  tenant_id bigint not null references tenants (id),
  order_id  bigint not null references orders (id),
  sku       text not null references products (sku),
  quantity  integer not null check (quantity > 0),
  unique (order_id, sku)
);
