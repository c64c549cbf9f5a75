import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import pg from 'pg'
import { rejection, startRouted, type Routed } from './routed-fixture.ts'

// Bad input gets a clear error, nothing is lost, and no value is repeated in it.
let routed: Routed
let single: pg.Client

beforeAll(async () => {
  routed = await startRouted()
  single = new pg.Client(routed.cluster.shards[0]?.primary.url)
  await single.connect()
})

afterAll(async () => {
  await single.end()
  await routed.end()
})

const query = (text: string, values?: unknown[]) => routed.router.pool.query(text, values)

describe('text', () => {
  it.each([
    'select * form orders',
    "select 'open",
    'selec 1',
    'select * from orders where',
    "select 'ü🚀' || from orders",
  ])('fails as PostgreSQL does: %s', async (text) => {
    const ours = await rejection(query(text))
    const theirs = await rejection(single.query(text))
    expect(ours).toBeInstanceOf(pg.DatabaseError)
    expect(ours).toMatchObject({
      code: theirs.code,
      message: theirs.message,
      position: (theirs as unknown as { position: string }).position,
    })
  })

  it('refuses NUL, which would cut the text off', async () => {
    expect(await rejection(query('select 1\0; delete from orders'))).toMatchObject({ code: 'STATEMENT_NUL' })
  })

  it('takes a text of a megabyte', async () => {
    const { rows } = await query(`select length('${'x'.repeat(1_000_000)}')::int as n`)
    expect(rows).toEqual([{ n: 1_000_000 }])
  })

  it('survives ten thousand nested parentheses, a hundred times over', async () => {
    const deep = `select ${'('.repeat(10_000)}1${')'.repeat(10_000)}`
    for (let times = 0; times < 100; times += 1)
      await query(deep).catch((error: unknown) => expect(error).toBeInstanceOf(Error))
    expect((await query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })

  it('refuses several statements in one text', async () => {
    expect(await rejection(query('select 1; select 2'))).toMatchObject({ code: 'MULTI_STATEMENT' })
  })
})

describe('parameters', () => {
  it('passes on what PostgreSQL says of a wrong number of them', async () => {
    const text = 'select * from orders where tenant_id = $1'
    const ours = await rejection(query(text, [routed.tenants[0], 2]))
    const theirs = await rejection(single.query(text, [routed.tenants[0], 2]))
    expect(ours).toMatchObject({ code: theirs.code })
    expect(await rejection(query('insert into orders (tenant_id, id) values ($1, $2)', []))).toMatchObject({
      code: 'PARAMETER_COUNT',
    })
  })
})

describe('shard keys', () => {
  it('refuses a NULL, a missing and an impossible key in an INSERT', async () => {
    const text = 'insert into orders (tenant_id, id) values ($1, $2)'
    expect(await rejection(query(text, [null, 1]))).toMatchObject({ code: 'SHARD_KEY_NULL' })
    expect(await rejection(query('insert into orders (id) values (1)'))).toMatchObject({
      code: 'SHARD_KEY_MISSING',
    })
    for (const wrong of ['secret-key', 1.5, '99999999999999999999', {}, new Date(), Buffer.from('x')]) {
      const error = await rejection(query(text, [wrong, 1]))
      expect(error).toMatchObject({ code: 'SHARD_KEY_VALUE' })
      expect(error.message + JSON.stringify(error)).not.toMatch(/secret-key|99999999999999999999/)
    }
  })

  it('reads with an impossible key fail as PostgreSQL fails them', async () => {
    const text = 'select * from orders where tenant_id = $1'
    for (const wrong of ['secret', '99999999999999999999']) {
      const theirs = await rejection(single.query(text, [wrong]))
      expect(await rejection(query(text, [wrong]))).toMatchObject({ code: theirs.code })
    }
  })

  it('refuses to update one', async () => {
    const text = 'update orders set tenant_id = $1 where tenant_id = $2'
    expect(await rejection(query(text, [...routed.tenants]))).toMatchObject({ code: 'SHARD_KEY_UPDATE' })
  })

  it.each(['update orders set note = $1', 'delete from orders where note = $1'])(
    'refuses %s',
    async (text) => {
      expect(await rejection(query(text, ['secret']))).toMatchObject({ code: 'UNPROVED_WRITE' })
    },
  )
})

describe('tables', () => {
  it('looks an unknown one up once, and refuses it then', async () => {
    expect(await rejection(query('select * from nowhere'))).toMatchObject({ code: 'UNKNOWN_TABLE' })
    await routed.cluster.shards[0]?.primary.sql('create table appeared (id int)')
    expect((await query('select * from appeared')).rows).toEqual([])
  })
})

describe('transactions', () => {
  it('stay on one shard, and are aborted by a refusal', async () => {
    const client = await routed.router.pool.connect()
    try {
      const text = 'insert into orders (tenant_id, id) values ($1, $2)'
      await client.query('begin')
      await client.query(text, [routed.tenants[0], 77])
      expect(await rejection(client.query(text, [routed.tenants[1], 77]))).toMatchObject({
        code: 'TRANSACTION_SPANS_SHARDS',
      })
      const aborted = await rejection(client.query('select 1'))
      expect(aborted).toMatchObject({ code: '25P02' })
      expect((await client.query('commit')).command).toBe('ROLLBACK')
    } finally {
      client.release()
    }
    expect((await query('select id from orders where id = 77')).rows).toEqual([])
  })

  it("are aborted by a server error in PostgreSQL's own words", async () => {
    const client = await routed.router.pool.connect()
    try {
      await client.query('begin')
      expect(
        await rejection(client.query('select 1 / 0 from orders where tenant_id = 1 union all select 1 / 0')),
      ).toMatchObject({
        code: '22012',
      })
      expect(await rejection(client.query('select 1 from orders where tenant_id = 1'))).toMatchObject({
        code: '25P02',
      })
      await client.query('rollback')
    } finally {
      client.release()
    }
  })
})

it('a pool that has ended takes no more queries', async () => {
  const other = await startRouted({ shards: 1, replicas: 0 })
  await other.router.end()
  expect((await rejection(other.router.pool.query('select 1'))).message).toMatch(/end/)
  expect((await rejection(other.router.pool.connect())).message).toMatch(/end/)
  await other.end()
})
