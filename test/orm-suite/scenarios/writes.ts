import { expect } from 'vitest'
import type { NewOrder } from '../domain/model.ts'
import type { World } from '../harness/world.ts'
import type { Scenario } from './scenario.ts'

/** Writes of single rows: to the primary of the shard that owns them. */
export const writes: readonly Scenario[] = [
  {
    name: 'inserting a tenant',
    tags: ['write', 'ordinary-model'],
    async run(application, { alike, data, primaryOf }) {
      for (const id of [data.unused.a, data.unused.b]) {
        const tenant = { id, name: 'new', region: null }
        const { result, nodes } = await alike((one) => one.createTenant(tenant))
        expect(result).toEqual(tenant)
        expect(nodes).toEqual([primaryOf(id)])
        expect(await application.tenantById(id)).toEqual(tenant)
      }
    },
  },
  {
    name: 'inserting with defaults of the database, returned',
    tags: ['write', 'ordinary-model'],
    async run(_application, { alike, data, ids, primaryOf }) {
      const { id: tenantId, customers } = data.b
      const id = await ids.next(tenantId)
      const { result, nodes } = await alike((one) =>
        one.createOrder({ id, tenantId, customerId: customers[0].id }),
      )
      expect(result).toMatchObject({ id, status: 'open', total: '0.00', note: null, meta: null })
      expect(result.placedAt).toEqual(new Date('2026-01-01'))
      expect(nodes).toEqual([primaryOf(tenantId)])
    },
  },
  {
    name: 'inserting all columns, JSON and time among them',
    tags: ['write', 'ordinary-model'],
    async run(application, { alike, data, ids }) {
      const order = {
        id: await ids.next(data.a.id),
        tenantId: data.a.id,
        customerId: data.a.customers[1].id,
        status: 'paid',
        total: '12345.67',
        note: `"quoted", and it's $1`,
        placedAt: new Date('2026-05-06T07:08:09.012Z'),
        meta: { list: [1, 2, { deep: null }], text: 'ü' },
      }
      const { result } = await alike((one) => one.createOrder(order))
      expect(result).toEqual(order)
      expect(await application.orderById(order.id)).toEqual(order)
    },
  },
  {
    name: 'an integer id left out is made by the shard, and finds the row',
    tags: ['write', 'ordinary-model'],
    async run(application, { data, touched, primaryOf, replicaOf, settle }) {
      for (const { id: tenantId, customers } of [data.a, data.b]) {
        const created = await touched(() =>
          application.createOrder({ tenantId, customerId: customers[0].id, note: 'mine' }),
        )
        expect(created.nodes).toEqual([primaryOf(tenantId)])
        await settle()
        const found = await touched(() => application.orderById(created.result.id))
        expect(found.result).toEqual(created.result)
        expect(found.nodes).toEqual([replicaOf(tenantId)])
      }
    },
  },
  {
    name: 'a UUID left out is made by the shard, and finds the row',
    tags: ['write', 'ordinary-model'],
    async run(application, { data, touched, primaryOf, replicaOf, settle }) {
      for (const { id: tenantId } of [data.a, data.b]) {
        const created = await touched(() => application.createDocument({ tenantId, title: 'made' }))
        expect(created.nodes).toEqual([primaryOf(tenantId)])
        await settle()
        const found = await touched(() => application.documentById(created.result.id))
        expect(found.result).toEqual({ id: created.result.id, tenantId, title: 'made' })
        expect(found.nodes).toEqual([replicaOf(tenantId)])
      }
    },
  },
  {
    name: 'a nested write of an order with lines',
    tags: ['write', 'relation', 'ordinary-model'],
    async run(application, { alike, data, ids, primaryOf }) {
      const { id: tenantId, customers } = data.b
      const [id, first, second] = (await ids.several(tenantId, 3)) as [bigint, bigint, bigint]
      const { result, nodes } = await alike((one) =>
        one.createOrderWithLines({ id, tenantId, customerId: customers[0].id, total: '5.00' }, [
          { id: first, sku: 'lamp', quantity: 2 },
          { id: second, sku: 'rug', quantity: 1 },
        ]),
      )
      expect(result.lines).toEqual([
        { id: first, tenantId, orderId: id, sku: 'lamp', quantity: 2 },
        { id: second, tenantId, orderId: id, sku: 'rug', quantity: 1 },
      ])
      expect(nodes).toEqual([primaryOf(tenantId)])
      expect((await application.orderGraph(id))?.lines).toEqual(result.lines)
    },
  },
  {
    name: 'a nested write without any ids',
    tags: ['write', 'relation', 'ordinary-model'],
    async run(application, { data, touched, primaryOf, nodeNamed }) {
      const { id: tenantId, customers } = data.a
      const { result, nodes } = await touched(() =>
        application.createOrderWithLines({ tenantId, customerId: customers[0].id }, [
          { sku: 'vase', quantity: 3 },
          { sku: 'rug', quantity: 4 },
        ]),
      )
      expect(result.lines.map(({ sku, orderId }) => [sku, orderId])).toEqual([
        ['vase', result.id],
        ['rug', result.id],
      ])
      expect(nodes).toEqual([primaryOf(tenantId)])
      const stored = await nodeNamed(primaryOf(tenantId)).sql('select from order_lines where order_id = $1', [
        result.id,
      ])
      expect(stored).toHaveLength(2)
    },
  },
  {
    name: 'a nested write that fails leaves nothing behind',
    tags: ['write', 'relation', 'error', 'ordinary-model'],
    async run(application, { alikeRejected, data, ids }) {
      const { id: tenantId, customers } = data.b
      const [id, line] = (await ids.several(tenantId, 2)) as [bigint, bigint]
      await alikeRejected((one) =>
        one.createOrderWithLines({ id, tenantId, customerId: customers[0].id }, [
          { id: line, sku: 'no such product', quantity: 1 },
        ]),
      )
      expect(await application.orderById(id)).toBeUndefined()
    },
  },
  {
    name: 'a bulk insert into one tenant',
    tags: ['write', 'ordinary-model'],
    async run(application, { alike, data, ids, primaryOf }) {
      const orders = await newOrders(ids, data.a, 50)
      const { result, nodes } = await alike((one) => one.createOrders(orders))
      expect(result).toBe(50)
      expect(nodes).toEqual([primaryOf(data.a.id)])
      expect(await application.countOrders(data.a.id)).toBe(55)
    },
  },
  {
    name: 'a bulk insert over both shards is dealt out',
    tags: ['write'],
    needs: ['split-writes'],
    async run(application, { alike, cluster, data, ids, nodesOfWrites }) {
      const lists = await Promise.all(data.tenants.map((tenant) => newOrders(ids, tenant, 10)))
      const orders = lists[0]?.flatMap((_, index) => lists.flatMap((list) => list[index] ?? [])) ?? []
      const { result, nodes } = await alike((one) => one.createOrders(orders))
      expect(result).toBe(40)
      expect(nodes).toEqual(nodesOfWrites)
      expect(await application.countOrders()).toBe(60)
      for (const shard of cluster.shards) {
        const here = data.tenants.filter((tenant) => tenant.shard === shard.name).map(({ id }) => id)
        expect(
          await shard.primary.sql('select from orders where tenant_id <> all ($1)', [here]),
        ).toHaveLength(0)
      }
    },
  },
  {
    name: 'a bulk insert over both shards that fails on one of them writes to none',
    tags: ['write', 'error'],
    async run(application, { data, ids, plain }) {
      const [good] = await newOrders(ids, data.a, 1)
      const [other] = await newOrders(ids, data.b, 1)
      if (good === undefined || other === undefined) throw new Error('no orders')
      const orders = [good, { ...other, total: '-1.00' }]
      for (const one of [plain, application]) {
        await expect(one.createOrders(orders)).rejects.toBeInstanceOf(Error)
        expect(await one.countOrders()).toBe(20)
      }
    },
  },
  {
    name: 'a bulk insert of entities',
    tags: ['write'],
    needs: ['split-writes'],
    async run(application, { alike, nodesOfWrites }) {
      const features = Array.from({ length: 30 }, (_, index) => ({
        entityId: `bulk ${index}`,
        value: index / 4,
        version: 2,
      }))
      const { result, nodes } = await alike((one) => one.createFeatures(features))
      expect(result).toBe(30)
      expect(nodes).toEqual(nodesOfWrites)
      expect(await application.featureById('bulk 17')).toEqual(features[17])
    },
  },
  {
    name: 'a bulk insert of readings over periods',
    tags: ['write'],
    needs: ['split-writes'],
    async run(application, { alike, nodesOfWrites }) {
      const readings = Array.from({ length: 12 }, (_, month) => ({
        recordedAt: new Date(Date.UTC(2025, month, 3)),
        sensorId: 9,
        value: month,
      }))
      const { nodes } = await alike((one) => one.createReadings(readings))
      expect(nodes).toEqual(nodesOfWrites)
      expect(await application.readingsBetween(new Date('2025-01-01'), new Date('2026-01-01'))).toEqual(
        readings,
      )
    },
  },
  {
    name: 'an upsert that inserts, and one that updates',
    tags: ['write', 'ordinary-model'],
    async run(application, { alike, data }) {
      const [first] = data.features
      for (const feature of [
        { entityId: 'fresh', value: 0.25, version: 3 },
        { entityId: first?.entityId ?? '', value: 99.5, version: 1 },
      ]) {
        const { result, nodes } = await alike((one) => one.putFeature(feature))
        expect(result).toEqual(feature)
        expect(nodes).toHaveLength(1)
        expect(nodes[0]).toMatch(/p$/)
        expect(await application.featureById(feature.entityId)).toEqual(feature)
      }
    },
  },
  {
    name: 'an upsert of a row with a routable id',
    tags: ['write', 'ordinary-model'],
    async run(application, { alike, data, ids, primaryOf }) {
      const known = { ...data.b.customers[0], displayName: 'renamed' }
      const fresh = { ...known, id: await ids.next(data.b.id), email: 'fresh@tenant.example' }
      for (const customer of [known, fresh]) {
        const { result, nodes } = await alike((one) => one.putCustomer(customer))
        expect(result).toEqual(customer)
        expect(nodes).toEqual([primaryOf(data.b.id)])
        expect(await application.customerById(customer.id)).toEqual(customer)
      }
    },
  },
  {
    name: 'an upsert of an unsharded row',
    tags: ['write', 'ordinary-model'],
    async run(application, { alike }) {
      for (const value of ['USD', 'CHF']) {
        const { nodes } = await alike((one) => one.putSetting({ key: 'currency', value }))
        expect(nodes).toEqual(['s0p'])
        expect(await application.settingByKey('currency')).toEqual({ key: 'currency', value })
      }
    },
  },
  {
    name: 'an update by primary key alone',
    tags: ['write', 'ordinary-model'],
    async run(application, { alike, data, primaryOf }) {
      for (const { id, orders } of [data.a, data.b]) {
        const { result, nodes } = await alike((one) => one.setStatus(orders[2].id, 'shipped'))
        expect(result).toBe(1)
        expect(nodes).toEqual([primaryOf(id)])
        expect((await application.orderById(orders[2].id))?.status).toBe('shipped')
        expect((await application.orderById(orders[0].id))?.status).toBe('open')
      }
    },
  },
  {
    name: 'an update that finds nothing',
    tags: ['write', 'ordinary-model'],
    async run(_application, { alike, data, ids }) {
      const id = await ids.next(data.a.id)
      const { result } = await alike((one) => one.setStatus(id, 'shipped'))
      expect(result).toBe(0)
    },
  },
  {
    name: 'an update of many rows of one tenant',
    tags: ['write', 'ordinary-model'],
    async run(application, { alike, data, primaryOf }) {
      const { result, nodes } = await alike((one) => one.changeStatus(data.a.id, 'open', 'closed'))
      expect(result).toBe(2)
      expect(nodes).toEqual([primaryOf(data.a.id)])
      expect((await application.totalsByStatus()).find(({ status }) => status === 'open')?.orders).toBe(6)
    },
  },
  {
    name: 'loading, changing and saving',
    tags: ['write', 'ordinary-model'],
    async run(application, { alike, data, shardNodesOf }) {
      for (const { id, orders } of [data.a, data.b]) {
        for (const note of ['changed', null]) {
          const { nodes } = await alike((one) => one.saveNote(orders[1].id, note))
          expect(shardNodesOf(id)).toEqual(expect.arrayContaining([...nodes]))
          expect((await application.orderById(orders[1].id))?.note).toBe(note)
        }
      }
    },
  },
  {
    name: 'an increment in the database',
    tags: ['write', 'ordinary-model'],
    async run(application, { alike, data, primaryOf }) {
      const [order] = data.b.orders
      const { nodes } = await alike((one) => one.addToTotal(order.id, '1.25'))
      expect(nodes).toEqual([primaryOf(data.b.id)])
      await Promise.all(Array.from({ length: 8 }, () => application.addToTotal(order.id, '1.00')))
      expect((await application.orderById(order.id))?.total).toBe((Number(order.total) + 9.25).toFixed(2))
    },
  },
  {
    name: 'a delete by primary key alone, which cascades',
    tags: ['write', 'ordinary-model'],
    async run(application, { alike, data, primaryOf }) {
      const [order] = data.b.orders
      const { result, nodes } = await alike((one) => one.deleteOrder(order.id))
      expect(result).toBe(1)
      expect(nodes).toEqual([primaryOf(data.b.id)])
      expect(await application.orderById(order.id)).toBeUndefined()
      expect(await application.linesOfOrder(order.id)).toEqual([])
      expect(await application.countOrders()).toBe(19)
    },
  },
  {
    name: 'a delete by foreign key alone',
    tags: ['write', 'ordinary-model'],
    async run(application, { alike, data, primaryOf }) {
      const { result, nodes } = await alike((one) => one.deleteLines(data.a.orders[0].id))
      expect(result).toBe(2)
      expect(nodes).toEqual([primaryOf(data.a.id)])
      expect(await application.linesOfOrder(data.a.orders[1].id)).toHaveLength(2)
    },
  },
  {
    name: 'a delete that finds nothing',
    tags: ['write', 'ordinary-model'],
    async run(_application, { alike, data, ids }) {
      const id = await ids.next(data.b.id)
      const { result } = await alike((one) => one.deleteOrder(id))
      expect(result).toBe(0)
    },
  },
  {
    name: 'a reference row is written to every shard',
    tags: ['write'],
    needs: ['split-writes'],
    async run(application, { alike, cluster, nodesOfWrites }) {
      const product = { sku: 'chair', title: 'A chair', price: '40.00' }
      const created = await alike((one) => one.createProduct(product))
      expect(created.result).toEqual(product)
      const changed = await alike((one) => one.setPrice('chair', '41.00'))
      expect(changed.result).toBe(1)
      expect([created.nodes, changed.nodes]).toEqual([nodesOfWrites, nodesOfWrites])
      for (const { primary } of cluster.shards) {
        expect(await primary.sql(`select price from products where sku = 'chair'`)).toEqual([
          { price: '41.00' },
        ])
      }
      expect((await application.productBySku('chair'))?.price).toBe('41.00')
    },
  },
  {
    name: 'reading what was just written',
    tags: ['write', 'read', 'ordinary-model'],
    async run(application, { data }) {
      for (let round = 0; round < 25; round++) {
        const tenant = data.tenants[round % 4] ?? data.a
        const { id } = await application.createOrder({
          tenantId: tenant.id,
          customerId: tenant.customers[0].id,
        })
        expect((await application.orderById(id))?.id).toBe(id)
      }
    },
  },
]

async function newOrders(
  ids: World['ids'],
  { id: tenantId, customers }: World['data']['a'],
  count: number,
): Promise<NewOrder[]> {
  const made = await ids.several(tenantId, count)
  return made.map((id, index) => ({
    id,
    tenantId,
    customerId: customers[0].id,
    status: 'open',
    total: `${index}.00`,
    note: `bulk ${index}`,
    placedAt: new Date(Date.UTC(2026, 2, 1, 0, index)),
  }))
}
