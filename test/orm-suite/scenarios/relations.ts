import { expect } from 'vitest'
import type { Scenario } from './scenario.ts'

/** Relations the way each ORM loads them: joins, a SELECT for each, nested JSON, lazily. */
export const relations: readonly Scenario[] = [
  {
    name: 'an order by its id with lines and customer',
    tags: ['relation', 'ordinary-model'],
    async run(_application, { alike, data, replicaOf }) {
      for (const { id, orders } of [data.a, data.b]) {
        const { result, nodes } = await alike((one) => one.orderGraph(orders[0].id))
        expect(result).toEqual(orders[0])
        expect(nodes).toEqual([replicaOf(id)])
      }
    },
  },
  {
    name: 'an order without lines',
    tags: ['relation', 'ordinary-model'],
    async run(_application, { alike, data, replicaOf }) {
      const { result, nodes } = await alike((one) => one.orderGraph(data.a.orders[4].id))
      expect(result).toEqual(data.a.orders[4])
      expect(nodes).toEqual([replicaOf(data.a.id)])
    },
  },
  {
    name: 'relations of an order that does not exist',
    tags: ['relation', 'ordinary-model'],
    async run(_application, { alike, data, ids }) {
      const id = await ids.next(data.a.id)
      const { result } = await alike((one) => one.orderGraph(id))
      expect(result).toBeUndefined()
    },
  },
  {
    name: 'orders of a tenant with their lines',
    tags: ['relation', 'ordinary-model'],
    async run(_application, { alike, data, replicaOf }) {
      const { result, nodes } = await alike((one) => one.ordersWithLines(data.b.id))
      expect(result).toEqual(data.b.orders.map(({ customer: _customer, ...order }) => order))
      expect(nodes).toEqual([replicaOf(data.b.id)])
    },
  },
  {
    name: 'lines by the foreign key alone',
    tags: ['relation', 'ordinary-model'],
    async run(_application, { alike, data, replicaOf }) {
      const { result, nodes } = await alike((one) => one.linesOfOrder(data.b.orders[1].id))
      expect(result).toEqual(data.b.orders[1].lines)
      expect(nodes).toEqual([replicaOf(data.b.id)])
    },
  },
  {
    name: 'the customer of an order, lazily',
    tags: ['relation', 'ordinary-model'],
    async run(_application, { alike, data, replicaOf }) {
      const { result, nodes } = await alike((one) => one.customerOfOrder(data.b.orders[1].id))
      expect(result).toEqual(data.b.customers[1])
      expect(nodes).toEqual([replicaOf(data.b.id)])
    },
  },
  {
    name: 'a filter on a column of a relation',
    tags: ['relation', 'ordinary-model'],
    async run(_application, { alike, data, replicaOf }) {
      const { email } = data.a.customers[0]
      const { result, nodes } = await alike((one) => one.ordersOfEmail(data.a.id, email))
      expect(result.map(({ id }) => id)).toEqual([0, 2, 4].map((index) => data.a.orders[index]?.id))
      expect(nodes).toEqual([replicaOf(data.a.id)])
    },
  },
  {
    name: 'relations in a transaction come from the primary',
    tags: ['relation', 'transaction', 'ordinary-model'],
    async run(_application, { alike, data, primaryOf }) {
      const { orders, id } = data.b
      const { result, nodes } = await alike((one) =>
        one.transaction(async (tx) => {
          await tx.setStatus(orders[0].id, 'paid')
          return tx.orderGraph(orders[0].id)
        }),
      )
      expect(result).toEqual({ ...orders[0], status: 'paid' })
      expect(nodes).toEqual([primaryOf(id)])
    },
  },
  {
    name: 'relations of many orders at once do not mix',
    tags: ['relation'],
    async run(_application, { alike, data, nodesOfReads }) {
      const wanted = data.tenants.flatMap(({ orders }) => orders)
      const { result, nodes } = await alike((one) => Promise.all(wanted.map(({ id }) => one.orderGraph(id))))
      expect(result).toEqual(wanted)
      expect(nodes).toEqual(nodesOfReads)
    },
  },
]
