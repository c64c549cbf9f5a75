import 'reflect-metadata'
import type { Router } from '@shardline/core'
import type { Order, OrderBook } from '@shardline/example-orders'
import { typeormDriver } from '@shardline/typeorm-driver'
import { DataSource, type FindOptionsRelations } from 'typeorm'
import { CustomerRow, LineRow, OrderRow } from './entities.ts'

const customerAndLines: FindOptionsRelations<OrderRow> = { customer: true, lines: true }

export async function openOrderBook(router: Router): Promise<OrderBook> {
  const db = new DataSource({
    type: 'postgres',
    driver: typeormDriver(router),
    entities: [CustomerRow, OrderRow, LineRow],
  })
  await db.initialize()
  const orders = db.getRepository(OrderRow)

  return {
    async addCustomer(tenantId, { name, email }) {
      const { id } = await db.getRepository(CustomerRow).save({ tenantId, name, email })
      return { id, name, email }
    },

    // One transaction: TypeORM saves the order, and its lines with it.
    async place(tenantId, { customerId, lines }) {
      const customer = await db.getRepository(CustomerRow).findOneByOrFail({ id: customerId })
      const saved = await orders.save({
        tenantId,
        customer,
        status: 'open',
        lines: lines.map((line) => ({ tenantId, ...line })),
      })
      return asOrder(saved)
    },

    async list(tenantId, take) {
      const found = await orders.find({
        where: { tenantId },
        relations: customerAndLines,
        order: { placedAt: 'desc', id: 'desc', lines: { id: 'asc' } },
        take,
      })
      return found.map(asOrder)
    },

    async find(id) {
      const found = await orders.findOne({
        where: { id },
        relations: customerAndLines,
        order: { lines: { id: 'asc' } },
      })
      return found === null ? undefined : asOrder(found)
    },

    async ship(id) {
      const { affected } = await orders.update({ id }, { status: 'shipped' })
      return affected === 1
    },

    async bestSellers(limit) {
      const rows = await db
        .getRepository(LineRow)
        .createQueryBuilder('line')
        .select('line.sku', 'sku')
        .addSelect('sum(line.quantity)', 'quantity')
        .groupBy('line.sku')
        .orderBy('quantity', 'DESC')
        .addOrderBy('sku')
        .limit(limit)
        .getRawMany<{ sku: string; quantity: string }>()
      return rows.map(({ sku, quantity }) => ({ sku, quantity: Number(quantity) }))
    },

    close: () => db.destroy(),
  }
}

function asOrder({ id, status, customer, lines }: OrderRow): Order {
  const { id: customerId, name, email } = customer
  return {
    id,
    status,
    customer: { id: customerId, name, email },
    lines: lines.map(({ sku, quantity }) => ({ sku, quantity })),
  }
}
