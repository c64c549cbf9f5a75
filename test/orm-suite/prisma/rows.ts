import type { Order, OrderWithLines, Product } from '../domain/model.ts'
import type { Prisma } from './client.ts'

type OrderRow = Prisma.OrderGetPayload<object>
type OrderLinesRow = Prisma.OrderGetPayload<{ include: { lines: true } }>

export function toOrder({ total, ...order }: OrderRow): Order {
  return { ...order, total: money(total) }
}

export function toOrderWithLines({ total, ...order }: OrderLinesRow): OrderWithLines {
  return { ...order, total: money(total) }
}

export function toProduct({ price, ...product }: Prisma.ProductGetPayload<object>): Product {
  return { ...product, price: money(price) }
}

export function money(value: { toFixed(places: number): string }): string {
  return value.toFixed(2)
}
