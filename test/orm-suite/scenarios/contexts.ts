import { expect } from 'vitest'
import type { Operations } from '../application.ts'
import type { Scenario } from './scenario.ts'

/** What the SQL does not say: by `router.run`, and by each ORM's own means. */
export const contexts: readonly Scenario[] = [
  {
    name: 'strong reads go to the primary',
    tags: ['context', 'ordinary-model'],
    async run(application, { data, router, touched, primaryOf }) {
      const { result, nodes } = await touched(() =>
        router.run({ consistency: 'strong' }, async () => [
          (await application.orderById(data.b.orders[0].id))?.id,
          await application.countOrders(data.b.id),
          (await application.orderGraph(data.b.orders[1].id))?.lines.length,
        ]),
      )
      expect(result).toEqual([data.b.orders[0].id, 5, 2])
      expect(nodes).toEqual([primaryOf(data.b.id)])
    },
  },
  {
    name: 'a read asked of the primary by the ORM',
    tags: ['context', 'ordinary-model'],
    needs: ['hint-primary'],
    async run(application, { data, touched, primaryOf, replicaOf }) {
      const hinted = application.hinted({ role: 'primary' })
      const { nodes } = await touched(async () => {
        expect((await hinted.orderById(data.a.orders[0].id))?.id).toBe(data.a.orders[0].id)
        expect(await hinted.orderGraph(data.a.orders[0].id)).toEqual(data.a.orders[0])
      })
      expect(nodes).toEqual([primaryOf(data.a.id)])
      const unhinted = await touched(() => application.orderById(data.a.orders[0].id))
      expect(unhinted.nodes).toEqual([replicaOf(data.a.id)])
    },
  },
  {
    name: 'a tenant given by the ORM pins what has no key',
    tags: ['context', 'ordinary-model'],
    needs: ['hint-tenant'],
    async run(application, { data, touched, replicaOf }) {
      for (const tenant of [data.a, data.b]) {
        const { result, nodes } = await touched(() =>
          application.hinted({ tenant: tenant.id }).orderOfTenant(tenant.id, tenant.orders[0].id),
        )
        expect(result?.id).toBe(tenant.orders[0].id)
        expect(nodes).toEqual([replicaOf(tenant.id)])
      }
    },
  },
  {
    name: 'a tenant given by the ORM guards against another',
    tags: ['context', 'error'],
    needs: ['hint-tenant'],
    async run(application, { data, touched }) {
      const { result, nodes } = await touched(() =>
        application
          .hinted({ tenant: data.a.id })
          .countOrders(data.b.id)
          .catch((error: unknown) => error),
      )
      expect(application.refusalIn(result)?.code).toBe('TENANT_CONTRADICTED')
      expect(nodes).toEqual([])
    },
  },
  {
    name: 'a tenant context pins what has no key',
    tags: ['context'],
    async run(application, { data, router, touched, replicaOf, shardNodesOf }) {
      for (const tenant of [data.a, data.b]) {
        const read = await touched(() =>
          router.run({ tenant: tenant.id }, () => application.newestOrders({ limit: 50 })),
        )
        // The place, not the rows: both tenants of the shard.
        expect(read.result).toHaveLength(10)
        expect(read.nodes).toEqual([replicaOf(tenant.id)])
        const loaded = await touched(() =>
          router.run({ tenant: tenant.id }, async () => {
            await application.saveNote(tenant.orders[0].id, 'mine')
            return application.orderGraph(tenant.orders[0].id)
          }),
        )
        expect(loaded.result?.note).toBe('mine')
        expect(shardNodesOf(tenant.id)).toEqual(expect.arrayContaining([...loaded.nodes]))
      }
    },
  },
  {
    name: 'a tenant context refuses another tenant, for reads and writes',
    tags: ['context', 'error'],
    async run(application, { data, router, touched }) {
      const { result, nodes } = await touched(() =>
        router.run({ tenant: data.a.id }, () =>
          Promise.all(
            [
              () => application.countOrders(data.b.id),
              () => application.countOrders(data.a2.id),
              () => application.changeStatus(data.b.id, 'open', 'closed'),
              () =>
                application.createCustomer({ ...data.b.customers[0], email: 'x', id: data.b.orders[0].id }),
            ].map(async (act) => application.refusalIn(await act().catch((error: unknown) => error))?.code),
          ),
        ),
      )
      expect(result).toEqual(Array.from({ length: 4 }, () => 'TENANT_CONTRADICTED'))
      expect(nodes).toEqual([])
    },
  },
  {
    name: 'a context holds in transactions and what they nest',
    tags: ['context', 'transaction'],
    async run(application, { data, router }) {
      const codes = await router.run({ tenant: data.a.id }, async () => {
        const inside = await application
          .transaction(async (tx) => {
            await tx.setStatus(data.a.orders[0].id, 'paid')
            await tx.changeStatus(data.b.id, 'open', 'closed')
          })
          .catch((error: unknown) => error)
        return application.refusalIn(inside)?.code
      })
      expect(codes).toBe('TENANT_CONTRADICTED')
      expect((await application.orderById(data.a.orders[0].id))?.status).toBe('open')
      expect((await application.orderById(data.b.orders[0].id))?.status).toBe('open')
    },
  },
  {
    name: 'an inner context cannot leave the tenant of the outer one',
    tags: ['context', 'error'],
    async run(application, { data, router }) {
      const failed = async () =>
        router.run({ tenant: data.a.id }, () =>
          router.run({ tenant: data.b.id }, () => application.countOrders(data.b.id)),
        )
      const error = await failed().catch((thrown: unknown) => thrown)
      expect(application.refusalIn(error)?.code).toBe('TENANT_CONTRADICTED')
    },
  },
  {
    name: 'a shard context sends everything to the shard',
    tags: ['context'],
    async run(application, { cluster, router, touched }) {
      for (const { name, replicas } of cluster.shards) {
        const { result, nodes } = await touched(() =>
          router.run({ shard: name }, () => application.countOrders()),
        )
        expect(result).toBe(10)
        expect(nodes).toEqual([replicas[0]?.name])
      }
    },
  },
  {
    name: 'a round over each shard',
    tags: ['context', 'write'],
    async run(application, { router, touched, nodesOfWrites }) {
      const { result, nodes } = await touched(() =>
        router.eachShard(() => application.changeStatusOfAll('archived')),
      )
      expect([...result.values()]).toEqual([10, 10])
      expect(nodes).toEqual(nodesOfWrites)
      expect(await application.statuses()).toEqual(['archived'])
    },
  },
  {
    name: 'a workload is served by the replicas tagged for it',
    tags: ['context'],
    async run(_application, { cluster, data, open, settle, touched }) {
      const { router, application } = await open({
        shards: Object.fromEntries(
          cluster.shards.map(({ name, primary, replicas }) => [
            name,
            {
              primary: primary.url,
              replicas: replicas.map(({ url }) => ({ url, tags: name === 's0' ? ['training'] : [] })),
            },
          ]),
        ),
      })
      // Some ORMs ask the primary for things when they start, and reads then wait for what that may have written.
      await settle(router)
      const onFirst = data.tenants.find(({ shard }) => shard === 's0') ?? data.a
      const onSecond = data.tenants.find(({ shard }) => shard === 's1') ?? data.b
      const { nodes } = await touched(() =>
        router.run({ workload: 'training' }, () => application.countOrders(onFirst.id)),
      )
      expect(nodes).toEqual(['s0r1'])
      const error = await router
        .run({ workload: 'training' }, () => application.countOrders(onSecond.id))
        .catch((thrown: unknown) => thrown)
      expect(application.refusalIn(error)?.code).toBe('NO_NODE_AVAILABLE')
    },
  },
  {
    name: 'session, eventual and strong reads while a replica is behind',
    tags: ['context'],
    async run(application, { data, router, nodeNamed, replicaOf, primaryOf, touched }) {
      const { id, orders } = data.b
      const replica = nodeNamed(replicaOf(id))
      await replica.pauseReplay()
      try {
        await application.changeStatus(id, 'shipped', 'lost')
        const read = (consistency: 'session' | 'eventual' | 'strong') =>
          touched(() => router.run({ consistency }, () => application.orderOfTenant(id, orders[3].id)))
        const session = await read('session')
        const strong = await read('strong')
        const eventual = await read('eventual')
        expect([session.result?.status, session.nodes]).toEqual(['lost', [primaryOf(id)]])
        expect([strong.result?.status, strong.nodes]).toEqual(['lost', [primaryOf(id)]])
        expect([eventual.result?.status, eventual.nodes]).toEqual(['shipped', [replica.name]])
      } finally {
        await replica.resumeReplay()
      }
    },
  },
  {
    name: 'many contexts at once do not mix',
    tags: ['context'],
    async run(application, { data, router, touched }) {
      const act = async (index: number) => {
        const tenant = data.tenants[index % 4] ?? data.a
        const other = data.tenants[(index + 1) % 4] ?? data.b
        await router.run({ tenant: tenant.id }, async () => {
          const [mine, theirs] = await Promise.all([
            application.orderOfTenant(tenant.id, tenant.orders[index % 5]?.id ?? 0n),
            application.countOrders(other.id).then(
              (count) => count,
              (error: unknown) => application.refusalIn(error)?.code,
            ),
          ])
          expect(mine?.tenantId).toBe(tenant.id)
          expect(theirs).toBe('TENANT_CONTRADICTED')
        })
      }
      await touched(() => Promise.all(Array.from({ length: 200 }, (_, index) => act(index))))
    },
  },
  {
    name: 'point reads of one tick in different contexts stay apart',
    tags: ['context'],
    async run(application, { data, router }) {
      // One tick: what batches calls (Prisma's data loader) sees them together.
      const results = await Promise.all(
        data.tenants.flatMap((tenant) =>
          data.tenants.map((owner) =>
            router.run({ tenant: tenant.id }, async () => {
              const order = await application.orderById(owner.orders[0].id).catch((error: unknown) => {
                const { code } = application.refusalIn(error) ?? {}
                if (code === undefined) throw error
                return undefined
              })
              return { tenant, owner, order }
            }),
          ),
        ),
      )
      for (const { tenant, owner, order } of results) {
        if (order !== undefined) expect(order.id).toBe(owner.orders[0].id)
        if (tenant === owner) expect(order?.tenantId).toBe(tenant.id)
        if (tenant.shard !== owner.shard) expect(order).toBeUndefined()
      }
    },
  },
  {
    name: 'transactions of many contexts at once do not mix',
    tags: ['context', 'transaction'],
    async run(application, { cluster, data, router }) {
      const act = async (index: number) => {
        const tenant = data.tenants[index % 4] ?? data.a
        await router.run({ tenant: tenant.id }, () =>
          application.transaction(async (tx: Operations) => {
            await tx.createOrder({
              tenantId: tenant.id,
              customerId: tenant.customers[0].id,
              note: `${tenant.id}`,
            })
            await tx.addToTotal(tenant.orders[0].id, '1.00')
          }),
        )
      }
      await Promise.all(Array.from({ length: 40 }, (_, index) => act(index)))
      for (const tenant of data.tenants) expect(await application.countOrders(tenant.id)).toBe(15)
      for (const { primary } of cluster.shards) {
        expect(
          await primary.sql(
            'select from orders where note is not null and note <> tenant_id::text and note !~ $1',
            ['gift'],
          ),
        ).toEqual([])
      }
    },
  },
]
