import { expect } from 'vitest'
import type { Application } from '../application.ts'
import type { Scenario } from './scenario.ts'

/** Connections, servers and pools that fail or end. */
export const faults: readonly Scenario[] = [
  {
    name: 'connections that the server closed while they idled are replaced',
    tags: ['fault'],
    async run(application, { data, endSessions }) {
      for (let round = 0; round < 3; round++) {
        await Promise.all(data.tenants.map(({ id }) => application.countOrders(id)))
        await endSessions()
        const counts = await Promise.all(data.tenants.map(({ id }) => application.countOrders(id)))
        expect(counts).toEqual([5, 5, 5, 5])
        await endSessions()
        expect(await application.setStatus(data.b.orders[0].id, 'paid')).toBe(1)
      }
    },
  },
  {
    name: 'a session that dies within a transaction takes it along, and says so',
    tags: ['fault', 'transaction'],
    async run(application, { data, endSessions, plain }) {
      const [order] = data.b.orders
      const failure = (one: Application) =>
        one
          .transaction(async (tx) => {
            await tx.setStatus(order.id, 'paid')
            await endSessions()
            await tx.addToTotal(order.id, '1.00')
          })
          .catch((thrown: unknown) => thrown)
      const expected = await failure(plain)
      const error = await failure(application)
      expect(error).toBeInstanceOf(Error)
      // The words of `pg`, with a code that it does not have; or the ORM's own, if it notices first.
      const { code } = application.refusalIn(error) ?? application.describeError(error)
      if (code !== 'NODE_UNREACHABLE') {
        expect(application.describeError(error)).toEqual(plain.describeError(expected))
      }
      expect((await application.orderById(order.id))?.status).toBe('open')
      await application.transaction((tx) => tx.setStatus(order.id, 'closed'))
      expect((await application.orderById(order.id))?.status).toBe('closed')
    },
  },
  {
    name: 'a statement whose session dies looks as it does without Shardline',
    tags: ['fault'],
    async run(application, { alikeRejected, data, endSleepers }) {
      await alikeRejected(async (one) => {
        const sleeping = one.raw(`update orders set note = pg_sleep(20)::text where tenant_id = $1`, [
          data.b.id,
        ])
        const outcome = sleeping.then(
          () => undefined,
          (error: unknown) => error,
        )
        await endSleepers()
        throw await outcome
      })
      expect((await application.orderById(data.b.orders[1].id))?.note).toBe(null)
    },
  },
  {
    name: 'a replica goes away and comes back',
    tags: ['fault', 'disruptive'],
    async run(application, { data, nodeNamed, primaryOf, replicaOf, settle, touched }) {
      const { id } = data.b
      const replica = nodeNamed(replicaOf(id))
      await application.countOrders(id)
      await replica.kill()
      try {
        for (let round = 0; round < 5; round++) {
          expect(await application.countOrders(id)).toBe(5)
          expect(await application.countOrders()).toBe(20)
        }
        const { nodes } = await touched(() => application.orderById(data.b.orders[0].id))
        expect(nodes).toEqual([primaryOf(id)])
      } finally {
        await replica.start()
      }
      await settle()
      const { nodes } = await touched(() => application.orderById(data.b.orders[0].id))
      expect(nodes).toEqual([replica.name])
    },
  },
  {
    name: 'a primary goes away: its shard still reads, the other one works',
    tags: ['fault', 'disruptive'],
    async run(_application, { cluster, data, nodeNamed, open, primaryOf, replicaOf, touched }) {
      // Not the shard that the plain application's database is on.
      const broken = data.tenants.find(({ shard }) => shard === 's1') ?? data.b
      const healthy = data.tenants.find(({ shard }) => shard === 's0') ?? data.a
      const { application } = await open({ pool: { connectTimeoutMs: 1_000, acquireTimeoutMs: 1_500 } })
      const primary = nodeNamed(primaryOf(broken.id))
      expect(await application.countOrders(broken.id)).toBe(5)
      await primary.kill()
      try {
        const { result, nodes } = await touched(() => application.countOrders(broken.id))
        expect([result, nodes]).toEqual([5, [replicaOf(broken.id)]])
        const failed = await application
          .changeStatus(broken.id, 'open', 'closed')
          .catch((error: unknown) => error)
        expect(failed).toBeInstanceOf(Error)
        expect(await application.changeStatus(healthy.id, 'open', 'closed')).toBe(2)
      } finally {
        await primary.start()
      }
      await cluster.waitForReplay()
      await expect
        .poll(() => application.changeStatus(broken.id, 'open', 'closed').catch(() => 'not yet'), {
          timeout: 10_000,
        })
        .toBe(2)
    },
  },
  {
    name: 'an exhausted pool says so, and recovers',
    tags: ['fault'],
    async run(_application, { data, open }) {
      const { application } = await open({ pool: { max: 1, acquireTimeoutMs: 200 } })
      for (let round = 0; round < 3; round++) {
        await application.transaction(async (tx) => {
          await tx.setStatus(data.b.orders[0].id, 'paid')
          const error = await application
            .setStatus(data.b.orders[1].id, 'paid')
            .catch((thrown: unknown) => thrown)
          expect(application.refusalIn(error)?.code).toBe('POOL_TIMEOUT')
          // The other shard has connections of its own.
          expect(await application.setStatus(data.a.orders[0].id, 'paid')).toBe(1)
          await tx.setStatus(data.b.orders[1].id, 'closed')
        })
        expect(await application.setStatus(data.b.orders[1].id, 'paid')).toBe(1)
      }
    },
  },
  {
    name: 'many callers share few connections',
    tags: ['fault'],
    async run(_application, { data, open }) {
      const { application } = await open({ pool: { max: 2 } })
      const work = Array.from({ length: 120 }, async (_, index) => {
        const { id, orders } = data.tenants[index % 4] ?? data.a
        if (index % 10 === 0) return application.transaction((tx) => tx.addToTotal(orders[0].id, '1.00'))
        if (index % 7 === 0) return application.countOrders()
        return application.countOrders(id)
      })
      await Promise.all(work)
      expect(await application.countOrders()).toBe(20)
    },
  },
  {
    name: 'a transaction that is never finished by an error gives its connection back',
    tags: ['fault', 'transaction'],
    async run(_application, { data, open }) {
      const { application } = await open({ pool: { max: 1, acquireTimeoutMs: 2_000 } })
      for (let round = 0; round < 6; round++) {
        const failing = application.transaction(async (tx) => {
          await tx.setStatus(data.b.orders[0].id, 'paid')
          if (round % 3 === 0) await tx.raw('select 1 / 0')
          if (round % 3 === 1) await tx.setStatus(data.a.orders[0].id, 'paid')
          throw new Error('no')
        })
        await expect(failing).rejects.toBeInstanceOf(Error)
      }
      expect(await application.setStatus(data.b.orders[0].id, 'shipped')).toBe(1)
    },
  },
  {
    name: 'closing the application leaves the router to others',
    tags: ['fault'],
    async run(application, { data, open, orm }) {
      const { router, application: first } = await open()
      const second = await orm.open(router)
      expect(await first.countOrders(data.a.id)).toBe(5)
      await first.end()
      expect(await second.countOrders(data.a.id)).toBe(5)
      await second.end()
      expect(await router.pool.query('select 1 as one').then(({ rows }) => rows)).toEqual([{ one: 1 }])
      expect(await application.countOrders(data.a.id)).toBe(5)
    },
  },
  {
    name: 'a router that ended refuses by name',
    tags: ['fault'],
    async run(_application, { data, open }) {
      const { router, application } = await open()
      const running = application.countOrders()
      expect(await running).toBe(20)
      await router.end()
      for (const act of [
        () => application.countOrders(data.a.id),
        () => application.transaction((tx) => tx.setStatus(data.a.orders[0].id, 'paid')),
      ]) {
        const error = await act().catch((thrown: unknown) => thrown)
        expect(application.refusalIn(error)?.code).toBe('POOL_ENDED')
      }
    },
  },
  {
    name: 'shutting down waits for what runs',
    tags: ['fault', 'transaction'],
    async run(application, { data, open, router }) {
      const { router: ending, application: own } = await open()
      const started = Promise.withResolvers<void>()
      const goOn = Promise.withResolvers<void>()
      const transaction = own.transaction(async (tx) => {
        await tx.setStatus(data.b.orders[0].id, 'paid')
        started.resolve()
        await goOn.promise
        await tx.addToTotal(data.b.orders[0].id, '1.00')
      })
      await Promise.race([started.promise, transaction])
      const ended = ending.end()
      goOn.resolve()
      await Promise.all([transaction, ended])
      // Another router than the one that wrote: its reads of replicas do not wait for that write.
      const order = await router.run({ consistency: 'strong' }, () =>
        application.orderById(data.b.orders[0].id),
      )
      expect(order?.status).toBe('paid')
    },
  },
]
