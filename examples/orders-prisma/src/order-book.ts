import type { Router } from '@shardline/core'
import type { Order, OrderBook } from '@shardline/example-orders'
import { prismaAdapter, shardline } from '@shardline/prisma-extension'
import { PrismaClient, type Prisma } from './generated/client/client.ts'
import { shardlineModels } from './generated/shardline/index.ts'

const customerAndLines = { customer: true, lines: { orderBy: { id: 'asc' } } } as const

type OrderRow = Prisma.OrderGetPayload<{ include: { customer: true; lines: true } }>

export function openOrderBook(router: Router): OrderBook {
  const prisma = new PrismaClient({ adapter: prismaAdapter(router) }).$extends(
    shardline(router, { models: shardlineModels }),
  )

  return {
    async addCustomer(tenantId, { name, email }) {
      const { id } = await prisma.customer.create({ data: { tenantId, name, email } })
      return { id: String(id), name, email }
    },

    // One transaction: a nested write.
    async place(tenantId, { customerId, lines }) {
      const order = await prisma.order.create({
        data: {
          tenantId,
          customerId: BigInt(customerId),
          lines: { create: lines.map((line) => ({ tenantId, ...line })) },
        },
        include: customerAndLines,
      })
      return asOrder(order)
    },

    async list(tenantId, take) {
      const orders = await prisma.order.findMany({
        where: { tenantId },
        include: customerAndLines,
        orderBy: [{ placedAt: 'desc' }, { id: 'desc' }],
        take,
      })
      return orders.map(asOrder)
    },

    async find(orderId) {
      const order = await prisma.order.findUnique({
        where: { id: BigInt(orderId) },
        include: customerAndLines,
      })
      return order === null ? undefined : asOrder(order)
    },

    async ship(orderId) {
      const { count } = await prisma.order.updateMany({
        where: { id: BigInt(orderId) },
        data: { status: 'shipped' },
      })
      return count === 1
    },

    async bestSellers(take) {
      const groups = await prisma.orderLine.groupBy({
        by: ['sku'],
        _sum: { quantity: true },
        orderBy: [{ _sum: { quantity: 'desc' } }, { sku: 'asc' }],
        take,
      })
      return groups.map(({ sku, _sum }) => ({ sku, quantity: _sum.quantity ?? 0 }))
    },

    close: () => prisma.$disconnect(),
  }
}

/** Prisma has bigints where JSON has none. */
function asOrder({ id, status, customer, lines }: OrderRow): Order {
  return {
    id: String(id),
    status: status === 'shipped' ? 'shipped' : 'open',
    customer: { id: String(customer.id), name: customer.name, email: customer.email },
    lines: lines.map(({ sku, quantity }) => ({ sku, quantity })),
  }
}
