import { waitFor } from '@shardline/local-cluster'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defineCluster } from '../src/config/define-cluster.ts'
import { createRouter } from '../src/router.ts'
import { rejection, schema, startRouted, tables, type Routed } from './routed-fixture.ts'
import type { RoutedPool } from '../src/pool-facade/routed-pool.ts'

let routed: Routed
let pool: RoutedPool
/** The same rows in one database on the first shard's server. */
let plain: pg.Pool

const rows = 300
/** What the plain database and the cluster said to the INSERT of all rows. */
let inserted: [pg.QueryResult, pg.QueryResult]

beforeAll(async () => {
  routed = await startRouted()
  pool = routed.router.pool
  const url = routed.cluster.shards[0]?.primary.url ?? ''
  await routed.cluster.shards[0]?.primary.sql('create database one')
  plain = new pg.Pool({ connectionString: url.replace(/\/postgres$/, '/one') })
  await plain.query(schema)
  const tenants = [...routed.tenantsOf(0), ...routed.tenantsOf(1)]
  const values: unknown[] = []
  const lists: string[] = []
  for (let id = 0; id < rows; id++) {
    values.push(
      tenants[id % tenants.length],
      id,
      id % 7 === 0 ? null : `note ${id % 13}`,
      `${id % 17}.${id % 3}0`,
    )
    lists.push(`($${id * 4 + 1}, $${id * 4 + 2}, $${id * 4 + 3}, $${id * 4 + 4})`)
  }
  const text = `insert into orders (tenant_id, id, note, amount) values ${lists.join(', ')} returning id`
  inserted = await Promise.all([plain.query(text, values), pool.query(text, values)])
})
afterAll(async () => {
  await plain.end()
  await routed.end()
})

/** Table OIDs are the servers' own. */
function withoutTables(result: pg.QueryResult): unknown {
  const { command, rowCount, oid, fields, rows: found } = result
  return { command, rowCount, oid, rows: found, fields: fields.map((field) => ({ ...field, tableID: 0 })) }
}

describe('an INSERT of rows for several shards', () => {
  it('returns them in the order of VALUES, from whichever shard', () => {
    const [expected, split] = inserted
    expect(split.rows).toEqual(expected.rows)
    expect([split.command, split.rowCount, split.oid]).toEqual(['INSERT', rows, 0])
  })
})

describe('reads over several shards', () => {
  const statements: readonly (readonly [string, readonly unknown[]])[] = [
    ['select * from orders order by id', []],
    ['select id, note from orders order by note, id desc', []],
    ['select id from orders order by note nulls first, amount desc, id limit 20 offset 5', []],
    ['select id from orders where amount > $1 order by id limit $2 offset $3', [3, 10, 2]],
    ['select count(*), sum(amount), avg(amount), min(note), max(id) from orders', []],
    ['select note, count(*)::int as n, avg(id) from orders group by note order by n desc, note', []],
    ['select note, sum(amount) from orders group by note having count(*) > 20 order by note', []],
    ['select distinct note from orders order by note', []],
    [
      'select o.id, i.sku from orders o join items i on i.tenant_id = o.tenant_id and i.order_id = o.id order by 1',
      [],
    ],
    ['select tenant_id, count(*) from orders group by tenant_id order by tenant_id', []],
    ['select id from orders where false order by id', []],
    ['select sum(amount) from orders where id < 0', []],
  ]

  it.each(statements)('%s', async (text, values) => {
    const expected = withoutTables(await plain.query(text, [...values]))
    expect(withoutTables(await pool.query(text, [...values]))).toEqual(expected)
    const arrays = { text, values: [...values], rowMode: 'array' as const }
    expect(withoutTables(await pool.query(arrays))).toEqual(withoutTables(await plain.query(arrays)))
  })

  it('comes in batches, the same rows in the same order', async () => {
    const text = 'select id, note, amount from orders order by note desc, id'
    const streamed: unknown[] = []
    for await (const batch of pool.stream(text, [], { batchSize: 7 })) streamed.push(...batch)
    expect(streamed).toEqual((await plain.query(text)).rows)
  })

  it("parses with the caller's parsers, after the merge", async () => {
    const types = { getTypeParser: ((oid: number) => (value: string) => `${oid}:${value}`) as never }
    const query = { text: 'select id, amount from orders order by amount, id limit 3', types }
    expect((await pool.query(query)).rows).toEqual((await plain.query(query)).rows)
  })

  it('runs under the name the application gave, and another text under none', async () => {
    for (const limit of [3, 5]) {
      const query = {
        name: 'top',
        text: 'select id from orders order by amount, id limit $1',
        values: [limit],
      }
      expect((await pool.query(query)).rows).toEqual((await plain.query(query)).rows)
    }
  })

  it('goes to replicas once they have what was written', async () => {
    const text = "select current_setting('port') as port from orders"
    await waitFor('both replicas to be asked', async () => {
      const { rows: found } = await pool.query(text)
      const nodes = new Set(found.map(({ port }: { port: string }) => routed.nodeAt(port)))
      return nodes.has('s0/replica0') && nodes.has('s1/replica0') && nodes.size === 2
    })
    expect((await pool.query(text)).rowCount).toBe(rows)
  })

  it('fails as PostgreSQL does, says where without changing how it prints, and stops the others', async () => {
    const [, b] = routed.tenants
    const error = await rejection(
      pool.query(
        'select id from orders where case when tenant_id = $1 then 1 / (tenant_id - $1) = 0 else pg_sleep(20) is null end',
        [b],
      ),
    )
    expect(error).toBeInstanceOf(pg.DatabaseError)
    expect(error).toMatchObject({ code: '22012' })
    expect((error as { shard?: string }).shard).toBe('s1')
    expect(Object.keys(error)).not.toContain('shard')
    await waitFor('no shard to run it any more', async () => {
      for (const node of routed.cluster.nodes) {
        const running = await node.sql(
          "select 1 from pg_stat_activity where state = 'active' and query like '%pg_sleep(20)%' and pid <> pg_backend_pid()",
        )
        if (running.length > 0) return false
      }
      return true
    })
  })

  it('counts parameters as PostgreSQL does, also where the text was rewritten', async () => {
    const text = 'select id from orders order by id limit $1 offset $2'
    expect(await rejection(pool.query(text, [1]))).toMatchObject({ code: '08P01' })
    expect(await rejection(pool.query(text, [1, 2, 3]))).toMatchObject({ code: '08P01' })
  })

  it('stops at a signal and at a deadline', async () => {
    const text = 'select id from orders where pg_sleep(20) is null'
    const controller = new AbortController()
    const aborted = rejection(pool.query({ text, signal: controller.signal } as never))
    setTimeout(() => controller.abort(), 50)
    expect(await aborted).toMatchObject({ name: 'AbortError' })
    expect(await rejection(pool.query({ text, query_timeout: 50 } as never))).toMatchObject({
      code: 'QUERY_TIMEOUT',
    })
  })

  it('never waits for a connection that the lease itself holds', async () => {
    const config = { shards: routed.cluster.urls, tables, pool: { max: 1, acquireTimeoutMs: 2_000 } }
    const router = await createRouter(defineCluster(config), { pg })
    const client = await router.pool.connect()
    // With replicas that stay behind, reads need the primaries.
    const replicas = routed.cluster.shards.flatMap((shard) => shard.replicas)
    await Promise.all(replicas.map((replica) => replica.pauseReplay()))
    for (const tenant of routed.tenants) {
      await client.query('update orders set note = note where tenant_id = $1', [tenant])
      expect((await client.query('select id from orders')).rowCount).toBe(rows)
      let count = 0
      for await (const batch of client.stream('select id from orders')) count += batch.length
      expect(count).toBe(rows)
    }
    client.release()
    await Promise.all(replicas.map((replica) => replica.resumeReplay()))
    await router.end()
  })

  it('refuses what cannot be merged', async () => {
    expect(
      await rejection(pool.query({ text: 'select id from orders', binary: true } as never)),
    ).toMatchObject({ code: 'UNSUPPORTED_OPTION' })
    expect(await rejection(pool.query('select id from orders for update'))).toMatchObject({
      code: expect.stringMatching(/UN/),
    })
    expect(await rejection(pool.query('select 1; select 2'))).toMatchObject({ code: 'MULTI_STATEMENT' })
  })

  it('runs several statements in one text on a shard that the caller names', async () => {
    const answers = await routed.router.eachShard((shard) =>
      shard.pool.query('select 1 as one; select 2 as two'),
    )
    const results = [...answers.values()] as unknown as pg.QueryResult[][]
    expect(results.map((each) => each.map(({ rows }) => rows))).toEqual([
      [[{ one: 1 }], [{ two: 2 }]],
      [[{ one: 1 }], [{ two: 2 }]],
    ])
  })
})

describe('writes over several shards', () => {
  it('add up', async () => {
    const [a, b] = routed.tenants
    const text = 'update orders set note = $3 where tenant_id in ($1, $2) returning id'
    const [expected, found] = [await plain.query(text, [a, b, 'new']), await pool.query(text, [a, b, 'new'])]
    expect(found.rowCount).toBe(expected.rowCount)
    expect(found.command).toBe('UPDATE')
    const ids = (result: pg.QueryResult): number[] =>
      result.rows.map(({ id }) => Number(id)).toSorted((x, y) => x - y)
    expect(ids(found)).toEqual(ids(expected))
    const gone = 'delete from orders where tenant_id = any($1)'
    expect((await pool.query(gone, [[a, b]])).rowCount).toBe((await plain.query(gone, [[a, b]])).rowCount)
  })
})
