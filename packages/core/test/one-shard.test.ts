import { startCluster, waitFor, type Cluster } from '@shardline/local-cluster'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defineCluster } from '../src/config/define-cluster.ts'
import { createRouter, type Router } from '../src/router.ts'
import { rejection } from './routed-fixture.ts'
import type { RoutedPool } from '../src/pool-facade/routed-pool.ts'

let cluster: Cluster
let router: Router
let pool: RoutedPool

beforeAll(async () => {
  cluster = await startCluster({ replicas: 1 })
  await cluster.sql('create table notes (id int primary key, note text); create sequence ids')
  await cluster.waitForReplay()
  router = await createRouter(
    defineCluster({ shards: cluster.urls, pool: { max: 1, acquireTimeoutMs: 2_000 } }),
    { pg },
  )
  pool = router.pool
})
afterAll(async () => {
  await router.end()
  await cluster.stop()
})

const port = "current_setting('port')::int as port"
const replicaPort = (): number => cluster.shards[0]?.replicas[0]?.port ?? 0

describe('one shard with a replica', () => {
  it('runs any statement that PostgreSQL runs, without a table of the configuration', async () => {
    const results = (await pool.query(
      "insert into notes values (1, 'a'); select count(*)::int as n from notes",
    )) as unknown as pg.QueryResult[]
    expect(results.map(({ command, rows }) => [command, rows])).toEqual([
      ['INSERT', []],
      ['SELECT', [{ n: 1 }]],
    ])
    expect(await rejection(pool.query('select 1 from ('))).toMatchObject({ code: '42601', position: '16' })
    await pool.query("do $$ begin insert into notes values (2, 'b'); end $$")
    await pool.query('create table more as select * from notes')
    expect((await pool.query('select * from more order by id')).rowCount).toBe(2)
    await pool.query('drop table more')
    expect(await rejection(pool.query('select * from more'))).toMatchObject({ code: '42P01' })
  })

  it('reads on the replica what it has, and what this process wrote in any case', async () => {
    for (let id = 10; id < 40; id++) {
      await pool.query('insert into notes values ($1, $2)', [id, 'x'])
      expect((await pool.query('select id from notes where id = $1', [id])).rowCount).toBe(1)
    }
    await waitFor('reads to go to the replica', async () => {
      const { rows } = await pool.query(`select ${port} from notes limit 1`)
      return (rows[0] as { port: number }).port === replicaPort()
    })
  })

  it('reads what a transaction has committed, however late the replica is', async () => {
    const replica = cluster.shards[0]?.replicas[0]
    await replica?.pauseReplay()
    try {
      const client = await pool.connect()
      await client.query('begin')
      await client.query('insert into notes values (50)')
      await client.query('commit')
      client.release()
      expect((await pool.query('select id from notes where id = 50')).rowCount).toBe(1)
    } finally {
      await replica?.resumeReplay()
    }
  })

  it('never waits for itself, with one connection to a node', async () => {
    const client = await pool.connect()
    for (let id = 100; id < 110; id++) {
      await client.query('insert into notes values ($1)', [id])
      expect((await client.query('select id from notes where id = $1', [id])).rowCount).toBe(1)
      for await (const batch of client.stream('select id from notes where id = $1', [id]))
        expect(batch).toHaveLength(1)
    }
    client.release()
  })

  it('ties a lease to what it has left on its server', async () => {
    const client = await pool.connect()
    await client.query('create temporary table own (a int)')
    await client.query('insert into own values (1)')
    expect((await client.query('select * from own')).rows).toEqual([{ a: 1 }])
    expect((await client.query(`select ${port} from notes limit 1`)).rows).not.toEqual([
      { port: replicaPort() },
    ])
    client.release()
    const next = await pool.connect()
    expect(await rejection(next.query('select * from own'))).toMatchObject({ code: '42P01' })
    await next.query('begin')
    await next.query("select nextval('ids')")
    expect((await next.query("select currval('ids')::int as n")).rows).toEqual([{ n: 1 }])
    await next.query('rollback')
    next.release()
    const settings = await pool.connect()
    await settings.query('set search_path = pg_catalog')
    expect((await settings.query('show search_path')).rows).toEqual([{ search_path: 'pg_catalog' }])
    expect(await rejection(settings.query('select * from notes'))).toMatchObject({ code: '42P01' })
    settings.release()
    expect((await pool.query('select count(*) from notes')).rowCount).toBe(1)
  })

  it('gives up what runs when a lease is released with an error', async () => {
    const client = await pool.connect()
    const running = rejection(client.query("select pg_sleep(20), nextval('ids')"))
    await waitFor('it to run', async () => {
      const rows = await cluster.nodes[0]?.sql(
        "select 1 from pg_stat_activity where query like 'select pg_sleep(20)%' and state = 'active'",
      )
      return rows !== undefined && rows.length > 0
    })
    client.release(true)
    expect((await running).message).toMatch(/terminated/)
    expect((await pool.query("select nextval('ids')::int > 0 as ok")).rows).toEqual([{ ok: true }])
  })

  it('takes pg.Query objects', async () => {
    const client = await pool.connect()
    const rows = await new Promise((resolve, reject) => {
      client.query(
        new pg.Query('select 1 as one', ((error: Error, result: pg.QueryResult) =>
          error ? reject(error) : resolve(result.rows)) as never),
      )
    })
    expect(rows).toEqual([{ one: 1 }])
    client.release()
  })
})
