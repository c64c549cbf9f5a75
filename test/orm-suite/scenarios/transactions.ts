import { expect } from 'vitest'
import type { Operations } from '../application.ts'
import type { Scenario } from './scenario.ts'

class Changed extends Error {}

/** Transactions belong to the shard of their first statement, and end as PostgreSQL's do. */
export const transactions: readonly Scenario[] = [
  {
    name: 'a transaction commits',
    tags: ['transaction', 'ordinary-model'],
    async run(application, { alike, data, primaryOf }) {
      const [order] = data.b.orders
      const { result, nodes } = await alike((one) =>
        one.transaction(async (tx) => {
          await tx.setStatus(order.id, 'paid')
          await tx.addToTotal(order.id, '1.00')
          return (await tx.orderById(order.id))?.status
        }),
      )
      expect(result).toBe('paid')
      expect(nodes).toEqual([primaryOf(data.b.id)])
      expect((await application.orderById(order.id))?.status).toBe('paid')
    },
  },
  {
    name: 'a transaction rolled back by an error of the application',
    tags: ['transaction', 'ordinary-model'],
    async run(application, { data, plain }) {
      const [order] = data.a.orders
      for (const one of [plain, application]) {
        const error = new Changed('no')
        const failed = one.transaction(async (tx) => {
          await tx.setStatus(order.id, 'paid')
          await tx.deleteLines(order.id)
          throw error
        })
        await expect(failed).rejects.toBe(error)
        expect(await one.orderGraph(order.id)).toEqual(order)
      }
    },
  },
  {
    name: 'a transaction rolled back by an error of the database',
    tags: ['transaction', 'error'],
    async run(application, { alikeRejected, data }) {
      const [order] = data.b.orders
      await alikeRejected((one) =>
        one.transaction(async (tx) => {
          await tx.setStatus(order.id, 'paid')
          await tx.createCustomer({ ...data.b.customers[0], id: data.b.customers[1].id })
        }),
      )
      expect((await application.orderById(order.id))?.status).toBe('open')
    },
  },
  {
    name: 'a failed statement aborts the transaction, also when the application goes on',
    tags: ['transaction', 'error'],
    async run(application, { alikeRejected, data }) {
      const [order] = data.b.orders
      await alikeRejected((one) =>
        one.transaction(async (tx) => {
          await tx.setStatus(order.id, 'paid')
          await tx.createCustomer(data.b.customers[0]).catch(() => undefined)
          await tx.setStatus(order.id, 'shipped')
        }),
      )
      expect((await application.orderById(order.id))?.status).toBe('open')
    },
  },
  {
    name: 'an empty transaction reaches no server',
    tags: ['transaction'],
    async run(_application, { alike }) {
      const { result, nodes } = await alike((one) => one.transaction(async () => 'nothing'))
      expect(result).toBe('nothing')
      expect(nodes).toEqual([])
    },
  },
  {
    name: 'a transaction sees its own writes',
    tags: ['transaction', 'ordinary-model'],
    async run(_application, { alike, data, ids, primaryOf }) {
      const { id: tenantId, customers } = data.a
      const id = await ids.next(tenantId)
      const { result, nodes } = await alike((one) =>
        one.transaction(async (tx) => {
          await tx.createOrder({ id, tenantId, customerId: customers[0].id })
          const during = [await tx.countOrders(tenantId), (await tx.orderById(id))?.status]
          await tx.deleteOrder(id)
          return [...during, await tx.countOrders(tenantId), await tx.orderById(id)]
        }),
      )
      expect(result).toEqual([6, 'open', 5, undefined])
      expect(nodes).toEqual([primaryOf(tenantId)])
    },
  },
  {
    name: 'nobody else sees a transaction before it commits',
    tags: ['transaction', 'ordinary-model'],
    async run(application, { data }) {
      const [order] = data.b.orders
      const during = await application.transaction(async (tx) => {
        await tx.setStatus(order.id, 'paid')
        return application.orderById(order.id)
      })
      expect(during?.status).toBe('open')
      expect((await application.orderById(order.id))?.status).toBe('paid')
    },
  },
  {
    name: 'a transaction that only reads stays on the primary',
    tags: ['transaction', 'ordinary-model'],
    async run(_application, { alike, data, primaryOf }) {
      const { result, nodes } = await alike((one) =>
        one.transaction(async (tx) => [
          await tx.countOrders(data.a.id),
          (await tx.orderById(data.a.orders[0].id))?.status,
        ]),
      )
      expect(result).toEqual([5, 'open'])
      expect(nodes).toEqual([primaryOf(data.a.id)])
    },
  },
  {
    name: 'a read only transaction runs on a replica',
    tags: ['transaction', 'ordinary-model'],
    needs: ['read-only'],
    async run(_application, { alike, data, replicaOf }) {
      const { result, nodes } = await alike((one) =>
        one.transaction(
          async (tx) => [await tx.countOrders(data.b.id), await tx.orderById(data.b.orders[0].id)],
          { isReadOnly: true },
        ),
      )
      expect(result[0]).toBe(5)
      expect(nodes).toEqual([replicaOf(data.b.id)])
    },
  },
  {
    name: 'a write in a read only transaction fails as in PostgreSQL',
    tags: ['transaction', 'error'],
    needs: ['read-only'],
    async run(application, { alikeRejected, data }) {
      const [order] = data.b.orders
      await alikeRejected((one) =>
        one.transaction((tx) => tx.setStatus(order.id, 'paid'), { isReadOnly: true }),
      )
      expect((await application.orderById(order.id))?.status).toBe('open')
    },
  },
  {
    name: 'repeatable read has one snapshot',
    tags: ['transaction', 'ordinary-model'],
    needs: ['isolation'],
    async run(_application, { alike, data }) {
      const [order] = data.a.orders
      const { result } = await alike((one) =>
        one.transaction(
          async (tx) => {
            const before = await tx.orderById(order.id)
            await one.setStatus(order.id, 'paid')
            return [before?.status, (await tx.orderById(order.id))?.status]
          },
          { isolation: 'repeatable read' },
        ),
      )
      expect(result).toEqual(['open', 'open'])
    },
  },
  {
    name: 'read committed sees what others commit',
    tags: ['transaction', 'ordinary-model'],
    needs: ['isolation'],
    async run(_application, { alike, data }) {
      const [order] = data.a.orders
      const { result } = await alike((one) =>
        one.transaction(
          async (tx) => {
            const before = await tx.orderById(order.id)
            await one.setStatus(order.id, 'paid')
            return [before?.status, (await tx.orderById(order.id))?.status]
          },
          { isolation: 'read committed' },
        ),
      )
      expect(result).toEqual(['open', 'paid'])
    },
  },
  {
    name: 'a serialization failure looks as it does without Shardline',
    tags: ['transaction', 'error'],
    needs: ['isolation'],
    async run(application, { alikeRejected, data }) {
      const [order] = data.b.orders
      await alikeRejected((one) =>
        one.transaction(
          async (tx) => {
            await tx.orderById(order.id)
            await one.setStatus(order.id, 'paid')
            await tx.setStatus(order.id, 'shipped')
          },
          { isolation: 'repeatable read' },
        ),
      )
      expect((await application.orderById(order.id))?.status).toBe('paid')
    },
  },
  {
    name: 'a savepoint is kept',
    tags: ['transaction', 'ordinary-model'],
    needs: ['nested'],
    async run(application, { alike, data, primaryOf }) {
      const [first, second] = data.b.orders
      const { nodes } = await alike((one) =>
        one.transaction(async (tx) => {
          await tx.setStatus(first.id, 'paid')
          await tx.nested((inner) => inner.setStatus(second.id, 'closed'))
        }),
      )
      expect(nodes).toEqual([primaryOf(data.b.id)])
      expect((await application.orderById(first.id))?.status).toBe('paid')
      expect((await application.orderById(second.id))?.status).toBe('closed')
    },
  },
  {
    name: 'a savepoint is rolled back and the transaction goes on',
    tags: ['transaction', 'ordinary-model'],
    needs: ['nested'],
    async run(application, { data, plain }) {
      const [first, second, third] = data.b.orders
      for (const one of [plain, application]) {
        await one.transaction(async (tx) => {
          await tx.setStatus(first.id, 'closed')
          const failed = tx.nested(async (inner) => {
            await inner.setStatus(second.id, 'closed')
            throw new Changed('no')
          })
          await expect(failed).rejects.toThrow(Changed)
          await tx.setStatus(third.id, 'closed')
        })
        const after = await one.ordersByIds([first.id, second.id, third.id])
        expect(after.map(({ status }) => status)).toEqual(['closed', 'paid', 'closed'])
      }
    },
  },
  {
    name: 'an error of the database inside a savepoint can be survived',
    tags: ['transaction', 'error'],
    needs: ['nested'],
    async run(application, { alike, data }) {
      const [first] = data.a.orders
      const { result } = await alike((one) =>
        one.transaction(async (tx) => {
          await tx.setStatus(first.id, 'closed')
          const failure = await tx
            .nested((inner) => inner.createCustomer(data.a.customers[0]))
            .then(
              () => 'created',
              () => 'refused',
            )
          return [failure, (await tx.orderById(first.id))?.status]
        }),
      )
      expect(result).toEqual(['refused', 'closed'])
      expect((await application.orderById(first.id))?.status).toBe('closed')
    },
  },
  {
    name: 'a transaction whose first statement is in a savepoint',
    tags: ['transaction', 'ordinary-model'],
    needs: ['nested'],
    async run(application, { alike, data, primaryOf }) {
      const [order] = data.b.orders
      const { nodes } = await alike((one) =>
        one.transaction((tx) => tx.nested((inner) => inner.setStatus(order.id, 'closed'))),
      )
      expect(nodes).toEqual([primaryOf(data.b.id)])
      expect((await application.orderById(order.id))?.status).toBe('closed')
    },
  },
  {
    name: 'a transaction that would span shards is refused, and rolled back',
    tags: ['transaction', 'error'],
    async run(application, { data }) {
      const error = await application
        .transaction(async (tx) => {
          await tx.setStatus(data.a.orders[0].id, 'closed')
          await tx.setStatus(data.b.orders[0].id, 'closed')
        })
        .catch((thrown: unknown) => thrown)
      expect(application.refusalIn(error)?.code).toBe('TRANSACTION_SPANS_SHARDS')
      const after = await application.ordersByIds([data.a.orders[0].id, data.b.orders[0].id])
      expect(after.map(({ status }) => status)).toEqual(['open', 'open'])
    },
  },
  {
    name: 'a refused statement aborts the transaction, as any error does',
    tags: ['transaction', 'error'],
    async run(application, { data, touched }) {
      const { orders } = data.a
      const { result, nodes } = await touched(() =>
        application
          .transaction(async (tx) => {
            await tx.setStatus(orders[0].id, 'closed')
            const refused = await tx.changeStatusOfAll('closed').catch((error: unknown) => error)
            expect(application.refusalIn(refused)?.code).toBe('UNPROVED_WRITE')
            await tx.setStatus(orders[2].id, 'closed')
          })
          .catch((error: unknown) => error),
      )
      expect(result).toBeInstanceOf(Error)
      expect(nodes).toHaveLength(1)
      const after = await application.ordersByIds([orders[0].id, orders[2].id])
      expect(after.map(({ status }) => status)).toEqual(['open', 'open'])
    },
  },
  {
    name: 'a refused statement in a savepoint can be survived',
    tags: ['transaction', 'error'],
    needs: ['nested'],
    async run(application, { data }) {
      const { orders } = data.b
      const codes: unknown[] = []
      await application.transaction(async (tx) => {
        await tx.setStatus(orders[0].id, 'closed')
        for (const refused of [
          (inner: typeof tx) => inner.changeStatusOfAll('lost'),
          (inner: typeof tx) => inner.setStatus(data.a.orders[0].id, 'lost'),
        ]) {
          const error = await tx
            .nested(async (inner) => {
              await inner.setStatus(orders[3].id, 'lost')
              await refused(inner)
            })
            .catch((thrown: unknown) => thrown)
          codes.push(application.refusalIn(error)?.code)
        }
        await tx.setStatus(orders[2].id, 'closed')
      })
      expect(codes).toEqual(['UNPROVED_WRITE', 'TRANSACTION_SPANS_SHARDS'])
      const after = await application.ordersByIds([orders[0].id, orders[2].id, orders[3].id])
      expect(after.map(({ status }) => status)).toEqual(['closed', 'closed', 'shipped'])
      expect(await application.statuses()).not.toContain('lost')
    },
  },
  {
    name: 'FOR UPDATE locks on the primary, and others wait',
    tags: ['transaction', 'ordinary-model'],
    needs: ['lock'],
    async run(application, { data, primaryOf, touched }) {
      const [order] = data.b.orders
      const steps: string[] = []
      let other: Promise<void> | undefined
      const { nodes } = await touched(async () => {
        await application.transaction(async (tx) => {
          await tx.lockOrder(order.id)
          other = application.setStatus(order.id, 'paid').then(() => void steps.push('other'))
          await tx.addToTotal(order.id, '1.00')
          steps.push('first')
        })
        await other
      })
      expect(steps).toEqual(['first', 'other'])
      expect(nodes).toEqual([primaryOf(data.b.id)])
      expect(await application.orderById(order.id)).toMatchObject({
        status: 'paid',
        total: (Number(order.total) + 1).toFixed(2),
      })
    },
  },
  {
    name: 'concurrent transactions on both shards do not mix',
    tags: ['transaction'],
    async run(application, { cluster, data }) {
      await Promise.all(
        Array.from({ length: 24 }, async (_, index) => {
          const tenant = data.tenants[index % 4] ?? data.a
          const work = async (tx: Operations) => {
            await tx.addToTotal(tenant.orders[0].id, '1.00')
            const [{ id }] = [
              await tx.createOrder({ tenantId: tenant.id, customerId: tenant.customers[0].id }),
            ]
            expect((await tx.orderById(id))?.tenantId).toBe(tenant.id)
            if (index % 3 === 0) throw new Changed('no')
          }
          const done = application.transaction(work)
          if (index % 3 === 0) await expect(done).rejects.toThrow(Changed)
          else await done
        }),
      )
      for (const [index, tenant] of data.tenants.entries()) {
        const kept = Array.from({ length: 24 }, (_, n) => n).filter(
          (n) => n % 4 === index && n % 3 !== 0,
        ).length
        expect(await application.countOrders(tenant.id)).toBe(5 + kept)
        const after = await application.orderById(tenant.orders[0].id)
        expect(after?.total).toBe((Number(tenant.orders[0].total) + kept).toFixed(2))
      }
      for (const { name, primary } of cluster.shards) {
        const here = data.tenants.filter((tenant) => tenant.shard === name).map(({ id }) => id)
        expect(await primary.sql('select from orders where tenant_id <> all ($1)', [here])).toEqual([])
      }
    },
  },
  {
    name: 'a transaction in a transaction of its own does not deadlock',
    tags: ['transaction', 'ordinary-model'],
    async run(application, { alike, data }) {
      await alike((one) =>
        one.transaction(async (tx) => {
          await tx.setStatus(data.a.orders[0].id, 'paid')
          await one.transaction((other) => other.setStatus(data.a.orders[2].id, 'paid'))
        }),
      )
      expect((await application.orderById(data.a.orders[2].id))?.status).toBe('paid')
    },
  },
]
