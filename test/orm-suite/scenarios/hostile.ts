import { expect } from 'vitest'
import type { Application, Operations } from '../application.ts'
import { mark } from '../harness/statement-log.ts'
import type { Scenario } from './scenario.ts'

class Unwanted extends Error {}

/** What tries to make an adapter mix callers, keep a transaction too long, or ask the wrong server. */
export const hostile: readonly Scenario[] = [
  {
    name: 'a transaction that was kept beyond its end does nothing on any other connection',
    tags: ['transaction', 'error'],
    async run(application, { data, plain, touched }) {
      const [order, , other] = data.b.orders
      const keep = async (one: Application) => {
        let kept: Operations | undefined
        await one.transaction(async (tx) => {
          kept = tx
          await tx.setStatus(order.id, 'closed')
        })
        return kept
      }
      const outcome = async (one: Application) => {
        const kept = await keep(one)
        return kept?.setStatus(other.id, 'leaked').then(
          () => 'ran',
          () => 'refused',
        )
      }
      const expected = await outcome(plain)
      const { result } = await touched(() => outcome(application))
      // Where `pg` would still run it (Drizzle keeps a released client), it is refused here.
      if (expected === 'refused') expect(result).toBe('refused')
      const status = (await application.orderById(other.id))?.status
      expect(status).toBe(result === 'ran' ? 'leaked' : 'open')
      expect(await application.countOrders()).toBe(20)
    },
  },
  {
    name: 'statements of one transaction given all at once',
    tags: ['transaction', 'ordinary-model'],
    async run(application, { alike, data, primaryOf }) {
      const { id, orders } = data.b
      const { nodes } = await alike((one) =>
        one.transaction(async (tx) => {
          await Promise.all(orders.map((order) => tx.addToTotal(order.id, '1.00')))
          const read = await Promise.all([
            ...orders.map((order) => tx.orderById(order.id)),
            tx.countOrders(id),
          ])
          return read.slice(0, -1).map((order) => (typeof order === 'object' ? order.total : undefined))
        }),
      )
      expect(nodes).toEqual([primaryOf(id)])
      expect((await application.orderById(orders[3].id))?.total).toBe(
        (Number(orders[3].total) + 1).toFixed(2),
      )
    },
  },
  {
    name: 'statements for both shards given at once in one transaction: one shard has it',
    tags: ['transaction', 'error'],
    async run(application, { data }) {
      for (let round = 0; round < 5; round++) {
        const error = await application
          .transaction(async (tx) => {
            await Promise.all([
              tx.setStatus(data.a.orders[0].id, 'closed'),
              tx.setStatus(data.b.orders[0].id, 'closed'),
            ])
          })
          .catch((thrown: unknown) => thrown)
        expect(application.refusalIn(error)?.code).toBe('TRANSACTION_SPANS_SHARDS')
      }
      const after = await application.ordersByIds([data.a.orders[0].id, data.b.orders[0].id])
      expect(after.map(({ status }) => status)).toEqual(['open', 'open'])
    },
  },
  {
    name: 'a refused first statement aborts the transaction before it has a server',
    tags: ['transaction', 'error'],
    async run(application, { data, touched }) {
      for (const { orders } of [data.a, data.b]) {
        const { result, nodes } = await touched(() =>
          application
            .transaction(async (tx) => {
              await expect(tx.changeStatusOfAll('lost')).rejects.toBeInstanceOf(Error)
              await tx.setStatus(orders[0].id, 'lost')
            })
            .catch((error: unknown) => error),
        )
        expect(result).toBeInstanceOf(Error)
        expect(nodes).toEqual([])
      }
      expect(await application.statuses()).not.toContain('lost')
    },
  },
  {
    name: 'what a transaction was given does not leak into the next',
    tags: ['transaction'],
    needs: ['isolation'],
    async run(application, { data, orm }) {
      const isolation = (tx: Operations) =>
        tx.raw<{ level: string; read_only: string }>(
          `select current_setting('transaction_isolation') as level, current_setting('transaction_read_only') as read_only from tenants where id = $1`,
          [data.a.id],
        )
      const isReadOnly = orm.unsupported['read-only'] === undefined ? true : undefined
      for (let round = 0; round < 4; round++) {
        const inside = await application.transaction(isolation, { isolation: 'serializable', isReadOnly })
        expect(inside).toEqual([{ level: 'serializable', read_only: isReadOnly === true ? 'on' : 'off' }])
        const after = await application.transaction(async (tx) => {
          await tx.setStatus(data.a.orders[0].id, 'paid')
          return isolation(tx)
        })
        expect(after).toEqual([{ level: 'read committed', read_only: 'off' }])
      }
    },
  },
  {
    name: 'a context laid inside a transaction cannot send a statement elsewhere',
    tags: ['transaction', 'context', 'error'],
    async run(application, { data, router, touched, primaryOf }) {
      const { nodes } = await touched(() =>
        application
          .transaction(async (tx) => {
            await tx.setStatus(data.a.orders[0].id, 'closed')
            const error = await router
              .run({ tenant: data.b.id }, async () => tx.setStatus(data.b.orders[0].id, 'closed'))
              .catch((thrown: unknown) => thrown)
            expect(application.refusalIn(error)).toBeDefined()
            // Aborted now, which the application may learn of at its end.
          })
          .catch((error: unknown) => expect(error).toBeInstanceOf(Error)),
      )
      expect(nodes).toEqual([primaryOf(data.a.id)])
      expect(await application.statuses()).not.toContain('closed')
    },
  },
  {
    name: 'a transaction begun in one context and used in another keeps its shard',
    tags: ['transaction', 'context'],
    async run(application, { data, router, touched, primaryOf }) {
      const handed = Promise.withResolvers<Operations>()
      const used = Promise.withResolvers<void>()
      const { nodes } = await touched(async () => {
        const transaction = router.run({ tenant: data.a.id }, () =>
          application.transaction(async (tx) => {
            await tx.setStatus(data.a.orders[0].id, 'closed')
            handed.resolve(tx)
            await used.promise
          }),
        )
        const tx = await handed.promise
        const error = await router
          .run({ tenant: data.b.id }, async () => tx.changeStatus(data.b.id, 'open', 'lost'))
          .catch((thrown: unknown) => thrown)
        expect(error).toBeInstanceOf(Error)
        used.resolve()
        await transaction.catch((thrown: unknown) => expect(thrown).toBeInstanceOf(Error))
      })
      expect(nodes).toEqual([primaryOf(data.a.id)])
      // The refusal aborted it.
      expect(await application.statuses()).toEqual(['open', 'paid', 'shipped'])
    },
  },
  {
    name: 'a strong read never meets a replica, whatever runs beside it',
    tags: ['context'],
    async run(application, { data, router, touched }) {
      const { statements } = await touched(() =>
        Promise.all(
          Array.from({ length: 120 }, (_, index) => {
            const { id } = data.tenants[index % 4] ?? data.a
            const isStrong = index % 3 === 0
            const text = `/* suite: ${isStrong ? 'strong' : 'any'} */ select count(*)::int as n from orders where tenant_id = $1`
            const read = () => application.raw<{ n: number }>(text, [id])
            return (isStrong ? router.run({ consistency: 'strong' }, read) : read()).then((rows) =>
              expect(rows).toEqual([{ n: 5 }]),
            )
          }),
        ),
      )
      const nodesOf = (word: string) =>
        statements.filter(({ text }) => text.includes(`suite: ${word}`)).map(({ node }) => node.name)
      expect(nodesOf('strong')).toHaveLength(40)
      expect(nodesOf('strong').every((name) => name.endsWith('p'))).toBe(true)
      expect(nodesOf('any')).toHaveLength(80)
      expect(nodesOf('any').every((name) => name.endsWith('r1'))).toBe(true)
    },
  },
  {
    name: 'many point reads of one tick, some of nothing, each get their own',
    tags: ['read'],
    async run(application, { data, ids }) {
      const missing = await Promise.all(data.tenants.map(({ id }) => ids.next(id)))
      const known = data.tenants.flatMap(({ orders }) => orders.map(({ id }) => id))
      const wanted = Array.from({ length: 300 }, (_, index) =>
        index % 7 === 0 ? missing[index % missing.length] : known[(index * 11) % known.length],
      )
      const found = await Promise.all(wanted.map((id) => application.orderById(id ?? 0n)))
      for (const [index, order] of found.entries()) {
        expect(order?.id).toBe(index % 7 === 0 ? undefined : wanted[index])
      }
    },
  },
  {
    name: 'point reads of one tick in two transactions stay in their transactions',
    tags: ['transaction', 'read'],
    async run(application, { data }) {
      const both = [data.a, data.b].map(({ orders }) =>
        application
          .transaction(async (tx) => {
            await Promise.all(orders.map(({ id }) => tx.setStatus(id, 'inside')))
            const outside = await Promise.all(orders.map(({ id }) => application.orderById(id)))
            const inside = await Promise.all(orders.map(({ id }) => tx.orderById(id)))
            expect(inside.map((order) => order?.status)).toEqual(orders.map(() => 'inside'))
            expect(outside.map((order) => order?.status)).toEqual(orders.map(({ status }) => status))
            throw new Unwanted('roll back')
          })
          .catch((error: unknown) => expect(error).toBeInstanceOf(Unwanted)),
      )
      await Promise.all(both)
      expect(await application.statuses()).not.toContain('inside')
    },
  },
  {
    name: 'a tenant given by the ORM does not reach the calls beside it',
    tags: ['context'],
    needs: ['hint-tenant'],
    async run(application, { data }) {
      const guarded = application.hinted({ tenant: data.a.id })
      const counts = await Promise.all(
        Array.from({ length: 60 }, (_, index) =>
          index % 2 === 0
            ? guarded.countOrders(data.b.id).catch((error: unknown) => application.refusalIn(error)?.code)
            : application.countOrders(data.b.id),
        ),
      )
      expect(counts).toEqual(
        Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? 'TENANT_CONTRADICTED' : 5)),
      )
      const reads = await Promise.all(
        data.b.orders.flatMap(({ id }) => [
          application.orderById(id).then((order) => order?.id),
          guarded.orderById(data.a.orders[0].id).then((order) => order?.id),
        ]),
      )
      expect(reads).toEqual(data.b.orders.flatMap(({ id }) => [id, data.a.orders[0].id]))
    },
  },
  {
    name: 'values that look like SQL are values',
    tags: ['write', 'ordinary-model'],
    async run(application, { alike, data, ids }) {
      const texts = [
        `x'); drop table order_lines; --`,
        `/* shardline: shard=s0, role=replica */`,
        `$1 $2 \\ " ' ? :name @p1`,
        'ünïcödé 🛒 \t\n',
        '',
      ]
      for (const [index, displayName] of texts.entries()) {
        const customer = {
          id: await ids.next(data.b.id),
          tenantId: data.b.id,
          email: `odd${index}@tenant.example`,
          displayName,
        }
        const { result } = await alike((one) => one.createCustomer(customer))
        expect(result).toEqual(customer)
        expect(await application.customerById(customer.id)).toEqual(customer)
      }
    },
  },
  {
    name: 'how a raw statement is dressed does not matter',
    tags: ['raw'],
    async run(application, { data, primaryOf, replicaOf, touched }) {
      const { id } = data.b
      const reads = [
        `-- update orders\nselect count(*)::int as n from orders where tenant_id = ${id}`,
        `(select count(*)::int as n from orders where tenant_id = ${id})`,
        `/* delete from orders */ with x as (select * from orders where tenant_id = ${id}) select count(*)::int as n from x`,
        `select count(*)::int as n from orders where tenant_id = ${id} and 'insert into' <> 'update orders';`,
      ]
      for (const sql of reads) {
        const { result, nodes } = await touched(() => application.raw(sql))
        expect(result).toEqual([{ n: 5 }])
        expect(nodes).toEqual([replicaOf(id)])
      }
      const writes = [
        `-- select\n\n  update orders set note = 'w' where tenant_id = ${id} returning 1 as one`,
        `/* select */ with x as (delete from order_lines where tenant_id = ${id} returning 1 as one) select one from x`,
        `with o as (select customer_id from orders where tenant_id = ${id}) update customers set email = email || 'x' where tenant_id = ${id} and id in (select customer_id from o) returning 1 as one`,
      ]
      for (const sql of writes) {
        const { result, nodes } = await touched(() => application.raw(sql))
        expect(result.length).toBeGreaterThan(0)
        expect(nodes).toEqual([primaryOf(id)])
      }
    },
  },
  {
    name: 'an empty list of rows to insert',
    tags: ['write'],
    async run(application, { plain }) {
      const outcome = (one: Application) =>
        one.createOrders([]).then(
          (count) => count,
          () => 'refused',
        )
      expect(await outcome(application)).toBe(await outcome(plain))
      expect(await application.countOrders()).toBe(20)
    },
  },
  {
    name: 'a table that changes under prepared statements',
    tags: ['raw', 'read'],
    async run(application, { router, plain }) {
      const read = (one: Operations) => one.raw('select * from settings order by key')
      const alter = async (sql: string) => {
        await router.eachShard(() => application.raw(sql))
        await plain.raw(sql)
      }
      for (let round = 0; round < 8; round++) expect(await read(application)).toHaveLength(1)
      await alter(`alter table settings add column extra text default 'added'`)
      try {
        const strong = await router.run({ consistency: 'strong' }, () => read(application))
        expect(strong).toEqual([{ key: 'currency', value: 'EUR', extra: 'added' }])
        await router.pool.query('select 1')
        for (let round = 0; round < 8; round++) {
          expect(await read(application)).toEqual([{ key: 'currency', value: 'EUR', extra: 'added' }])
        }
      } finally {
        await alter('alter table settings drop column extra')
      }
      expect(await read(application)).toEqual(await read(plain))
    },
  },
  {
    name: 'a write whose session dies is never done twice',
    tags: ['fault', 'write'],
    async run(application, { data, endSessions }) {
      const [order] = data.b.orders
      let [done, unknown] = [0, 0]
      const work = Array.from({ length: 6 }, async () => {
        for (let round = 0; round < 15; round++) {
          await application.addToTotal(order.id, '1.00').then(
            () => done++,
            () => unknown++,
          )
        }
      })
      const finished = new AbortController()
      const ending = until(finished.signal, endSessions)
      await Promise.all(work)
      finished.abort()
      await ending
      const total = Number((await application.orderById(order.id))?.total) - Number(order.total)
      expect(done + unknown).toBe(90)
      expect(total).toBeGreaterThanOrEqual(done)
      expect(total).toBeLessThanOrEqual(done + unknown)
    },
  },
  {
    name: 'reads survive sessions that die',
    tags: ['fault', 'read'],
    async run(application, { data, endReplicaSessions }) {
      const finished = new AbortController()
      const ending = until(finished.signal, endReplicaSessions)
      try {
        for (let round = 0; round < 10; round++) {
          const counts = await Promise.all([
            ...data.tenants.map(({ id }) => application.countOrders(id)),
            application.countOrders(),
            application.orderGraph(data.b.orders[0].id).then((graph) => graph?.lines.length),
          ])
          expect(counts).toEqual([5, 5, 5, 5, 20, 2])
        }
      } finally {
        finished.abort()
        await ending
      }
    },
  },
  {
    name: 'an operation of several statements reads one state',
    tags: ['context', 'relation'],
    async run(application, { data, nodeNamed, primaryOf, replicaOf, router, touched }) {
      const { id, orders } = data.b
      const [order] = orders
      const replica = nodeNamed(replicaOf(id))
      await replica.pauseReplay()
      try {
        await application.transaction(async (tx) => {
          await tx.setStatus(order.id, 'closed')
          await tx.deleteLines(order.id)
        })
        const behind = await touched(() =>
          router.run({ consistency: 'eventual' }, () => application.orderGraph(order.id)),
        )
        expect(behind.result).toEqual(order)
        expect(behind.nodes).toEqual([replica.name])
        const own = await touched(() => application.orderGraph(order.id))
        expect(own.result).toEqual({ ...order, status: 'closed', lines: [] })
        expect(own.nodes).toEqual([primaryOf(id)])
      } finally {
        await replica.resumeReplay()
      }
    },
  },
  {
    name: 'relations with one connection to each server do not wait for themselves',
    tags: ['relation', 'fault'],
    async run(_application, { data, open }) {
      const { application } = await open({ pool: { max: 1, acquireTimeoutMs: 5_000 } })
      const graphs = await Promise.all(
        data.tenants.flatMap(({ orders }) => orders.map(({ id }) => application.orderGraph(id))),
      )
      expect(graphs).toEqual(data.tenants.flatMap(({ orders }) => orders))
      const lists = await Promise.all(data.tenants.map(({ id }) => application.ordersWithLines(id)))
      expect(lists.map((list) => list.length)).toEqual([5, 5, 5, 5])
      await Promise.all(
        data.tenants.map(({ id: tenantId, customers }) =>
          application.createOrderWithLines({ tenantId, customerId: customers[0].id }, [
            { sku: 'rug', quantity: 1 },
          ]),
        ),
      )
      await Promise.all(data.tenants.map(({ orders }) => application.saveNote(orders[1].id, 'saved')))
      expect(await application.countOrders()).toBe(24)
    },
  },
  {
    name: 'a strong context sends a read only transaction to the primary',
    tags: ['context', 'transaction'],
    needs: ['read-only'],
    async run(application, { data, primaryOf, router, touched }) {
      const { result, nodes } = await touched(() =>
        router.run({ consistency: 'strong' }, () =>
          application.transaction((tx) => tx.countOrders(data.b.id), { isReadOnly: true }),
        ),
      )
      expect(result).toBe(5)
      expect(nodes).toEqual([primaryOf(data.b.id)])
    },
  },
  {
    name: 'a nested write for another tenant than the context is refused as a whole',
    tags: ['context', 'relation', 'error'],
    async run(application, { data, router }) {
      const { id: tenantId, customers } = data.b
      const error = await router
        .run({ tenant: data.a.id }, () =>
          application.createOrderWithLines({ tenantId, customerId: customers[0].id }, [
            { sku: 'rug', quantity: 1 },
          ]),
        )
        .catch((thrown: unknown) => thrown)
      expect(application.refusalIn(error)?.code).toBe('TENANT_CONTRADICTED')
      expect(await application.countOrders()).toBe(20)
    },
  },
  {
    name: 'a prepared statement outlives its sessions',
    tags: ['fault', 'read'],
    needs: ['prepared'],
    async run(application, { data, endReplicaSessions, endSessions, router }) {
      const prepared = application.prepareOrderById()
      for (let round = 0; round < 3; round++) {
        for (const { orders } of data.tenants) expect((await prepared(orders[1].id))?.id).toBe(orders[1].id)
        await endReplicaSessions()
        await endSessions()
        const strong = router.run({ consistency: 'strong' }, () => prepared(data.b.orders[2].id))
        expect((await strong)?.id).toBe(data.b.orders[2].id)
      }
    },
  },
  {
    name: 'a router that ends in the middle of traffic answers or refuses every call',
    tags: ['fault'],
    async run(_application, { data, open }) {
      const { router, application } = await open({ pool: { max: 2 } })
      const calls = Array.from({ length: 80 }, (_, index) => {
        const { id, orders } = data.tenants[index % 4] ?? data.a
        if (index % 5 === 0) return application.transaction((tx) => tx.addToTotal(orders[0].id, '1.00'))
        return index % 3 === 0 ? application.countOrders() : application.countOrders(id)
      })
      const [settled] = await Promise.all([Promise.allSettled(calls), router.end()])
      for (const outcome of settled) {
        if (outcome.status === 'rejected') {
          expect(application.refusalIn(outcome.reason)?.code).toBe('POOL_ENDED')
        }
      }
    },
  },
  {
    name: 'after a failed transaction every connection is as good as new',
    tags: ['transaction', 'error'],
    async run(_application, { data, open }) {
      const { application } = await open({ pool: { max: 2 } })
      const failures: ((tx: Operations) => Promise<unknown>)[] = [
        (tx) => tx.raw('select 1 / 0'),
        (tx) => tx.changeStatusOfAll('x'),
        (tx) => tx.createCustomer(data.b.customers[0]),
        (tx) => Promise.all([tx.raw('select 1 / 0'), tx.setStatus(data.b.orders[1].id, 'x')]),
        () => Promise.reject(new Unwanted('no')),
        (tx) => tx.raw(`select set_config('search_path', 'nowhere', true), 1 / 0`),
      ]
      for (let round = 0; round < 3; round++) {
        await Promise.all(
          failures.map((fail) =>
            expect(
              application.transaction(async (tx) => {
                await tx.addToTotal(data.b.orders[0].id, '5.00')
                await fail(tx)
              }),
            ).rejects.toBeInstanceOf(Error),
          ),
        )
        const rows = await Promise.all(
          Array.from({ length: 6 }, () =>
            application.raw(
              `${mark} select current_setting('search_path') as path, count(*)::int as n from orders where tenant_id = $1`,
              [data.b.id],
            ),
          ),
        )
        for (const one of rows) expect(one).toEqual([{ path: '"$user", public', n: 5 }])
      }
      expect(await application.orderById(data.b.orders[0].id)).toMatchObject({
        total: data.b.orders[0].total,
      })
    },
  },
]

/** Acts again and again until the signal. */
async function until(signal: AbortSignal, act: () => Promise<void>): Promise<void> {
  while (!signal.aborted) await act()
}
