import type { Selectable } from 'kysely'
import type { Customer, Feature, Order, OrderLine, Tenant } from '../domain/model.ts'
import type { CustomersTable, Database, OrderLinesTable, OrdersTable } from './database.ts'

export function toTenant(row: Database['tenants']): Tenant {
  return { id: row.id, name: row.name, region: row.region_code }
}

export function toCustomer(row: Selectable<CustomersTable>): Customer {
  return { id: BigInt(row.id), tenantId: row.tenant_id, email: row.email, displayName: row.displayName }
}

export function toOrder(row: Selectable<OrdersTable>): Order {
  return {
    id: BigInt(row.id),
    tenantId: row.tenant_id,
    customerId: BigInt(row.customer_id),
    status: row.status,
    total: row.total,
    note: row.note,
    placedAt: row.placed_at,
    meta: row.meta,
  }
}

export function toLine(row: Selectable<OrderLinesTable>): OrderLine {
  return {
    id: BigInt(row.id),
    tenantId: row.tenant_id,
    orderId: BigInt(row.order_id),
    sku: row.sku,
    quantity: row.quantity,
  }
}

export function toFeature(row: Database['features']): Feature {
  return { entityId: row.entity_id, value: row.value, version: row.version }
}
