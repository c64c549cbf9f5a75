import { startCluster, type Cluster } from '@shardline/local-cluster'
import Cursor from 'pg-cursor'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defineCluster } from '../src/config/define-cluster.ts'
import { tenant } from '../src/config/table-description.ts'
import { createRouter, type Router } from '../src/router.ts'
import { rejection } from './routed-fixture.ts'

let cluster: Cluster
let router: Router
let plain: pg.Pool

beforeAll(async () => {
  cluster = await startCluster()
  await cluster.sql(
    'create table orders (tenant_id bigint not null, id bigint not null, note text, primary key (tenant_id, id))',
  )
  router = await createRouter(
    defineCluster({ shards: cluster.urls, tables: { orders: tenant('tenant_id') } }),
    { pg },
  )
  plain = new pg.Pool({ connectionString: cluster.shards[0]?.primary.url })
})
afterAll(async () => {
  await Promise.all([router.end(), plain.end()])
  await cluster.stop()
})

type Outcome = Record<string, unknown>

function told(result: unknown): unknown {
  if (Array.isArray(result)) return result.map(told)
  const { command, rowCount, oid, rows, fields, rowAsArray } = result as pg.QueryResult & {
    rowAsArray: boolean
  }
  return { command, rowCount, oid, rows, fields, rowAsArray }
}

async function outcome(run: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { result: told(await run()) }
  } catch (error) {
    const { name, message, code, position, severity, detail, hint } = error as pg.DatabaseError
    return { name, message, code, position, severity, detail, hint, is: error instanceof pg.DatabaseError }
  }
}

/** OIDs and positions of tables made twice differ. */
function withoutPlaces(outcomes: unknown): unknown {
  return JSON.parse(JSON.stringify(outcomes).replaceAll(/"(tableID|columnID)":\d+/g, '"$1":0'))
}

/** Everything below runs on a plain pg.Pool and on the router's; an application cannot tell them apart. */
describe('one server', () => {
  const onPool: readonly (string | object)[] = [
    'select 1 as one',
    'select 1; select 2 as two, 3 as three',
    '',
    'selec',
    'select * from nowhere',
    'select 1/0',
    'begin',
    'commit',
    "set application_name = 'x'",
    'select lastval() is null',
    'select pg_advisory_xact_lock(1)',
    "insert into orders values (1, 1, 'a'), (2, 2, 'b') returning *",
    'insert into orders values (1, 1)',
    'update orders set note = upper(note)',
    'select * from orders order by id',
    'select count(*) from orders group by note order by 1 limit 1',
    { text: 'select * from orders where tenant_id = $1', values: [1] },
    { text: 'select * from orders where tenant_id = $1', values: [1, 2] },
    { text: 'select * from orders where tenant_id = $1', values: ['x'] },
    { text: 'select id from orders', rowMode: 'array' },
    { name: 'n', text: 'select $1::int as n', values: [7] },
    { text: 'select $1::int as n', values: [7], binary: true },
    'create temporary table mine (a int)',
    'create table made (a int)',
    'alter table made add column b int',
    'select * from made',
    'drop table made',
    'delete from orders where tenant_id > 100',
    'vacuum orders',
    'explain (costs off) select 1',
    'do $$ begin perform 1; end $$',
    'notify news',
    'truncate orders',
    { text: 'select $1', values: 'no array' },
    {},
  ]

  /** Takes back what the plain pool has just done, so that the router's pool finds the same. */
  const undo: Readonly<Record<string, string>> = {
    'create table made (a int)': 'drop table made',
    'alter table made add column b int': 'alter table made drop column b',
    'drop table made': 'create table made (a int)',
    "insert into orders values (1, 1, 'a'), (2, 2, 'b') returning *": 'truncate orders',
  }

  it.each(onPool.map((query) => [typeof query === 'string' ? query : JSON.stringify(query), query] as const))(
    'answers %s',
    async (text, query) => {
      // Older versions of pg write into the config that they are given.
      const run = (pool: pg.Pool) => () => pool.query(structuredClone(query) as string)
      const expected = await outcome(run(plain))
      const undoing = undo[text]
      if (undoing !== undefined) await cluster.sql(undoing)
      const found = await outcome(run(router.pool))
      expect(withoutPlaces(found)).toEqual(withoutPlaces(expected))
    },
  )

  it('lets a lease keep state of every kind', async () => {
    const script = async (pool: pg.Pool): Promise<unknown[]> => {
      const outcomes: unknown[] = []
      const client = await pool.connect()
      outcomes.push(typeof (client as unknown as { processID: unknown }).processID)
      const heard = new Promise((resolve) =>
        client.on('notification', ({ channel, payload }) => resolve([channel, payload])),
      )
      for (const text of [
        "set application_name = 'lease'",
        'show application_name',
        'create temporary table if not exists own (a int)',
        'insert into own values (1)',
        'select * from own',
        'listen news',
        "notify news, 'x'",
        'begin',
        'savepoint s',
        'selec',
        'rollback to s',
        'commit',
        'select pg_advisory_lock(5)',
        'select pg_advisory_unlock(5)',
        'begin isolation level serializable',
        'declare c cursor for select generate_series(1, 3) as g',
        'fetch 2 from c',
        'close c',
        'rollback',
        'prepare p as select 1 as one',
        'execute p',
        'discard all',
        'select * from own',
        "copy (select 1) to '/nowhere/at/all'",
      ]) {
        outcomes.push([text, await outcome(() => client.query(text))])
      }
      outcomes.push(await heard)
      const cursor = client.query(new Cursor('select generate_series(1, 5) as g'))
      outcomes.push(await cursor.read(2), await cursor.read(10))
      client.release()
      outcomes.push((await rejection(Promise.resolve().then(() => client.release()))).message)
      return withoutPlaces(outcomes) as unknown[]
    }
    expect(await script(router.pool)).toEqual(await script(plain))
  })

  it('still keeps to a context, where one is given', async () => {
    await router.run({ tenant: 1 }, async () => {
      expect(await rejection(router.pool.query('select * from orders where tenant_id = 2'))).toMatchObject({
        code: 'TENANT_CONTRADICTED',
      })
      const client = await router.pool.connect()
      await client.query('begin')
      await client.query('insert into orders values (1, 1)')
      expect(await rejection(client.query('insert into orders values (2, 1)'))).toMatchObject({
        code: 'TENANT_CONTRADICTED',
      })
      expect(await rejection(client.query('select 1'))).toMatchObject({ code: '25P02' })
      expect((await client.query('commit')).command).toBe('ROLLBACK')
      client.release()
    })
  })
})
