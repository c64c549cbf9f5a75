import type { Router } from '@shardline/core'
import type { Ids } from './ids.ts'
import type { Customer, Document, Feature, OrderGraph, Product, Reading, Setting, Tenant } from './model.ts'

/** One tenant and its rows. */
export interface TenantData {
  readonly id: number
  readonly tenant: Tenant
  readonly shard: string
  readonly customers: readonly [Customer, Customer]
  /** Five, in the order of their ids and of their times; two have lines. */
  readonly orders: readonly [OrderGraph, OrderGraph, OrderGraph, OrderGraph, OrderGraph]
  readonly documents: readonly [Document, Document]
}

/** What is in the tables when a scenario begins: written past the router, to the primaries. */
export interface Data {
  /** `a` and `a2` live on one shard, `b` and `b2` on the other. */
  readonly a: TenantData
  readonly a2: TenantData
  readonly b: TenantData
  readonly b2: TenantData
  readonly tenants: readonly TenantData[]
  /** Ids of tenants that do not exist yet, by shard: the one of `a`, the one of `b`. */
  readonly unused: { readonly a: number; readonly b: number }
  readonly products: readonly [Product, Product, Product]
  /** Six over both shards. */
  readonly features: readonly Feature[]
  /** One for each of the first six months of 2026. */
  readonly readings: readonly Reading[]
  readonly settings: readonly [Setting]
  /** INSERTs of what belongs on a shard; of everything without one. */
  sqlOf(shard: string | undefined): string
}

const products = [
  { sku: 'lamp', title: 'A lamp', price: '12.50' },
  { sku: 'rug', title: 'A rug', price: '80.00' },
  { sku: 'vase', title: "The potter's vase", price: '7.25' },
] as const

const statuses = ['open', 'paid', 'open', 'shipped', 'paid'] as const

export async function fill(router: Router, ids: Ids): Promise<Data> {
  const shardOf = (sql: string, value: unknown): string => router.explain(sql, [value]).shards[0] ?? ''
  const shardOfTenant = (id: number) => shardOf('select from tenants where id = $1', id)
  const candidates = Array.from({ length: 60 }, (_, index) => index + 1)
  const [first, second] = Map.groupBy(candidates, shardOfTenant).values()
  const [a, a2, unusedA] = first ?? []
  const [b, b2, unusedB] = second ?? []
  if (a === undefined || a2 === undefined || unusedA === undefined)
    throw new Error('one shard has no tenants')
  if (b === undefined || b2 === undefined || unusedB === undefined)
    throw new Error('one shard has no tenants')

  const tenants: TenantData[] = []
  for (const id of [a, a2, b, b2]) tenants.push(await fillTenant(id, shardOfTenant(id), ids))
  const [dataA, dataA2, dataB, dataB2] = tenants as [TenantData, TenantData, TenantData, TenantData]
  const features = ['f1', 'f2', 'f3', 'f4', 'f5', 'f6'].map((entityId, index) => ({
    entityId,
    value: index + 0.5,
    version: 1,
  }))
  const readings = [0, 1, 2, 3, 4, 5].map((month) => ({
    recordedAt: new Date(Date.UTC(2026, month, 15)),
    sensorId: 1,
    value: month,
  }))
  const settings = [{ key: 'currency', value: 'EUR' }] as const

  return {
    a: dataA,
    a2: dataA2,
    b: dataB,
    b2: dataB2,
    tenants,
    unused: { a: unusedA, b: unusedB },
    products,
    features,
    readings,
    settings,
    sqlOf(shard) {
      const isHere = (found: string) => shard === undefined || shard === found
      const here = tenants.filter((one) => isHere(one.shard))
      const orders = here.flatMap((one) => one.orders)
      return [
        insert(
          'products',
          products.map((one) => [one.sku, one.title, one.price]),
        ),
        insert(
          'tenants',
          here.map(({ tenant }) => [tenant.id, tenant.name, tenant.region]),
        ),
        insert(
          'customers',
          here.flatMap((one) => one.customers.map((c) => [c.id, c.tenantId, c.email, c.displayName])),
        ),
        insert(
          'orders',
          orders.map((o) => [o.id, o.tenantId, o.customerId, o.status, o.total, o.note, o.placedAt, o.meta]),
        ),
        insert(
          'order_lines',
          orders.flatMap((o) => o.lines.map((l) => [l.id, l.tenantId, l.orderId, l.sku, l.quantity])),
        ),
        insert(
          'documents',
          here.flatMap((one) => one.documents.map((d) => [d.id, d.tenantId, d.title])),
        ),
        insert(
          'features',
          features
            .filter((one) => isHere(shardOf('select from features where entity_id = $1', one.entityId)))
            .map((one) => [one.entityId, one.value, one.version]),
        ),
        insert(
          'readings',
          readings
            .filter((one) => isHere(shardOf('select from readings where recorded_at = $1', one.recordedAt)))
            .map((one) => [one.recordedAt, one.sensorId, one.value]),
        ),
        isHere(shardOf('select from settings where key = $1', 'currency'))
          ? insert(
              'settings',
              settings.map((one) => [one.key, one.value]),
            )
          : '',
      ].join('\n')
    },
  }
}

async function fillTenant(id: number, shard: string, ids: Ids): Promise<TenantData> {
  const made = await ids.several(id, 12)
  const customers = made.slice(0, 2).map((customer, index) => ({
    id: customer,
    tenantId: id,
    email: `customer${index}@tenant${id}.example`,
    displayName: `Customer ${index} of ${id}`,
  }))
  const orders = statuses.map((status, index): OrderGraph => {
    const customer = customers[index % 2]
    const order = made[2 + index]
    if (customer === undefined || order === undefined) throw new Error('too few ids')
    const lines =
      index > 1
        ? []
        : [0, 1].map((line) => ({
            id: made[7 + 2 * index + line] ?? 0n,
            tenantId: id,
            orderId: order,
            sku: products[line]?.sku ?? '',
            quantity: line + 1,
          }))
    return {
      id: order,
      tenantId: id,
      customerId: customer.id,
      status,
      total: `${(index + 1) * 10 + id}.50`,
      note: index === 0 ? "it's a gift" : null,
      placedAt: new Date(Date.UTC(2026, 0, 1 + index, id % 24)),
      meta: index === 0 ? { colour: 'red', tags: ['a', 'b'] } : null,
      lines,
      customer,
    }
  })
  return {
    id,
    tenant: { id, name: `Tenant ${id}`, region: id % 2 === 0 ? null : 'eu' },
    shard,
    customers: customers as unknown as TenantData['customers'],
    orders: orders as unknown as TenantData['orders'],
    documents: [0, 1].map((index) => ({
      id: ids.uuid(id),
      tenantId: id,
      title: `Document ${index} of ${id}`,
    })) as unknown as TenantData['documents'],
  }
}

function insert(table: string, rows: readonly (readonly unknown[])[]): string {
  if (rows.length === 0) return ''
  return `insert into ${table} values ${rows.map((row) => `(${row.map(literal).join(', ')})`).join(', ')};`
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  const text =
    value instanceof Date ? value.toISOString() : typeof value === 'string' ? value : JSON.stringify(value)
  return `'${text.replaceAll("'", "''")}'`
}
