import { waitFor } from '@shardline/local-cluster'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { rejection, startRouted, type Routed } from './routed-fixture.ts'
import type { RoutedClient, RoutedPool } from '../src/pool-facade/routed-pool.ts'

let routed: Routed
let pool: RoutedPool
let a: number
let b: number

beforeAll(async () => {
  routed = await startRouted()
  pool = routed.router.pool
  ;[a, b] = routed.tenants
  await pool.query("insert into countries values ('de', 'Germany')")
})
afterAll(() => routed.end())
beforeEach(async () => {
  await routed.cluster.sql('truncate orders')
})

const port = "current_setting('port')::int as port"

async function leased<T>(use: (client: RoutedClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    return await use(client)
  } finally {
    client.release()
  }
}

async function count(tenant: number): Promise<number> {
  const { rows } = await pool.query('select count(*)::int as n from orders where tenant_id = $1', [tenant])
  return rows[0].n as number
}

const insert = (client: RoutedClient, tenant: number, id: number) =>
  client.query('insert into orders (tenant_id, id) values ($1, $2)', [tenant, id])

describe('a transaction', () => {
  it('belongs to the shard of its first statement, and takes nothing along to the next', async () => {
    await leased(async (client) => {
      for (const [tenant, node] of [
        [a, 's0/primary'],
        [b, 's1/primary'],
      ] as const) {
        await client.query('begin')
        expect(client.boundNode).toBeUndefined()
        await insert(client, tenant, 1)
        expect(client.boundNode).toBe(node)
        const { rows } = await client.query(`select ${port} from orders where tenant_id = $1`, [tenant])
        expect(routed.nodeAt(rows[0].port)).toBe(node)
        expect(await count(tenant)).toBe(0)
        expect((await client.query('commit')).command).toBe('COMMIT')
        expect(client.boundNode).toBeUndefined()
        expect(await count(tenant)).toBe(1)
      }
    })
  })

  it('opens with its first statement in one packet, isolation and all', async () => {
    await leased(async (client) => {
      await client.query('begin isolation level repeatable read')
      await client.query('set local statement_timeout = 4321')
      const { rows } = await client.query(
        "select current_setting('transaction_isolation') as level, current_setting('statement_timeout') as timeout from orders where tenant_id = $1 union all select current_setting('transaction_isolation'), current_setting('statement_timeout')",
        [a],
      )
      expect(rows).toEqual([{ level: 'repeatable read', timeout: '4321ms' }])
      await client.query('commit')
    })
  })

  it('shows the error of a held statement at the statement that binds', async () => {
    await leased(async (client) => {
      await client.query('begin')
      await client.query('set local work_mem = nonsense')
      expect(await rejection(insert(client, a, 1))).toMatchObject({ code: '22023' })
      expect(await rejection(insert(client, a, 1))).toMatchObject({ code: '25P02' })
      expect((await client.query('commit')).command).toBe('ROLLBACK')
    })
    expect(await count(a)).toBe(0)
  })

  it('refuses another shard, and is aborted by it as by any error', async () => {
    await leased(async (client) => {
      await client.query('begin')
      await insert(client, a, 1)
      expect(await rejection(insert(client, b, 1))).toMatchObject({ code: 'TRANSACTION_SPANS_SHARDS' })
      expect(await rejection(insert(client, a, 2))).toMatchObject({ code: '25P02' })
      expect(client.getTransactionStatus()).toBe('E')
      expect((await client.query('commit')).command).toBe('ROLLBACK')
      expect(client.getTransactionStatus()).toBe('I')
    })
    expect(await count(a)).toBe(0)
  })

  it('is aborted by a refusal up to its end, and chained without its characteristics, as after any error', async () => {
    await leased(async (client) => {
      await client.query('begin isolation level repeatable read')
      await insert(client, a, 1)
      await rejection(insert(client, b, 1))
      expect(await rejection(client.query('savepoint s'))).toMatchObject({ code: '25P02' })
      expect((await client.query('commit and chain')).command).toBe('ROLLBACK')
      expect(client.getTransactionStatus()).toBe('T')
      const level =
        "select current_setting('transaction_isolation') as level from orders where tenant_id = $1 union all select current_setting('transaction_isolation')"
      expect((await client.query(level, [b])).rows).toEqual([{ level: 'read committed' }])
      await client.query('commit')
    })
    expect(await count(a)).toBe(0)
  })

  it('refuses settings that would change what its statements mean, bound or not', async () => {
    await leased(async (client) => {
      await client.query('begin')
      expect(await rejection(client.query('set local search_path = x'))).toMatchObject({
        code: 'SESSION_STATE',
      })
      await client.query('rollback')
      await client.query('begin')
      await insert(client, a, 1)
      expect(await rejection(client.query('set local search_path = x'))).toMatchObject({
        code: 'SESSION_STATE',
      })
      expect(await rejection(insert(client, a, 2))).toMatchObject({ code: '25P02' })
      await client.query('rollback')
    })
  })

  it('takes settings of its own by set_config on whatever shard it is, and nothing else with them', async () => {
    await leased(async (client) => {
      for (const tenant of [a, b]) {
        await client.query('begin')
        await insert(client, tenant, 1)
        await client.query("select set_config('app.tenant', $1, true)", [tenant])
        const { rows } = await client.query("select current_setting('app.tenant') as tenant")
        expect(rows).toEqual([{ tenant: String(tenant) }])
        await client.query('rollback')
      }
      for (const call of ["pg_notify('news', '')", 'pg_advisory_xact_lock(1)', 'random() + txid_current()']) {
        await client.query('begin')
        await insert(client, b, 1)
        const refusal = await rejection(client.query(`select set_config('app.tenant', '1', true), ${call}`))
        expect(refusal).toMatchObject({ code: 'TRANSACTION_SPANS_SHARDS' })
        await client.query('rollback')
      }
    })
  })

  it('recovers from a refusal at a savepoint', async () => {
    await leased(async (client) => {
      await client.query('begin')
      await insert(client, a, 1)
      await client.query('savepoint s')
      await insert(client, a, 2)
      await rejection(insert(client, b, 1))
      await client.query('rollback to s')
      await insert(client, a, 3)
      expect((await client.query('commit')).command).toBe('COMMIT')
    })
    expect((await pool.query('select id from orders where tenant_id = $1 order by id', [a])).rows).toEqual([
      { id: '1' },
      { id: '3' },
    ])
  })

  it('is aborted by a refusal before it has a server, too', async () => {
    await leased(async (client) => {
      await client.query('begin')
      expect(await rejection(client.query('update orders set note = 1'))).toMatchObject({
        code: 'UNPROVED_WRITE',
      })
      expect(await rejection(insert(client, a, 1))).toMatchObject({ code: '25P02' })
      expect(await rejection(client.query('select 1'))).toMatchObject({ code: '25P02' })
      expect((await client.query('commit')).command).toBe('ROLLBACK')
      await client.query('begin')
      await client.query('savepoint s')
      await rejection(client.query('update orders set note = 1'))
      await client.query('rollback to savepoint s')
      await insert(client, b, 1)
      expect((await client.query('commit')).command).toBe('COMMIT')
    })
    expect([await count(a), await count(b)]).toEqual([0, 1])
  })

  it('replays savepoints, so that they can be rolled back to afterwards', async () => {
    await leased(async (client) => {
      await client.query('begin')
      await client.query('savepoint one')
      await client.query('savepoint two')
      await client.query('release two')
      await insert(client, a, 1)
      await client.query('rollback to one')
      expect(await rejection(client.query('rollback to two'))).toMatchObject({ code: '3B001' })
      await client.query('rollback')
    })
    expect(await count(a)).toBe(0)
  })

  it('may read elsewhere before it has a server: constants, reference tables, several shards', async () => {
    await insertDirectly()
    await leased(async (client) => {
      await client.query('begin')
      expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
      expect((await client.query('select name from countries')).rows).toEqual([{ name: 'Germany' }])
      expect((await client.query('select id from orders')).rowCount).toBe(2)
      expect(client.boundNode).toBeUndefined()
      await insert(client, b, 10)
      expect(client.boundNode).toBe('s1/primary')
      expect((await client.query('select name from countries')).rows).toEqual([{ name: 'Germany' }])
      expect(client.boundNode).toBe('s1/primary')
      expect(await rejection(client.query('select id from orders'))).toMatchObject({
        code: 'TRANSACTION_SPANS_SHARDS',
      })
      await client.query('rollback')
      await client.query('begin isolation level repeatable read')
      await client.query('select name from countries')
      expect(client.boundNode).toBeDefined()
      await client.query('rollback')
    })
  })

  it('does not write to several shards', async () => {
    await leased(async (client) => {
      await client.query('begin')
      expect(await rejection(client.query("insert into countries values ('fr', 'France')"))).toMatchObject({
        code: 'TRANSACTION_SPANS_SHARDS',
      })
      await client.query('rollback')
      await client.query("insert into countries values ('fr', 'France')")
    })
    for (const { primary } of routed.cluster.shards)
      expect(await primary.sql('select 1 from countries')).toHaveLength(2)
  })
})

async function insertDirectly(): Promise<void> {
  await pool.query('insert into orders (tenant_id, id) values ($1, 1), ($2, 1)', [a, b])
}

describe('READ ONLY transactions', () => {
  it("run on a replica that has this process's writes", async () => {
    await insertDirectly()
    await waitFor('the replica to have caught up', async () => {
      const { rows } = await pool.query(`select ${port} from orders where tenant_id = $1`, [b])
      return routed.nodeAt(rows[0].port) === 's1/replica0'
    })
    await leased(async (client) => {
      await client.query('begin read only')
      const { rows } = await client.query(`select id, ${port} from orders where tenant_id = $1`, [b])
      expect(routed.nodeAt(rows[0].port)).toBe('s1/replica0')
      expect(await rejection(insert(client, b, 2))).toMatchObject({ code: '25006' })
      await client.query('rollback')
      await client.query('begin')
      await client.query('set transaction read only')
      await client.query('select id from orders where tenant_id = $1', [b])
      expect(client.boundNode).toBe('s1/replica0')
      await client.query('commit')
      await client.query('begin isolation level serializable read only deferrable')
      await client.query('select id from orders where tenant_id = $1', [b])
      expect(client.boundNode).toBe('s1/primary')
      await client.query('commit')
      await client.query('begin read only')
      await client.query('select id from orders where tenant_id = $1 for update', [b]).catch(() => undefined)
      expect(client.boundNode).toBe('s1/primary')
      await client.query('rollback')
    })
  })
})

/** What PostgreSQL itself says, statement by statement: the same script on one server and on an unbound lease. */
describe('transaction commands without a server', () => {
  const scripts: readonly (readonly string[])[] = [
    ['commit'],
    ['rollback'],
    ['begin', 'begin', 'commit'],
    ['start transaction', 'commit'],
    ['begin', 'rollback'],
    ['begin', 'savepoint a', 'release a', 'commit'],
    ['begin', 'savepoint a', 'rollback to a', 'release savepoint a', 'release savepoint a', 'commit'],
    ['begin', 'rollback to nowhere', 'savepoint b', 'commit'],
    ['begin', 'release nowhere', 'rollback to nowhere', 'rollback'],
    ['savepoint a'],
    ['release a'],
    ['rollback to a'],
    ['set transaction isolation level serializable'],
    ['set local work_mem = 100'],
    ['commit and chain'],
    ['rollback and chain'],
    ['begin', 'commit and chain', 'rollback and chain', 'commit', 'commit'],
    [
      'begin',
      'savepoint a',
      'savepoint a',
      'rollback to a',
      'release a',
      'release a',
      'release a',
      'commit and chain',
      'rollback',
    ],
    ['begin', 'set local work_mem = 100', 'set transaction read only', 'set work_mem = 200', 'commit'],
    ['begin isolation level serializable', 'set transaction isolation level read committed', 'commit'],
    ['begin', 'savepoint "A"', 'rollback to a', 'rollback to "A"', 'commit'],
    ['begin', 'selec', 'select 1', 'selec', '', 'commit'],
    ['begin', 'select 1/0', 'select 1', 'begin', 'commit and chain', 'select 1 as x', 'rollback'],
    ['set application_name = q', 'reset application_name', 'discard all', 'unlisten *', 'reset all'],
  ]

  const script = async (client: pg.ClientBase, texts: readonly string[]): Promise<unknown[]> => {
    const outcomes: unknown[] = []
    const notice = (message: {
      code?: string | undefined
      message?: string | undefined
      severity?: string | undefined
    }): void => {
      outcomes.push({ notice: message.message, code: message.code, severity: message.severity })
    }
    client.on('notice', notice)
    for (const text of texts) {
      try {
        const { command, rowCount, rows, fields } = await client.query(text)
        outcomes.push({ text, command, rowCount, rows, fields: fields.length })
      } catch (error) {
        const { code, message, severity } = error as pg.DatabaseError
        outcomes.push({ text, code, message, severity, isDatabaseError: error instanceof pg.DatabaseError })
      }
    }
    client.removeListener('notice', notice)
    return outcomes
  }

  it.each(scripts.map((texts) => [texts.join('; '), texts] as const))('%s', async (_name, texts) => {
    const plain = new pg.Client(routed.cluster.shards[0]?.primary.url)
    await plain.connect()
    try {
      const expected = await script(plain, texts)
      expect(await leased((client) => script(client, texts))).toEqual(expected)
    } finally {
      await plain.end()
    }
  })
})

describe('what a lease leaves behind', () => {
  it('is no open transaction', async () => {
    const client = await pool.connect()
    await client.query('begin')
    await insert(client, a, 1)
    client.release()
    await waitFor('the server to roll back', async () => {
      const rows = await routed.cluster.shards[0]?.primary.sql(
        "select 1 from pg_stat_activity where state like 'idle in transaction%'",
      )
      return rows?.length === 0
    })
    expect(await count(a)).toBe(0)
  })

  it('is nothing after COMMIT AND CHAIN either', async () => {
    await leased(async (client) => {
      await client.query('begin isolation level repeatable read')
      await insert(client, a, 1)
      await client.query('commit and chain')
      expect(client.getTransactionStatus()).toBe('T')
      expect(await count(a)).toBe(1)
      await insert(client, a, 2)
      expect(await rejection(insert(client, b, 2))).toMatchObject({ code: 'TRANSACTION_SPANS_SHARDS' })
      await client.query('rollback and chain')
      const { rows } = await client.query(
        "select current_setting('transaction_isolation') as level from orders where tenant_id = $1",
        [a],
      )
      expect(rows).toEqual([{ level: 'read committed' }])
      await client.query('commit')
    })
    expect(await count(a)).toBe(1)
  })
})

describe('a context', () => {
  it('is that of the statement, also when it waits for its turn behind others', async () => {
    await leased(async (client) => {
      const outcomes = await Promise.all(
        [a, b, a, b].map((tenant, index) =>
          routed.router.run({ tenant }, () =>
            client
              .query('select $1::int as own from orders where tenant_id = $1', [index < 2 ? tenant : a])
              .then(
                () => 'answered',
                (error: { readonly code: string }) => error.code,
              ),
          ),
        ),
      )
      expect(outcomes).toEqual(['answered', 'answered', 'answered', 'TENANT_CONTRADICTED'])
    })
  })

  it('binds what the statement alone does not place', async () => {
    await routed.router.run({ tenant: b }, () =>
      leased(async (client) => {
        await client.query('begin')
        await client.query('select now()')
        expect(client.boundNode).toBe('s1/primary')
        await insert(client, b, 1)
        expect(await rejection(insert(client, a, 1))).toMatchObject({
          code: expect.stringMatching(/TENANT_CONTRADICTED|CONTEXT_CONFLICT/),
        })
        await client.query('rollback')
      }),
    )
  })
})
