import { defineRelations } from 'drizzle-orm-1'
import type { OrderGraph, OrderWithLines } from '../domain/model.ts'
import type { Relational } from './operations.ts'
import { tables } from './tables.ts'

// The tables are typed by 0.45, and made by 1.0: the test file puts the one in the other's place.
const define = defineRelations as unknown as (
  schema: typeof tables,
  build: (r: Relator) => object,
) => Record<string, never>

/** What is used here of the parameter of `defineRelations`. */
type Relator = {
  readonly [Table in keyof typeof tables]: (typeof tables)[Table]
} & {
  readonly one: { customers(columns: { from: unknown; to: unknown; optional: false }): unknown }
  readonly many: { orderLines(columns: { from: unknown; to: unknown }): unknown }
}

interface Query {
  readonly orders: {
    findFirst(config: object): Promise<OrderGraph | undefined>
    findMany(config: object): Promise<OrderWithLines[]>
  }
}

/** What `db.query` of 1.0 is made of. */
export const relations = define(tables, (r) => ({
  orders: {
    customer: r.one.customers({ from: r.orders.customerId, to: r.customers.id, optional: false }),
    lines: r.many.orderLines({ from: r.orders.id, to: r.orderLines.orderId }),
  },
}))

const lines = { orderBy: { id: 'asc' } } as const

/** The relational queries of 1.0, which reads nested rows as exactly as others. */
export function relationalOf(db: unknown): Relational {
  const { query } = db as { readonly query: Query }
  return {
    orderGraph: (id) => query.orders.findFirst({ where: { id }, with: { lines, customer: true } }),
    ordersWithLines: (tenantId) =>
      query.orders.findMany({ where: { tenantId }, with: { lines }, orderBy: { id: 'asc' } }),
  }
}
