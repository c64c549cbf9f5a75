import type { Generated } from 'kysely'

/** Ids are made by the database: they carry the tenant's bucket, so an id alone says where its row lies. */
export interface Database {
  tenants: { id: string; name: string }
  products: { sku: string; price: string }
  customers: { id: Generated<string>; tenant_id: number; name: string; email: string }
  orders: {
    id: Generated<string>
    tenant_id: number
    customer_id: string
    status: Generated<'open' | 'shipped'>
    placed_at: Generated<Date>
  }
  order_lines: { id: Generated<string>; tenant_id: number; order_id: string; sku: string; quantity: number }
}
