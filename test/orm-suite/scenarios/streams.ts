import { expect } from 'vitest'
import type { Order } from '../domain/model.ts'
import type { Scenario } from './scenario.ts'

/** Rows as they come. */
export const streams: readonly Scenario[] = [
  {
    name: 'a stream of one tenant',
    tags: ['read', 'ordinary-model'],
    needs: ['stream'],
    async run(_application, { alike, data, replicaOf }) {
      const { result, nodes } = await alike((one) => collect(one.streamOrders(data.b.id, 2)))
      expect(result.map(({ id }) => id)).toEqual(data.b.orders.map(({ id }) => id))
      expect(nodes).toEqual([replicaOf(data.b.id)])
    },
  },
  {
    name: 'a stream over both shards is merged in order',
    tags: ['read'],
    needs: ['stream'],
    async run(_application, { alike, nodesOfReads }) {
      const { result, nodes } = await alike((one) => collect(one.streamOrders(undefined, 3)))
      expect(result).toHaveLength(20)
      expect(nodes).toEqual(nodesOfReads)
    },
  },
  {
    name: 'a stream that is left early ends on the servers',
    tags: ['read'],
    needs: ['stream'],
    async run(application, { data, plain }) {
      for (const one of [plain, application]) {
        for (let round = 0; round < 12; round++) {
          for await (const order of one.streamOrders(round % 2 === 0 ? undefined : data.a.id, 1)) {
            expect(order.id).toBeDefined()
            break
          }
        }
        expect(await one.countOrders()).toBe(20)
      }
    },
  },
]

async function collect(rows: AsyncIterable<Order>): Promise<readonly Order[]> {
  const collected: Order[] = []
  for await (const row of rows) collected.push(row)
  return collected
}
