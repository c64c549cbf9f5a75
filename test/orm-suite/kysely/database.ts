import type { ColumnType, Generated } from 'kysely'

type Json = ColumnType<unknown, string | null | undefined, string | null>

/** Ids are bigints in the application, and text on their way out of `pg`. */
type Id = ColumnType<string, bigint | undefined, never>
type Reference = ColumnType<string, bigint, bigint>

export interface OrdersTable {
  id: Id
  tenant_id: number
  customer_id: Reference
  status: Generated<string>
  total: ColumnType<string, string | undefined, string>
  note: ColumnType<string | null, string | null | undefined>
  placed_at: ColumnType<Date, Date | undefined, Date>
  meta: Json
}

export interface OrderLinesTable {
  id: Id
  tenant_id: number
  order_id: Reference
  sku: string
  quantity: number
}

export interface CustomersTable {
  id: Id
  tenant_id: number
  email: string
  displayName: string
}

export interface Database {
  tenants: { id: number; name: string; region_code: string | null }
  customers: CustomersTable
  orders: OrdersTable
  order_lines: OrderLinesTable
  documents: { id: ColumnType<string, string | undefined, never>; tenant_id: number; title: string }
  products: { sku: string; title: string; price: string }
  settings: { key: string; value: string }
  features: { entity_id: string; value: number; version: number }
  readings: { recorded_at: Date; sensor_id: number; value: number }
}
