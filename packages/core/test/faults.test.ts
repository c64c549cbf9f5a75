import { startCluster, waitFor, type Cluster } from '@shardline/local-cluster'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { defineCluster } from '../src/config/define-cluster.ts'
import { createRouter, type Router } from '../src/router.ts'
import { rejection, schema, tables } from './routed-fixture.ts'
import type { RoutedPool } from '../src/pool-facade/routed-pool.ts'

let cluster: Cluster
let router: Router
let pool: RoutedPool
/** A tenant of the first shard. */
let a: number
let b: number

beforeAll(async () => {
  cluster = await startCluster({ shards: 2, replicas: 1, proxied: true })
  await cluster.sql(schema)
  await cluster.sql(
    "create function sly() returns int language plpgsql stable as $$ begin perform nextval('counter'); return 1; end $$",
  )
  await cluster.sql('create sequence counter')
  await cluster.waitForReplay()
})
afterAll(() => cluster.stop())
beforeEach(async () => {
  router = await createRouter(
    defineCluster({
      shards: cluster.urls,
      tables,
      consistency: 'eventual',
      pool: { connectTimeoutMs: 3_000, acquireTimeoutMs: 5_000 },
    }),
    { pg },
  )
  pool = router.pool
  const found = [undefined, undefined] as (number | undefined)[]
  for (let id = 1; found.includes(undefined); id++) {
    const { route } = router.explain('select 1 from orders where tenant_id = $1', [id])
    if (route.kind === 'single') found[Number(route.shard.slice(1))] ??= id
  }
  ;[a = 0, b = 0] = found
})
afterEach(async () => {
  for (const node of cluster.nodes) await node.proxy?.heal()
  await router.end()
})

const read = 'select id from orders where tenant_id = $1'

const nodes = (): { primary: (typeof cluster.nodes)[number]; replica: (typeof cluster.nodes)[number] } => {
  const [shard] = cluster.shards
  const replica = shard?.replicas[0]
  if (shard === undefined || replica === undefined) throw new Error('no replica')
  return { primary: shard.primary, replica }
}

describe('reads', () => {
  it('move on from a dead replica to the primary, with no failure seen', async () => {
    const { replica } = nodes()
    await pool.query(read, [a])
    await replica.kill()
    try {
      for (let at = 0; at < 10; at++) expect((await pool.query(read, [a])).rows).toEqual([])
      const many = await Promise.all(Array.from({ length: 20 }, () => pool.query('select id from orders')))
      expect(many.every(({ rowCount }) => rowCount === 0)).toBe(true)
      const client = await pool.connect()
      expect((await client.query(read, [a])).rows).toEqual([])
      await client.query('begin read only')
      expect((await client.query(read, [a])).rows).toEqual([])
      expect(client.boundNode).toBe('s0/primary')
      await client.query('commit')
      client.release()
      for await (const batch of pool.stream('select id from orders')) expect(batch).toEqual([])
    } finally {
      await replica.start()
    }
  })

  it('move on from connections that die under them', async () => {
    const { replica } = nodes()
    const slow = pool.query('select pg_sleep(1), 1 as one')
    const pid = await waitFor('the replica to run it', async () => {
      const [row] = await replica.sql(
        "select pid from pg_stat_activity where query like 'select pg_sleep(1)%' and state = 'active'",
      )
      return row?.['pid'] as number | undefined
    })
    await replica.sql('select pg_terminate_backend($1)', [pid])
    expect((await slow).rows).toMatchObject([{ one: 1 }])
  })

  it('run on the primary what a replica refuses as a write, and remember it', async () => {
    const text = 'select sly() as one'
    await router.run({ shard: 's0' }, async () => {
      expect(router.explain(text).route.role).toBe('replica')
      expect((await pool.query(text)).rows).toEqual([{ one: 1 }])
      expect(router.explain(text).route.role).toBe('primary')
      expect((await pool.query(text)).rows).toEqual([{ one: 1 }])
    })
  })
})

describe('writes', () => {
  it('surface what is unknown, and are never repeated', async () => {
    const { primary } = nodes()
    // A sequence is not rolled back: it counts attempts.
    await primary.sql(`
      create sequence attempts;
      create function slow_count() returns trigger language plpgsql as
        $$ begin perform nextval('attempts'); perform pg_sleep(0.5); return new; end $$;
      create trigger slow before insert on settings for each row execute function slow_count()`)
    try {
      const write = rejection(pool.query("insert into settings values ('once', '1')"))
      const running = async (): Promise<boolean> => {
        const rows = await primary.sql(
          "select 1 from pg_stat_activity where query like 'insert into settings%' and state = 'active'",
        )
        return rows.length > 0
      }
      await waitFor('the insert to run', running)
      await primary.proxy?.set({ mode: 'reset' })
      expect((await write).message).toMatch(/ECONNRESET|terminated/)
      await primary.proxy?.heal()
      await waitFor('the write to have ended on the server', async () => !(await running()))
      expect(await primary.sql("select nextval('attempts')::int as next")).toEqual([{ next: 2 }])
      expect((await primary.sql("select 1 from settings where key = 'once'")).length).toBeLessThanOrEqual(1)
    } finally {
      await primary.sql(
        'drop trigger slow on settings; drop function slow_count(); drop sequence attempts; delete from settings',
      )
    }
  })
})

describe('a transaction whose connection dies', () => {
  it('is lost, is said to be, and goes on nowhere else', async () => {
    const { primary } = nodes()
    const client = await pool.connect()
    const ended = new Promise((resolve) => client.on('error', resolve))
    await client.query('begin')
    await client.query('insert into orders (tenant_id, id) values ($1, 1)', [a])
    await primary.sql(
      "select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction'",
    )
    await ended
    for (const text of [
      'insert into orders (tenant_id, id) values (1, 2)',
      'commit',
      'rollback',
      'select 1',
    ]) {
      expect((await rejection(client.query(text))).message).toMatch(/not queryable/)
    }
    expect(
      await primary.sql("select 1 from pg_stat_activity where state like 'idle in transaction%'"),
    ).toEqual([])
    client.release()
    expect((await pool.query(read, [a])).rows).toEqual([])
    expect((await pool.query('select id from orders where tenant_id = $1 for update', [a])).rows).toEqual([])
  })

  it('is lost with the server, too', async () => {
    const { primary } = nodes()
    const client = await pool.connect()
    client.on('error', () => undefined)
    await client.query('begin')
    await client.query('insert into orders (tenant_id, id) values ($1, 1)', [a])
    await primary.kill()
    await rejection(client.query('commit'))
    client.release()
    await primary.start()
    await waitFor('writes to be possible', async () => {
      try {
        await pool.query('delete from orders where tenant_id = $1', [a])
        return true
      } catch {
        return undefined
      }
    })
    expect((await pool.query(read, [b])).rows).toEqual([])
  })
})

describe('deadlines and signals', () => {
  it('cancel on the server and close the connection', async () => {
    const { primary } = nodes()
    const text = 'select pg_sleep(20), id from orders where tenant_id = $1 for update'
    await pool.query('insert into orders (tenant_id, id) values ($1, 9)', [a])
    const client = await pool.connect()
    for (const target of [pool, client] as const) {
      const error = await rejection(target.query({ text, values: [a], query_timeout: 100 } as never))
      expect(error).toMatchObject({ code: 'QUERY_TIMEOUT' })
      expect(error.message).toContain('Query read timeout')
      await waitFor('the server to have stopped', async () => {
        const rows = await primary.sql(
          "select 1 from pg_stat_activity where query like 'select pg_sleep(20)%' and state = 'active'",
        )
        return rows.length === 0
      })
    }
    client.release()
    const controller = new AbortController()
    const aborted = rejection(pool.query({ text, values: [a], signal: controller.signal } as never))
    setTimeout(() => controller.abort(), 100)
    expect(await aborted).toMatchObject({ name: 'AbortError' })
    await pool.query('delete from orders where tenant_id = $1', [a])
  })

  it('do not wait for a silent primary longer than the connect deadline', async () => {
    const { primary } = nodes()
    primary.pause()
    try {
      const write = {
        text: 'update orders set note = note where tenant_id = $1',
        values: [a],
        query_timeout: 300,
      }
      expect(await rejection(pool.query(write as never))).toMatchObject({
        code: expect.stringMatching(/TIMEOUT/),
      })
    } finally {
      primary.continue()
    }
    await waitFor('writes to be possible', async () => {
      try {
        return (
          (await pool.query('update orders set note = note where tenant_id = $1', [a])).command === 'UPDATE'
        )
      } catch {
        return undefined
      }
    })
  })
})
