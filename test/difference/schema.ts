/**
 * The data of the difference test: every strategy, every kind of column that is merged in its own way, NULLs,
 * ties, and keys that lie on both shards. Small on purpose: ties and empty results have to be frequent.
 */
export interface TableShape {
  readonly name: string
  /** Shard key column; undefined for reference and unsharded tables. */
  readonly key: string | undefined
  readonly group: 'tenant' | 'feature' | 'reading' | 'reference' | 'home'
  readonly primaryKey: readonly string[]
  readonly columns: Readonly<Record<string, ColumnType>>
}

export type ColumnType =
  | 'int4'
  | 'int8'
  | 'text'
  | 'numeric'
  | 'float8'
  | 'bool'
  | 'timestamptz'
  | 'date'
  | 'uuid'
  | 'mood'
  | 'jsonb'

export const tables: readonly TableShape[] = [
  {
    name: 'tenants',
    key: 'id',
    group: 'tenant',
    primaryKey: ['id'],
    columns: { id: 'int4', name: 'text', plan: 'text', joined: 'date' },
  },
  {
    name: 'orders',
    key: 'tenant_id',
    group: 'tenant',
    primaryKey: ['tenant_id', 'id'],
    columns: {
      tenant_id: 'int4',
      id: 'int8',
      customer_id: 'int8',
      country: 'text',
      total: 'numeric',
      weight: 'float8',
      paid: 'bool',
      placed_at: 'timestamptz',
      status: 'mood',
      note: 'text',
    },
  },
  {
    name: 'customers',
    key: 'tenant_id',
    group: 'tenant',
    primaryKey: ['id'],
    columns: { id: 'int8', tenant_id: 'int4', name: 'text', score: 'int4' },
  },
  {
    name: 'invoices',
    key: 'tenant_id',
    group: 'tenant',
    primaryKey: ['ref'],
    columns: { ref: 'int8', tenant_id: 'int4', total: 'numeric', status: 'mood', note: 'text' },
  },
  {
    name: 'invoice_lines',
    key: 'tenant_id',
    group: 'tenant',
    primaryKey: ['invoice_ref', 'position'],
    columns: { tenant_id: 'int4', invoice_ref: 'int8', position: 'int4', amount: 'numeric', note: 'text' },
  },
  {
    name: 'features',
    key: 'entity_id',
    group: 'feature',
    primaryKey: ['entity_id', 'name'],
    columns: { entity_id: 'text', name: 'text', value: 'float8', version: 'int4', tag: 'uuid' },
  },
  {
    name: 'readings',
    key: 'recorded_at',
    group: 'reading',
    primaryKey: ['recorded_at', 'sensor'],
    columns: { recorded_at: 'timestamptz', sensor: 'int4', value: 'numeric', payload: 'jsonb' },
  },
  {
    name: 'countries',
    key: undefined,
    group: 'reference',
    primaryKey: ['code'],
    columns: { code: 'text', name: 'text', rate: 'numeric' },
  },
  {
    name: 'settings',
    key: undefined,
    group: 'home',
    primaryKey: ['name'],
    columns: { name: 'text', value: 'text', level: 'int4' },
  },
]

export const ddl = `
  create type mood as enum ('sad', 'ok', 'happy', 'glad');
  create table tenants (id int primary key, name text not null, plan text, joined date);
  create table customers (id bigint primary key, tenant_id int not null references tenants (id), name text, score int);
  create table orders (
    tenant_id int not null references tenants (id), id bigint not null,
    customer_id bigint references customers (id),
    country text, total numeric(12,2), weight float8, paid bool, placed_at timestamptz, status mood, note text,
    primary key (tenant_id, id)
  );
  create table features (entity_id text not null, name text not null, value float8, version int not null default 1, tag uuid, primary key (entity_id, name));
  create table readings (recorded_at timestamptz not null, sensor int not null, value numeric, payload jsonb, primary key (recorded_at, sensor));
  create table countries (code text primary key, name text not null, rate numeric);
  create table settings (name text primary key, value text, level int);
  create table invoices (ref bigint primary key, tenant_id int not null, total numeric(12,2), status mood, note text);
  create table invoice_lines (
    tenant_id int not null, invoice_ref bigint not null references invoices (ref), position int not null,
    amount numeric(12,2), note text, primary key (invoice_ref, position)
  );
  create view paid_orders as select tenant_id, id, total, country from orders where paid;
  create view tenant_totals as select tenant_id, count(*) as n, sum(total) as total from orders group by tenant_id;
`

export const dropAll = `
  drop view if exists paid_orders, tenant_totals;
  drop table if exists invoice_lines, invoices, orders, customers, tenants, features, readings, countries, settings;
  drop type if exists mood;
`

export const tenantIds = Array.from({ length: 12 }, (_, index) => index + 1)
/** The ids that invoices have, by tenant: each carries the bucket of its tenant. They are known once a router made them. */
export const invoiceRefs: (readonly [ref: string, tenant: number])[] = []
export const entityIds = ['sensor-1', 'sensor-2', 'ünïcode', '🚀', 'a b', "o'hara", 'Z', 'z', '']
export const words = ['apple', 'Apple', 'äpfel', 'zebra', 'a b', '', '10', '9', '🚀', "o'hara", 'x%y_z']
export const months = Array.from({ length: 8 }, (_, index) => `2026-0${index + 1}`)

// Numerics have one scale throughout: which of 1 and 1.0 stands for both after GROUP BY is nobody's promise.
/** Rows to insert, table by table, in an order that satisfies the foreign keys. */
export function seedRows(
  random: () => number,
): readonly (readonly [table: string, rows: readonly (readonly unknown[])[]])[] {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const maybe = <T>(value: T): T | null => (random() < 0.15 ? null : value)
  const uuid = (n: number): string => `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`
  const moment = (): string =>
    `${pick(months)}-${String(1 + Math.floor(random() * 28)).padStart(2, '0')}T0${Math.floor(random() * 9)}:00:00.${Math.floor(random() * 900_000) + 100_000}Z`
  const codes = ['de', 'fr', 'us', 'jp', 'br']
  const customers = Array.from(
    { length: 40 },
    (_, id) => [id + 1, pick(tenantIds), maybe(pick(words)), maybe(Math.floor(random() * 10))] as const,
  )
  const orders = Array.from({ length: 160 }, (_, id) => {
    const tenant = pick(tenantIds)
    const own = customers.filter((customer) => customer[1] === tenant)
    return [
      tenant,
      id + 1,
      own.length === 0 ? null : maybe(pick(own)[0]),
      maybe(pick([...codes, 'xx'])),
      maybe((Math.floor(random() * 400) / 4).toFixed(2)),
      maybe(Math.floor(random() * 64) / 8),
      maybe(random() < 0.5),
      maybe(moment()),
      maybe(pick(['sad', 'ok', 'happy', 'glad'])),
      maybe(pick(words)),
    ]
  })
  const invoices = invoiceRefs.map(([ref, tenant]) => [
    ref,
    tenant,
    maybe((Math.floor(random() * 400) / 4).toFixed(2)),
    maybe(pick(['sad', 'ok', 'happy', 'glad'])),
    maybe(pick(words)),
  ])
  const lines = invoiceRefs.flatMap(([ref, tenant]) =>
    Array.from({ length: Math.floor(random() * 3) }, (_, position) => [
      tenant,
      ref,
      position,
      maybe((Math.floor(random() * 40) / 4).toFixed(2)),
      maybe(pick(words)),
    ]),
  )
  const features = entityIds.flatMap((entity) =>
    ['clicks', 'delay', 'Δ'].map((name, n) => [
      entity,
      name,
      maybe(Math.floor(random() * 64) / 4),
      1 + n,
      maybe(uuid(Math.floor(random() * 6))),
    ]),
  )
  const readings = new Map<string, readonly unknown[]>()
  for (let n = 0; n < 90; n += 1) {
    const at = moment()
    const sensor = Math.floor(random() * 4)
    readings.set(`${at}/${sensor}`, [
      at,
      sensor,
      maybe(pick(['1.00', '2.00', '1.50', '-3.00', '1000000000000000000.50', 'NaN'])),
      maybe('{"a": 1}'),
    ])
  }
  return [
    [
      'tenants',
      tenantIds.map((id) => [
        id,
        `tenant ${id}`,
        maybe(pick(['free', 'pro'])),
        maybe(`2025-01-${String(id).padStart(2, '0')}`),
      ]),
    ],
    ['customers', customers],
    ['orders', orders],
    ['invoices', invoices],
    ['invoice_lines', lines],
    ['features', features],
    ['readings', [...readings.values()]],
    ['countries', codes.map((code) => [code, code.toUpperCase(), maybe(pick(['0.19', '0.20', '0.21']))])],
    ['settings', ['a', 'b', 'c'].map((name, level) => [name, maybe(pick(words)), level])],
  ]
}
