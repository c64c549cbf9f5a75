import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { schema, startRouted, type Routed } from './routed-fixture.ts'

let routed: Routed
let plain: pg.Pool

beforeAll(async () => {
  routed = await startRouted()
  const url = routed.cluster.shards[0]?.primary.url ?? ''
  await routed.cluster.shards[0]?.primary.sql('create database one')
  plain = new pg.Pool({ connectionString: url.replace(/\/postgres$/, '/one'), max: 1 })
  await plain.query(schema)
  const country = "insert into countries values ('de', 'Germany')"
  await Promise.all([plain.query(country), routed.router.pool.query(country)])
})
afterAll(async () => {
  await plain.end()
  await routed.end()
})

interface Step {
  readonly text: string
  readonly values?: readonly unknown[]
}

const name = fc.constantFrom('a', 'b')
const id = fc.integer({ min: 1, max: 3 })

/** `T` is a tenant of one shard: a transaction that stays with it must not show that there are others. */
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(
        'begin',
        'start transaction',
        'begin isolation level repeatable read',
        'begin read write',
        'begin isolation level serializable',
      )
      .map((text) => ({ text })),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom('commit', 'rollback', 'end', 'abort', 'commit and chain', 'rollback and chain')
      .map((text) => ({ text })),
  },
  { weight: 3, arbitrary: name.map((to) => ({ text: `savepoint ${to}` })) },
  { weight: 2, arbitrary: name.map((to) => ({ text: `release ${to}` })) },
  { weight: 3, arbitrary: name.map((to) => ({ text: `rollback to ${to}` })) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(
        'set transaction isolation level repeatable read',
        'set transaction isolation level read committed',
        'set local work_mem = 4096',
        'set local statement_timeout = 60000',
        'set work_mem = 8192',
        'reset work_mem',
      )
      .map((text) => ({ text })),
  },
  {
    weight: 3,
    arbitrary: id.map((value) => ({
      text: 'insert into orders (tenant_id, id) values ($1, $2)',
      values: ['T', value],
    })),
  },
  {
    weight: 2,
    arbitrary: fc.constant({ text: 'select id from orders where tenant_id = $1 order by id', values: ['T'] }),
  },
  {
    weight: 1,
    arbitrary: fc.constant({
      text: "select current_setting('work_mem') as work_mem, current_setting('transaction_isolation') as isolation from orders where tenant_id = $1 union all select current_setting('work_mem'), current_setting('transaction_isolation')",
      values: ['T'],
    }),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(
        'select 1 as one',
        'select name from countries',
        'select 1/0',
        'selec',
        '',
        'select nothing from countries',
      )
      .map((text) => ({ text })),
  },
)

const refusals: ReadonlySet<string> = new Set(['SESSION_STATE', 'TRANSACTION_SPANS_SHARDS'])

async function run(client: pg.ClientBase, steps: readonly Step[], tenant: number): Promise<unknown[]> {
  const outcomes: unknown[] = []
  const notice = ({
    code,
    message,
    severity,
  }: {
    code?: string | undefined
    message?: string | undefined
    severity?: string | undefined
  }): void => {
    outcomes.push({ notice: message, code, severity })
  }
  client.on('notice', notice)
  for (const { text, values } of steps) {
    try {
      const { command, rowCount, rows } = await client.query(
        text,
        values?.map((value) => (value === 'T' ? tenant : value)),
      )
      outcomes.push({ text, command, rowCount, rows })
    } catch (error) {
      const { code, message, severity } = error as pg.DatabaseError
      outcomes.push({ text, code, message, severity })
    }
  }
  client.removeListener('notice', notice)
  return outcomes
}

describe('a lease that stays with one shard', () => {
  it('answers any script as one PostgreSQL does', async () => {
    const [, tenant] = routed.tenants
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 2, maxLength: 14 }),
        fc.boolean(),
        async (steps, hasContext) => {
          // Through the router: what goes around it, its replicas may not have.
          await Promise.all([
            routed.router.pool.query('delete from orders where tenant_id = $1', [tenant]),
            plain.query('delete from orders'),
          ])
          const one = await plain.connect()
          const lease = await routed.router.pool.connect()
          try {
            const expected = await run(one, steps, tenant)
            const act = (): Promise<unknown[]> => run(lease, steps, tenant)
            const found = await (hasContext ? routed.router.run({ tenant }, act) : act())
            // Without a context, a read that any shard answers may bind to the other one, which then ends in a refusal.
            const refused = hasContext
              ? -1
              : found.findIndex((one) => refusals.has((one as { code?: string }).code ?? ''))
            if (refused >= 0) {
              expect(found.slice(0, refused)).toEqual(expected.slice(0, refused))
              return
            }
            expect(found).toEqual(expected)
          } finally {
            one.release(true)
            lease.release()
          }
          const left = 'select id from orders where tenant_id = $1 order by id'
          expect((await routed.router.pool.query(left, [tenant])).rows).toEqual(
            (await plain.query(left, [tenant])).rows,
          )
        },
      ),
      { numRuns: Number(process.env['SCRIPTS'] ?? 150) },
    )
  })
})
