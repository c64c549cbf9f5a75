// oxlint-disable vitest/no-standalone-expect -- scenarios run inside of tests
import { expect } from 'vitest'
import type { Application } from '../application.ts'
import { mark } from '../harness/statement-log.ts'
import type { Data } from '../domain/data.ts'
import type { Scenario } from './scenario.ts'

/** Errors of the database: the application must not be able to tell them from those it gets without Shardline. */
const ofDatabase: Readonly<Record<string, (one: Application, data: Data) => Promise<unknown>>> = {
  'a unique violation of a primary key': (one, { b }) =>
    one.createOrder({ id: b.orders[0].id, tenantId: b.id, customerId: b.customers[0].id }),
  'a unique violation of another key': (one, { b }) =>
    one.createCustomer({ ...b.customers[0], id: b.customers[0].id + 1n }),
  'a foreign key violation': (one, { b }) =>
    one.createOrder({ id: b.orders[0].id + 1n, tenantId: b.id, customerId: 5n }),
  'a foreign key violation of a delete': (one, { b }) =>
    one.raw('delete from customers where tenant_id = $1', [b.id]),
  'a NOT NULL violation': (one, { b }) =>
    one.createDocument({ id: b.documents[0].id, tenantId: b.id, title: null as unknown as string }),
  'a check violation': (one, { b }) =>
    one.createOrder({
      id: b.orders[0].id + 1n,
      tenantId: b.id,
      customerId: b.customers[0].id,
      total: '-1.00',
    }),
  'a number that is too large': (one, { b }) =>
    one.createOrder({
      id: b.orders[0].id + 1n,
      tenantId: b.id,
      customerId: b.customers[0].id,
      total: '99999999999.00',
    }),
  'a unique violation of a bulk insert': (one) =>
    one.createFeatures([
      { entityId: 'twice', value: 1, version: 1 },
      { entityId: 'twice', value: 2, version: 1 },
    ]),
  'a column that does not exist': (one, { b }) =>
    one.raw('select nothing from orders where tenant_id = $1', [b.id]),
  'a division by zero': (one, { b }) =>
    one.raw('select 1 / (tenant_id - $1::int) from orders where tenant_id = $1', [b.id]),
  'a value that is no number': (one, { b }) =>
    one.raw(`select status::int from orders where tenant_id = $1 and status = 'shipped'`, [b.id]),
  'an error in a transaction': (one, { b }) =>
    one.transaction(async (tx) => {
      await tx.setStatus(b.orders[0].id, 'paid')
      await tx.raw('select 1 / 0')
    }),
  'a statement that takes too long': (one, { b }) =>
    one.transaction(async (tx) => {
      await tx.setStatus(b.orders[0].id, 'paid')
      await tx.raw(`set local statement_timeout = '20ms'`)
      await tx.raw(`select pg_sleep(5)::text`)
    }),
}

/**
 * What the router has to understand before it can send it is refused by the router itself when there are several shards: by the code
 * that PostgreSQL would have given, or by one of its own.
 */
const refusedOnCluster: Readonly<
  Record<string, readonly [code: string, act: (one: Application, data: Data) => Promise<unknown>]>
> = {
  'a syntax error': ['42601', (one) => one.raw('selec 1')],
  'a function that does not exist': [
    'OPAQUE_FUNCTION',
    (one, { b }) => one.raw('select nothing(note) from orders where tenant_id = $1', [b.id]),
  ],
  'an error that a DO block raises': [
    'UNSUPPORTED_STATEMENT',
    (one) =>
      one.raw(
        `do $$ begin raise exception 'told' using errcode = 'P0042', detail = 'more', hint = 'ask', constraint = 'c', table = 't'; end $$`,
      ),
  ],
  'a table that does not exist': ['UNKNOWN_TABLE', (one) => one.raw('select 1 from nothing')],
}

const alikeErrors = Object.entries(ofDatabase).map(([name, act]): Scenario => ({
  name: `${name} looks as it does without Shardline`,
  tags: ['error'],
  async run(application, { alikeRejected, data }) {
    await alikeRejected((one) => act(one, data))
    // Nothing was left broken behind.
    expect(await application.countOrders()).toBe(20)
  },
}))

const refusals = Object.entries(refusedOnCluster).map(([name, [code, act]]): Scenario => ({
  name: `${name} is refused on a cluster`,
  tags: ['error'],
  async run(application, { data, touched }) {
    const { result, nodes } = await touched(() => act(application, data).catch((error: unknown) => error))
    const seen = application.refusalIn(result)?.code ?? application.describeError(result).code
    expect(seen === code || application.describeError(result).message.includes(code)).toBe(true)
    expect(nodes).toEqual([])
  },
}))

export const errors: readonly Scenario[] = [
  ...alikeErrors,
  ...refusals,
  {
    name: 'all these errors on one server without replicas',
    tags: ['error'],
    async run(_application, { data, open, plain, plainUrl, reset }) {
      const { application } = await open({ shards: { only: { primary: plainUrl } } })
      const refused = Object.entries(refusedOnCluster).map(([name, [, act]]) => [name, act] as const)
      for (const [name, act] of [...Object.entries(ofDatabase), ...refused]) {
        const seen: unknown[] = []
        for (const one of [plain, application]) {
          const error = await act(one, data).then(
            () => undefined,
            (thrown: unknown) => thrown,
          )
          seen.push({ name, ...one.describeError(error) })
          await reset()
        }
        expect(seen[1]).toEqual(seen[0])
      }
    },
  },
  {
    name: 'a write that names no shard is refused, and nothing is sent',
    tags: ['error', 'write'],
    async run(application, { touched }) {
      const { result, nodes } = await touched(() =>
        application.changeStatusOfAll('closed').catch((error: unknown) => error),
      )
      expect(result).toBeInstanceOf(Error)
      expect(application.refusalIn(result)).toMatchObject({ family: 'statement', code: 'UNPROVED_WRITE' })
      expect(nodes.filter((name) => name.endsWith('p'))).toEqual([])
      expect(await application.statuses()).not.toContain('closed')
    },
  },
  {
    name: 'an update of the shard key is refused',
    tags: ['error', 'write'],
    needs: ['move'],
    async run(application, { data, touched }) {
      const { result } = await touched(() =>
        application.moveOrder(data.a.orders[0].id, data.b.id).catch((error: unknown) => error),
      )
      expect(application.refusalIn(result)?.code).toBe('SHARD_KEY_UPDATE')
      expect((await application.orderById(data.a.orders[0].id))?.tenantId).toBe(data.a.id)
    },
  },
  {
    name: 'a raw write without a key is refused, and the message quotes no value',
    tags: ['error', 'raw'],
    async run(application, { touched }) {
      const { result, nodes } = await touched(() =>
        application
          .raw(`update orders set note = $1 where note = 'hush'`, ['secret'])
          .catch((error: unknown) => error),
      )
      const refusal = application.refusalIn(result)
      expect(refusal?.code).toBe('UNPROVED_WRITE')
      expect(`${refusal?.message} ${JSON.stringify(refusal?.details)}`).not.toMatch(/secret|hush/)
      expect(nodes).toEqual([])
    },
  },
  {
    name: 'a table that nobody described to the router is on the home shard',
    tags: ['error', 'raw'],
    async run(application, { touched }) {
      const { result, nodes } = await touched(() =>
        application.raw(`${mark} select relname::text as relname from pg_class where relname = 'tickets'`),
      )
      expect(result).toEqual([{ relname: 'tickets' }])
      expect(nodes).toHaveLength(1)
    },
  },
  {
    name: 'an error of one statement leaves those beside it alone',
    tags: ['error'],
    async run(application, { data }) {
      const settled = await Promise.allSettled(
        Array.from({ length: 60 }, (_, index) => {
          const { id, orders } = data.tenants[index % 4] ?? data.a
          if (index % 3 === 0)
            return application.raw('select 1 / (tenant_id - $1::int) from orders where tenant_id = $1', [id])
          if (index % 3 === 1) return application.changeStatusOfAll('closed')
          return application.orderOfTenant(id, orders[0].id)
        }),
      )
      for (const [index, one] of settled.entries()) {
        expect(one.status).toBe(index % 3 === 2 ? 'fulfilled' : 'rejected')
        if (one.status === 'fulfilled') {
          expect(one.value).toMatchObject({ id: (data.tenants[index % 4] ?? data.a).orders[0].id })
        }
      }
      expect(await application.countOrders()).toBe(20)
    },
  },
  {
    name: 'a deadlock between two transactions ends one of them',
    tags: ['error', 'transaction'],
    async run(_application, { alikeRejected, data }) {
      await alikeRejected((one) => deadlock(one, data))
    },
  },
]

/** Rejects with the error of the transaction that PostgreSQL ended. */
async function deadlock(one: Application, { b }: Data): Promise<void> {
  const [first, second] = b.orders
  const both = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const cross = (own: bigint, others: bigint, index: number) =>
    one.transaction(async (tx) => {
      await tx.addToTotal(own, '1.00')
      both[index]?.resolve()
      await Promise.all(both.map(({ promise }) => promise))
      await tx.addToTotal(others, '1.00')
    })
  const outcomes = await Promise.allSettled([cross(first.id, second.id, 0), cross(second.id, first.id, 1)])
  const failed = outcomes.filter((outcome) => outcome.status === 'rejected')
  expect(failed).toHaveLength(1)
  throw failed[0]?.reason
}
