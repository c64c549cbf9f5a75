import type { Customer, Order, OrderLine, OrderWithLines } from '../domain/model.ts'
import type { CustomerRow, LineRow, OrderRow } from './entities.ts'

export function toCustomer({ id, tenantId, email, displayName }: CustomerRow): Customer {
  return { id: BigInt(id), tenantId, email, displayName }
}

export function toOrder(row: OrderRow): Order {
  return {
    id: BigInt(row.id),
    tenantId: row.tenantId,
    customerId: BigInt(row.customerId),
    status: row.status,
    total: row.total,
    note: row.note ?? null,
    placedAt: row.placedAt,
    meta: row.meta ?? null,
  }
}

export function toLine({ id, tenantId, orderId, sku, quantity }: LineRow): OrderLine {
  return { id: BigInt(id), tenantId, orderId: BigInt(orderId), sku, quantity }
}

export function toOrderWithLines(row: OrderRow): OrderWithLines {
  return { ...toOrder(row), lines: row.lines.map(toLine) }
}
