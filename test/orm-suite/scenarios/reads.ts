import { expect } from 'vitest'
import type { Scenario } from './scenario.ts'

/** Reads of one table: on a replica of the one shard that has the rows, or merged from both. */
export const reads: readonly Scenario[] = [
  {
    name: 'a point read by the shard key',
    tags: ['read', 'ordinary-model'],
    async run(_application, { alike, data, replicaOf }) {
      for (const { id, tenant } of [data.a, data.b]) {
        const { result, nodes } = await alike((one) => one.tenantById(id))
        expect(result).toEqual(tenant)
        expect(nodes).toEqual([replicaOf(id)])
      }
    },
  },
  {
    name: 'a point read by routable primary key alone',
    tags: ['read', 'ordinary-model'],
    async run(_application, { alike, data, replicaOf }) {
      for (const { id, orders } of [data.a, data.b]) {
        const { lines: _lines, customer: _customer, ...order } = orders[0]
        const { result, nodes } = await alike((one) => one.orderById(order.id))
        expect(result).toEqual(order)
        expect(nodes).toEqual([replicaOf(id)])
      }
    },
  },
  {
    name: 'a point read by key and id',
    tags: ['read', 'ordinary-model'],
    async run(_application, { alike, data, replicaOf }) {
      const { id, orders } = data.b
      const { result, nodes } = await alike((one) => one.orderOfTenant(id, orders[2].id))
      expect(result?.id).toBe(orders[2].id)
      expect(nodes).toEqual([replicaOf(id)])
    },
  },
  {
    name: 'a point read by key and an id of another tenant finds nothing',
    tags: ['read', 'ordinary-model'],
    async run(_application, { alike, data }) {
      for (const other of [data.a2, data.b]) {
        const { result, nodes } = await alike((one) => one.orderOfTenant(data.a.id, other.orders[0].id))
        expect(result).toBeUndefined()
        expect(nodes.length).toBeLessThanOrEqual(1)
      }
    },
  },
  {
    name: 'a point read of an id that does not exist',
    tags: ['read', 'ordinary-model'],
    async run(_application, { alike, data, ids, replicaOf }) {
      const id = await ids.next(data.b.id)
      const { result, nodes } = await alike((one) => one.orderById(id))
      expect(result).toBeUndefined()
      expect(nodes).toEqual([replicaOf(data.b.id)])
    },
  },
  {
    name: 'a point read of a row with a routable UUID',
    tags: ['read', 'ordinary-model'],
    async run(_application, { alike, data, replicaOf }) {
      for (const { id, documents } of [data.a, data.b]) {
        const { result, nodes } = await alike((one) => one.documentById(documents[1].id))
        expect(result).toEqual(documents[1])
        expect(nodes).toEqual([replicaOf(id)])
      }
    },
  },
  {
    name: 'several ids of one shard',
    tags: ['read', 'ordinary-model'],
    async run(_application, { alike, data, replicaOf }) {
      const wanted = [data.a.orders[3].id, data.a2.orders[0].id, data.a.orders[1].id]
      const { result, nodes } = await alike((one) => one.ordersByIds(wanted))
      expect(result.map(({ id }) => id)).toEqual(wanted.toSorted(byValue))
      expect(nodes).toEqual([replicaOf(data.a.id)])
    },
  },
  {
    name: 'several ids of both shards come in order',
    tags: ['read'],
    async run(_application, { alike, data, replicaOf }) {
      const wanted = [data.b.orders[3].id, data.a2.orders[0].id, data.b.orders[1].id, data.a.orders[0].id]
      const { result, nodes } = await alike((one) => one.ordersByIds(wanted))
      expect(result.map(({ id }) => id)).toEqual(wanted.toSorted(byValue))
      expect(nodes).toEqual([replicaOf(data.a.id), replicaOf(data.b.id)].sort())
    },
  },
  {
    name: 'no ids at all',
    tags: ['read'],
    async run(_application, { alike }) {
      const { result } = await alike((one) => one.ordersByIds([]))
      expect(result).toEqual([])
    },
  },
  {
    name: 'a page of one tenant',
    tags: ['read', 'ordinary-model'],
    async run(_application, { alike, data, replicaOf }) {
      const { result, nodes } = await alike((one) => one.ordersOfTenant(data.b.id, { limit: 2, offset: 1 }))
      expect(result.map(({ id }) => id)).toEqual([data.b.orders[3].id, data.b.orders[2].id])
      expect(nodes).toEqual([replicaOf(data.b.id)])
    },
  },
  {
    name: 'a page past the end',
    tags: ['read', 'ordinary-model'],
    async run(_application, { alike, data }) {
      const { result } = await alike((one) => one.ordersOfTenant(data.b.id, { limit: 10, offset: 100 }))
      expect(result).toEqual([])
    },
  },
  {
    name: 'a page of all tenants is merged',
    tags: ['read'],
    async run(_application, { alike, nodesOfReads }) {
      for (const page of [{ limit: 4 }, { limit: 7, offset: 3 }, { limit: 100, offset: 18 }]) {
        const { result, nodes } = await alike((one) => one.newestOrders(page))
        expect(result.length).toBe(Math.min(page.limit, 20 - (page.offset ?? 0)))
        expect(nodes).toEqual(nodesOfReads)
      }
    },
  },
  {
    name: 'every page of all tenants, one after the other, has each row once',
    tags: ['read'],
    async run(application, { data }) {
      const seen: bigint[] = []
      for (let offset = 0; offset < 24; offset += 3) {
        seen.push(...(await application.newestOrders({ limit: 3, offset })).map(({ id }) => id))
      }
      const expected = data.tenants.flatMap(({ orders }) => orders.map(({ id }) => id))
      expect(seen.toSorted(byValue)).toEqual(expected.toSorted(byValue))
    },
  },
  {
    name: 'pages by cursor',
    tags: ['read', 'ordinary-model'],
    async run(_application, { alike, data, replicaOf }) {
      for (const { id: tenantId, orders } of [data.a, data.b]) {
        const first = await alike((one) => one.ordersAfter(tenantId, orders[0].id, 2))
        expect(first.result.map(({ id }) => id)).toEqual([orders[1].id, orders[2].id])
        const second = await alike((one) => one.ordersAfter(tenantId, first.result[1]?.id ?? 0n, 5))
        expect(second.result.map(({ id }) => id)).toEqual([orders[3].id, orders[4].id])
        expect([first.nodes, second.nodes]).toEqual([[replicaOf(tenantId)], [replicaOf(tenantId)]])
      }
    },
  },
  {
    name: 'a count of one tenant',
    tags: ['read', 'ordinary-model'],
    async run(_application, { alike, data, replicaOf }) {
      const { result, nodes } = await alike((one) => one.countOrders(data.a.id))
      expect(result).toBe(5)
      expect(nodes).toEqual([replicaOf(data.a.id)])
    },
  },
  {
    name: 'a count of all tenants',
    tags: ['read'],
    async run(_application, { alike, nodesOfReads }) {
      const { result, nodes } = await alike((one) => one.countOrders())
      expect(result).toBe(20)
      expect(nodes).toEqual(nodesOfReads)
    },
  },
  {
    name: 'groups of one tenant',
    tags: ['read', 'ordinary-model'],
    async run(_application, { alike, data, replicaOf }) {
      const { result, nodes } = await alike((one) => one.totalsByStatus(data.a.id))
      expect(result.map(({ status, orders }) => [status, orders])).toEqual([
        ['open', 2],
        ['paid', 2],
        ['shipped', 1],
      ])
      expect(nodes).toEqual([replicaOf(data.a.id)])
    },
  },
  {
    name: 'groups over all tenants',
    tags: ['read'],
    async run(_application, { alike, nodesOfReads }) {
      const { result, nodes } = await alike((one) => one.totalsByStatus())
      expect(result.map(({ status, orders }) => [status, orders])).toEqual([
        ['open', 8],
        ['paid', 8],
        ['shipped', 4],
      ])
      expect(nodes).toEqual(nodesOfReads)
    },
  },
  {
    name: 'aggregates of one tenant',
    tags: ['read', 'ordinary-model'],
    async run(_application, { alike, data, replicaOf }) {
      const { result, nodes } = await alike((one) => one.summary(data.b.id))
      expect(result.orders).toBe(5)
      expect(nodes).toEqual([replicaOf(data.b.id)])
    },
  },
  {
    name: 'aggregates over all tenants, an average among them',
    tags: ['read'],
    async run(_application, { alike, nodesOfReads }) {
      const { result, nodes } = await alike((one) => one.summary())
      expect(result.orders).toBe(20)
      expect(nodes).toEqual(nodesOfReads)
    },
  },
  {
    name: 'aggregates of a tenant without orders',
    tags: ['read', 'ordinary-model'],
    async run(_application, { alike, data }) {
      const { result } = await alike((one) => one.summary(data.unused.b))
      expect(result).toEqual({ orders: 0, sum: null, average: null, least: null, most: null })
    },
  },
  {
    name: 'DISTINCT over both shards',
    tags: ['read'],
    async run(_application, { alike, nodesOfReads }) {
      const { result, nodes } = await alike((one) => one.statuses())
      expect(result).toEqual(['open', 'paid', 'shipped'])
      expect(nodes).toEqual(nodesOfReads)
    },
  },
  {
    name: 'a reference row comes from any one shard',
    tags: ['read', 'ordinary-model'],
    async run(_application, { alike, data }) {
      const { result, nodes } = await alike((one) => one.productBySku('vase'))
      expect(result).toEqual(data.products[2])
      expect(nodes).toHaveLength(1)
      expect(nodes[0]).toMatch(/r1$/)
    },
  },
  {
    name: 'an entity by its key',
    tags: ['read', 'ordinary-model'],
    async run(_application, { alike, data }) {
      for (const feature of data.features) {
        const { result, nodes } = await alike((one) => one.featureById(feature.entityId))
        expect(result).toEqual(feature)
        expect(nodes).toHaveLength(1)
        expect(nodes[0]).toMatch(/r1$/)
      }
    },
  },
  {
    name: 'many entities by their keys',
    tags: ['read'],
    async run(_application, { alike, data, nodesOfReads }) {
      const wanted = data.features.map(({ entityId }) => entityId)
      const { result, nodes } = await alike((one) => one.featuresByIds(wanted.toReversed()))
      expect(result).toEqual(data.features)
      expect(nodes).toEqual(nodesOfReads)
    },
  },
  {
    name: 'a range of time within one period',
    tags: ['read', 'ordinary-model'],
    async run(_application, { alike, data }) {
      const { result, nodes } = await alike((one) => one.readingsBetween(day(2, 10), day(2, 20)))
      expect(result).toEqual([data.readings[2]])
      expect(nodes).toHaveLength(1)
    },
  },
  {
    name: 'a range of time over several periods',
    tags: ['read'],
    async run(_application, { alike, data, nodesOfReads }) {
      const { result, nodes } = await alike((one) => one.readingsBetween(day(0, 1), day(6, 1)))
      expect(result).toEqual(data.readings)
      expect(nodes).toEqual(nodesOfReads)
    },
  },
  {
    name: 'an unsharded row comes from the home shard',
    tags: ['read', 'ordinary-model'],
    async run(_application, { alike }) {
      const { result, nodes } = await alike((one) => one.settingByKey('currency'))
      expect(result).toEqual({ key: 'currency', value: 'EUR' })
      expect(nodes).toEqual(['s0r1'])
    },
  },
  {
    name: 'a prepared statement, built once and run on both shards',
    tags: ['read', 'ordinary-model'],
    needs: ['prepared'],
    async run(application, { data, plain, replicaOf, touched }) {
      const [expected, prepared] = [plain.prepareOrderById(), application.prepareOrderById()]
      for (let round = 0; round < 3; round++) {
        for (const { id, orders } of data.tenants) {
          const { result, nodes } = await touched(() => prepared(orders[round]?.id ?? 0n))
          expect(result).toEqual(await expected(orders[round]?.id ?? 0n))
          expect(result?.tenantId).toBe(id)
          expect(nodes).toEqual([replicaOf(id)])
        }
      }
    },
  },
]

const byValue = (left: bigint, right: bigint): number => (left < right ? -1 : left > right ? 1 : 0)

const day = (month: number, date: number): Date => new Date(Date.UTC(2026, month, date))
