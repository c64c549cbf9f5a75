import pg from 'pg'
import { startCluster } from '@shardline/local-cluster'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { endPools, openPool, rejection } from './node-pool-fixture.ts'
import type { Cluster, PgNode } from '@shardline/local-cluster'
import type { Connection } from '../src/pool/connection.ts'

let cluster: Cluster
let primary: PgNode

beforeAll(async () => {
  cluster = await startCluster()
  const [shard] = cluster.shards
  if (shard === undefined) throw new Error('no shard')
  primary = shard.primary
})
afterEach(endPools)
afterAll(() => cluster.stop())

/** Names are given process-wide on the second use, so every test needs texts of its own. */
let texts = 0
const freshText = () => `select $1::int + ${++texts} as a`

async function prepared(connection: Connection): Promise<{ name: string; statement: string }[]> {
  const result = await connection.query({
    text: 'select name, statement from pg_prepared_statements order by prepare_time, name',
    // Extended, as everything here: a simple query would not flush pending closes any differently.
    queryMode: 'extended',
  })
  return result.rows as { name: string; statement: string }[]
}

async function usedTwice(connection: Connection, text: string): Promise<void> {
  for (let use = 0; use < 2; use++) await connection.query({ text, values: [use], mayPrepare: true })
}

describe('automatic prepared statements', () => {
  it('prepare a text on its second use, once per connection', async () => {
    const pool = openPool(primary.url)
    const connection = await pool.lease()
    const text = freshText()
    const query = { text, values: [1], mayPrepare: true }
    await connection.query(query)
    expect(await prepared(connection)).toEqual([])
    for (let use = 0; use < 5; use++) await connection.query(query)
    const other = await pool.lease()
    await other.query(query)
    const [mine] = await prepared(connection)
    const [others] = await prepared(other)
    expect(mine?.statement).toBe(text)
    expect(mine?.name).toMatch(/^shardline_[0-9a-f]{12}_[0-9a-z]+$/)
    expect(others?.name).toBe(mine?.name)
    expect(await prepared(connection)).toHaveLength(1)
    pool.release(connection)
    pool.release(other)
  })

  it('are made anew after DDL: the types of their parameters may have changed', async () => {
    const pool = openPool(primary.url)
    const [connection, other] = [await pool.lease(), await pool.lease()]
    const insert = {
      text: 'insert into moments values ($1)',
      values: ['2022-01-01 00:00:00-02'],
      mayPrepare: true,
    }
    await connection.query({ text: 'create table moments (at timestamp)' })
    for (let use = 0; use < 3; use++) for (const one of [connection, other]) await one.query(insert)
    await connection.query({ text: 'drop table moments' })
    await connection.query({ text: 'create table moments (at timestamptz)' })
    for (let use = 0; use < 3; use++) for (const one of [connection, other]) await one.query(insert)
    const { rows } = await connection.query({
      text: `select distinct at at time zone 'UTC' as at from moments`,
    })
    expect(rows).toHaveLength(1)
    expect(rows[0]?.at).toEqual(new Date(2022, 0, 1, 2))
    await connection.query({ text: 'drop table moments' })
    pool.release(connection)
    pool.release(other)
  })

  it('leave alone what is not marked, named by the application, or too long', async () => {
    const pool = openPool(primary.url)
    const connection = await pool.lease()
    const long = `${freshText()} /* ${'x'.repeat(17_000)} */`
    for (let use = 0; use < 3; use++) {
      await connection.query({ text: freshText(), values: [1] })
      await connection.query({ text: long, values: [1], mayPrepare: true })
      await connection.query({ text: 'select 1', mayPrepare: true, name: 'mine' })
    }
    expect((await prepared(connection)).map(({ name }) => name)).toEqual(['mine'])
    pool.release(connection)
  })

  it('can be switched off', async () => {
    const pool = openPool(primary.url, { prepare: false })
    const connection = await pool.lease()
    const text = freshText()
    await usedTwice(connection, text)
    await usedTwice(connection, text)
    expect(await prepared(connection)).toEqual([])
    pool.release(connection)
  })

  it('stay within their bound on the server; the longest unused goes first, in no packet of its own', async () => {
    const pool = openPool(primary.url, { maxPrepared: 3 })
    const connection = await pool.lease()
    const [a, b, c, d] = Array.from({ length: 4 }, freshText) as [string, string, string, string]
    for (const text of [a, b, c]) await usedTwice(connection, text)
    await connection.query({ text: a, values: [1], mayPrepare: true })
    let packets = 0
    const { stream } = connection.client.connection
    const write = stream.write.bind(stream)
    stream.write = ((...input: Parameters<typeof write>) => {
      // Sync: one per round trip.
      if ((input[0] as Buffer)[0] === 0x53) packets++
      return write(...input)
    }) as typeof stream.write
    await usedTwice(connection, d)
    expect(packets).toBe(2)
    const statements = (await prepared(connection)).map(({ statement }) => statement)
    expect(statements).toEqual([a, c, d])
    expect(connection.preparedCount).toBe(3)
    // The evicted one comes back under its old name.
    expect((await connection.query({ text: b, values: [0], mayPrepare: true })).rowCount).toBe(1)
    expect(await prepared(connection)).toHaveLength(3)
    pool.release(connection)
  })

  it('hold 2,000 texts within the bound', async () => {
    const pool = openPool(primary.url, { maxPrepared: 16 })
    const connection = await pool.lease()
    const many = Array.from({ length: 2_000 }, freshText)
    for (const text of many) await usedTwice(connection, text)
    expect(await prepared(connection)).toHaveLength(16)
    const { parsedStatements } = connection.client.connection as unknown as { parsedStatements: object }
    expect(Object.keys(parsedStatements)).toHaveLength(16)
    pool.release(connection)
  })

  it('return what an unprepared statement returns, also when text and types repeat', async () => {
    const pool = openPool(primary.url)
    const text = `select $1::text as a, $2::jsonb as b, array[$3::int] as c`
    const values = ['ä', JSON.stringify({ x: 1 }), 3]
    const plain = await pool.execute({ text, values })
    for (let use = 0; use < 3; use++) {
      const result = await pool.execute({ text, values, mayPrepare: true })
      expect(result.rows).toEqual(plain.rows)
      expect(result.fields).toEqual(plain.fields)
    }
  })

  it('report errors of a first Parse and work once the cause is gone', async () => {
    const pool = openPool(primary.url, { max: 1 })
    const query = { text: `select a from later_${++texts}`, mayPrepare: true }
    for (let use = 0; use < 3; use++) expect((await rejection(pool.execute(query))).code).toBe('42P01')
    await primary.sql(`create table later_${texts} as select 7 as a`)
    expect((await pool.execute(query)).rows).toEqual([{ a: 7 }])
    expect((await pool.execute(query)).rows).toEqual([{ a: 7 }])
  })
})

describe('stale prepared statements', () => {
  it('are parsed again when the result type has changed, without the caller noticing', async () => {
    await primary.sql('create table shapes as select 1 as a')
    const pool = openPool(primary.url, { max: 1 })
    const query = { text: 'select * from shapes', mayPrepare: true }
    for (let use = 0; use < 3; use++) expect((await pool.execute(query)).rows).toEqual([{ a: 1 }])
    await primary.sql('alter table shapes add column b int default 2')
    expect((await pool.execute(query)).rows).toEqual([{ a: 1, b: 2 }])
    expect((await pool.execute(query)).rows).toEqual([{ a: 1, b: 2 }])
    expect(pool.counters.healed).toBe(1)
  })

  it('fail as PostgreSQL says inside a transaction, and work in the next one', async () => {
    await primary.sql('create table forms as select 1 as a')
    const pool = openPool(primary.url, { max: 1 })
    const query = { text: 'select * from forms', mayPrepare: true }
    for (let use = 0; use < 3; use++) await pool.execute(query)
    await primary.sql('alter table forms add column b int default 2')
    const connection = await pool.lease()
    await connection.query({ text: 'begin' })
    const error = await rejection(connection.query(query))
    expect(error).toMatchObject({ code: '0A000', routine: 'RevalidateCachedQuery' })
    expect(connection.transactionStatus).toBe('E')
    expect((await rejection(connection.query(query))).code).toBe('25P02')
    await connection.query({ text: 'rollback' })
    await connection.query({ text: 'begin' })
    expect((await connection.query(query)).rows).toEqual([{ a: 1, b: 2 }])
    await connection.query({ text: 'commit' })
    pool.release(connection)
    expect(pool.counters.healed).toBe(0)
  })

  it('are parsed again when the server has lost them', async () => {
    const pool = openPool(primary.url, { max: 1 })
    const text = freshText()
    const query = { text, values: [1], mayPrepare: true }
    for (let use = 0; use < 3; use++) await pool.execute(query)
    const connection = await pool.lease()
    const [mine] = await prepared(connection)
    // A DEALLOCATE that we do not see.
    await connection.query({
      text: `do $$ begin execute 'deallocate ' || quote_ident('${mine?.name}'); end $$`,
    })
    pool.release(connection)
    expect((await pool.execute(query)).rowCount).toBe(1)
    expect(pool.counters.healed).toBe(1)
  })

  it.each(['discard all', 'deallocate all', 'discard plans'])(
    'survive %s, also inside a transaction',
    async (command) => {
      const pool = openPool(primary.url, { max: 1 })
      const connection = await pool.lease()
      const text = freshText()
      const query = { text, values: [1], mayPrepare: true }
      for (let use = 0; use < 3; use++) await connection.query(query)
      await connection.query({ text: command })
      await connection.query({ text: 'begin' })
      expect((await connection.query(query)).rowCount).toBe(1)
      expect((await connection.query(query)).rowCount).toBe(1)
      await connection.query({ text: 'commit' })
      expect(await prepared(connection)).toHaveLength(1)
      expect(pool.counters.healed).toBe(0)
      pool.release(connection)
    },
  )

  it('are not told from the same SQLSTATE of another origin', async () => {
    const pool = openPool(primary.url, { max: 1 })
    await primary.sql(`create or replace function refuse() returns int language plpgsql as
      $$ begin raise exception 'mine' using errcode = '0A000'; end $$`)
    const query = { text: 'select refuse()', mayPrepare: true }
    for (let use = 0; use < 3; use++) expect((await rejection(pool.execute(query))).message).toBe('mine')
    expect(pool.counters.healed).toBe(0)
  })

  it('are not told from features that are missing', async () => {
    const pool = openPool(primary.url, { max: 1 })
    const query = { text: 'select count(*) from pg_class for update', mayPrepare: true }
    for (let use = 0; use < 3; use++) expect((await rejection(pool.execute(query))).code).toBe('0A000')
    expect(pool.counters.healed).toBe(0)
  })

  it('are tried again once, not for ever', async () => {
    const pool = openPool(primary.url, { max: 1 })
    const query = { text: 'execute no_such_statement', mayPrepare: true }
    for (let use = 0; use < 2; use++) expect((await rejection(pool.execute(query))).code).toBe('26000')
    expect(pool.counters.healed).toBe(1)
  })

  it('never run a write twice', async () => {
    await primary.sql('create table tally (n int)')
    const pool = openPool(primary.url, { max: 1 })
    const query = { text: 'insert into tally values ($1) returning *', values: [1], mayPrepare: true }
    for (let use = 0; use < 3; use++) await pool.execute(query)
    await primary.sql('alter table tally add column extra text')
    expect((await pool.execute(query)).rows).toEqual([{ n: 1, extra: null }])
    expect(pool.counters.healed).toBe(1)
    expect(await primary.sql('select count(*)::int as n from tally')).toEqual([{ n: 4 }])
  })
})

describe('what is assumed of pg', () => {
  it('parsedStatements holds what the server has acknowledged, by name', async () => {
    const client = new pg.Client(primary.url)
    await client.connect()
    const { parsedStatements } = client.connection as unknown as { parsedStatements: Record<string, string> }
    await client.query({ name: 'n', text: 'select 1' })
    expect({ ...parsedStatements }).toEqual({ n: 'select 1' })
    delete parsedStatements['n']
    await expect(client.query({ name: 'n', text: 'select 1' })).rejects.toMatchObject({ code: '42P05' })
    await client.end()
  })
})
