import { inspect } from 'node:util'
import { startCluster, type Cluster } from '@shardline/local-cluster'
import Cursor from 'pg-cursor'
import pg from 'pg'
import QueryStream from 'pg-query-stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defineCluster } from '../src/config/define-cluster.ts'
import { createRouter, type Router } from '../src/router.ts'
import { rejection } from './routed-fixture.ts'

/** What libraries and applications do with a `pg.Pool` beyond its documentation. */

let cluster: Cluster
let urls: Record<string, { primary: string; replicas: string[] }>

beforeAll(async () => {
  cluster = await startCluster({ shards: 2, replicas: 1 })
  await cluster.waitForReplay()
  urls = Object.fromEntries(
    cluster.shards.map(({ name, primary, replicas }) => {
      const url = new URL(primary.url)
      url.password = 'seldom-seen'
      return [name, { primary: url.href, replicas: replicas.map((replica) => replica.url) }]
    }),
  )
})
afterAll(async () => {
  await cluster.stop()
})

type Shape = 'one server' | 'one shard with a replica' | 'two shards'
const shapes: Shape[] = ['one server', 'one shard with a replica', 'two shards']

async function withRouter(shape: Shape, max: number, use: (router: Router) => Promise<void>): Promise<void> {
  const { s0, s1 } = urls
  if (s0 === undefined || s1 === undefined) throw new Error('two shards were asked for')
  const shards = {
    'one server': { s0: { primary: s0.primary } },
    'one shard with a replica': { s0 },
    'two shards': { s0, s1 },
  }[shape]
  const router = await createRouter(defineCluster({ shards, pool: { max } }), { pg })
  try {
    await use(router)
  } finally {
    if (!router.pool.ended) await router.end()
  }
}

describe('pool.options', () => {
  it('lead to the one server, and are printed without a password', async () => {
    await withRouter('one server', 3, async ({ pool }) => {
      const control = new pg.Client({ ...pool.options })
      await control.connect()
      const port = (await control.query('select inet_server_port() as port')).rows
      await control.end()
      expect((await pool.query('select inet_server_port() as port')).rows).toEqual(port)
      expect(pool.options).toMatchObject({ max: 3, min: 0, idleTimeoutMillis: 10_000 })
      expect(inspect(pool, { depth: 9 }) + JSON.stringify(pool.options)).not.toContain('seldom-seen')
    })
  })

  it.each(shapes.slice(1))('lead nowhere with %s', async (shape) => {
    await withRouter(shape, 3, async ({ pool }) => {
      const failure = await rejection(new pg.Client(pool.options).connect())
      expect(failure).toMatchObject({ code: 'ENOENT' })
      expect(failure.message).toContain('several-servers')
    })
  })
})

describe.each(shapes)('%s', (shape) => {
  it('answers a query that was given before end()', async () => {
    await withRouter(shape, 2, async ({ pool }) => {
      const answer = pool.query('select now() as time')
      await pool.end()
      expect((await answer).rows).toHaveLength(1)
    })
  })

  it.each(['cursor', 'stream'] as const)('goes on after a %s that was closed at once', async (kind) => {
    await withRouter(shape, 1, async ({ pool }) => {
      const client = await pool.connect()
      await client.query('begin')
      if (kind === 'cursor') await client.query(new Cursor('select * from pg_catalog.pg_class')).close()
      else client.query(new QueryStream('select * from pg_catalog.pg_class')).destroy()
      expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
      await client.query('commit')
      const cursor = client.query(new Cursor('select generate_series(1, 3) as n'))
      expect(await cursor.read(2)).toEqual([{ n: 1 }, { n: 2 }])
      await cursor.close()
      client.release()
      expect(pool.idleCount).toBeGreaterThan(0)
    })
  })

  it('goes on after an object that could not be sent', async () => {
    await withRouter(shape, 1, async ({ pool }) => {
      const client = await pool.connect()
      const failures: Error[] = []
      for (const values of [['1'], 'no array' as unknown as string[]]) {
        const query = new pg.Query({ text: 'select $1::text as one', values }) as pg.Query &
          NodeJS.EventEmitter
        query.on('error', (error: Error) => failures.push(error))
        client.query(query)
      }
      expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
      expect(failures.map(({ message }) => message)).toEqual(['Query values must be an array'])
      client.release()
    })
  })

  it('has the shapes that ORMs look at', async () => {
    await withRouter(shape, 2, async ({ pool }) => {
      expect(pool).toBeInstanceOf(pg.Pool)
      expect(pool.constructor.name).toContain('Pool')
      expect(pool.on('error', () => {})).toBe(pool)
      const client = await pool.connect()
      expect('then' in client).toBe(false)
      const stream = new QueryStream('select 1 as one')
      expect(client.query(stream)).toBe(stream)
      const rows: unknown[] = []
      for await (const row of stream) rows.push(row)
      expect(rows).toEqual([{ one: 1 }])
      const types = { getTypeParser: () => (text: string) => `<${text}>` }
      const query = { name: 'shape', text: 'select $1::int as a, $2::text as a', values: [1, 'x'] }
      const result = await client.query({ ...query, rowMode: 'array', types })
      expect(result.rows).toEqual([['<1>', '<x>']])
      for (const key of ['rows', 'rowCount', 'command', 'fields'])
        expect(Object.hasOwn(result, key)).toBe(true)
      client.release()
      const byCallback = await new Promise((resolve, reject) => {
        pool.connect((error, leased, release) => {
          if (error !== undefined || leased === undefined) {
            reject(error ?? new Error('no client'))
            return
          }
          leased.query('select $1::int as one', [1], (failure, found) => {
            release()
            if (failure) reject(failure)
            else resolve(found.rows)
          })
        })
      })
      expect(byCallback).toEqual([{ one: 1 }])
      expect(await new Promise((resolve) => pool.end(() => resolve('ended')))).toBe('ended')
    })
  })
})

describe('DDL', () => {
  it('for one session is refused with the way out, which works', async () => {
    await withRouter('two shards', 1, async (router) => {
      const client = await router.pool.connect()
      const refused = await rejection(client.query('create temporary table own (id int)'))
      expect(refused).toMatchObject({ code: 'UNSUPPORTED_STATEMENT' })
      expect(refused.message).toContain('on a lease of pool.connect() in router.run({ shard }, …)')
      await router.run({ shard: 's1' }, async () => {
        await client.query('create temporary table own (id int)')
        await client.query('insert into own values (1)')
        expect((await client.query('select * from own')).rows).toEqual([{ id: 1 }])
      })
      client.release()
      await router.run({ shard: 's1' }, async () => {
        expect(await rejection(router.pool.query('select * from own'))).toMatchObject({ code: '42P01' })
      })
    })
  })

  it('is not held up by the callers that wait for whoever runs it', async () => {
    await withRouter('one shard with a replica', 2, async ({ pool }) => {
      const migrate = async (): Promise<void> => {
        const client = await pool.connect()
        await client.query('select pg_advisory_lock(42)')
        await client.query('begin')
        await client.query('create table if not exists migrated (id int)')
        await client.query('commit')
        await client.query('create index if not exists migrated_id on migrated (id)')
        await client.query('select pg_advisory_unlock(42)')
        client.release()
      }
      const started = performance.now()
      await Promise.all(Array.from({ length: 6 }, migrate))
      expect(performance.now() - started).toBeLessThan(8_000)
      await pool.query('drop table migrated')
    })
  })

  it('that needs temporary tables inside the server leaves the shards alike', async () => {
    await withRouter('two shards', 1, async (router) => {
      await router.eachShard(async ({ pool }) => {
        await pool.query('create materialized view summary as select 1 as id')
        await pool.query('create unique index on summary (id)')
        await pool.query('refresh materialized view concurrently summary')
      })
      await router.refresh()
      expect(
        (await router.pool.query('select count(*)::int as n from pg_catalog.pg_class where false')).rows,
      ).toEqual([{ n: 0 }])
      await router.eachShard(({ pool }) => pool.query('drop materialized view summary'))
    })
  })
})
