import { startCluster, startPgBouncer, waitFor, type Cluster, type Pooler } from '@shardline/local-cluster'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { defineCluster } from '../src/config/define-cluster.ts'
import { tenant } from '../src/config/table-description.ts'
import { createRouter, type Router } from '../src/router.ts'
import { rejection } from './routed-fixture.ts'
import { disguise } from './support/disguised-key.ts'

/** A real PgBouncer before a real server, pooling in each of its ways. */

let cluster: Cluster
let router: Router | undefined
let pooler: Pooler | undefined

beforeAll(async () => {
  cluster = await startCluster()
  await cluster.sql(`
    create table letters (n int primary key, letter text not null);
    insert into letters select n, chr(96 + n) from generate_series(1, 26) as n;
    create table notes (tenant_id int not null, id int not null, note text, primary key (tenant_id, id));
  `)
})
afterEach(async () => {
  await router?.end()
  router = undefined
  await pooler?.stop()
  await cluster.sql('truncate notes')
})
afterAll(() => cluster.stop())

const node = (): Cluster['nodes'][number] => {
  const [first] = cluster.nodes
  if (first === undefined) throw new Error('no node')
  return first
}

interface Setup {
  readonly prepare: boolean
  readonly multiplex?: boolean
}

async function openRouter(url: string, { prepare, multiplex }: Setup): Promise<Router> {
  router = await createRouter(
    defineCluster({
      shards: { s0: { primary: url } },
      tables: { notes: tenant('tenant_id') },
      pool: { max: 4, multiplex },
      prepare,
    }),
    { pg },
  )
  return router
}

/** A PgBouncer with fewer server connections than the router has of its own, so that they change hands all the time. */
async function startBouncer(poolMode: string, settings = {}): Promise<string> {
  pooler = await startPgBouncer(node(), {
    pool_mode: poolMode,
    default_pool_size: poolMode === 'session' ? 4 : 2,
    admin_users: 'postgres',
    ...settings,
  })
  // Without Debian's packages there is none; CI fails then.
  return pooler?.url ?? ''
}

async function versionOf(url: string): Promise<number> {
  const admin = new pg.Client(url.replace(/\/postgres$/, '/pgbouncer'))
  await admin.connect()
  const { rows } = await admin.query<{ version: string }>('show version')
  await admin.end()
  const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(rows[0]?.version ?? '') ?? []
  return Number(major) * 100 + Number(minor)
}

const read = 'select n, letter from letters where n = $1'
const letterOf = (n: number): string => String.fromCodePoint(96 + n)

/** 64 callers at once, so that connections would be shared. */
async function readMany({ pool }: Router): Promise<void> {
  for (let round = 0; round < 4; round++) {
    const numbers = Array.from({ length: 64 }, (_, index) => 1 + (index % 26))
    const answers = await Promise.all(numbers.map((n) => pool.query(read, [n])))
    expect(answers.map(({ rows }) => rows)).toEqual(numbers.map((n) => [{ n, letter: letterOf(n) }]))
  }
}

async function writeMany({ pool }: Router): Promise<void> {
  const ids = Array.from({ length: 40 }, (_, index) => index)
  await Promise.all(ids.map((id) => pool.query('insert into notes values ($1, $2, $3)', [id % 5, id, 'one'])))
  const errors = await Promise.all(
    ids.map((id) => rejection(pool.query('insert into notes values ($1, $2, $3)', [id % 5, id, 'two']))),
  )
  expect(errors.every(({ code }) => code === '23505')).toBe(true)
}

async function transactMany({ pool }: Router): Promise<void> {
  await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const client = await pool.connect()
      try {
        await client.query('begin')
        await client.query('insert into notes values ($1, $2, $3)', [index % 5, 100 + index, 'three'])
        expect((await client.query('select note from notes where tenant_id = $1 and id = $2', [index % 5, 100 + index])).rows) // prettier-ignore
          .toEqual([{ note: 'three' }])
        await client.query(index % 2 === 0 ? 'commit' : 'rollback')
      } finally {
        client.release()
      }
    }),
  )
  const { rows } = await pool.query("select count(*)::int as n from notes where note = 'three'")
  expect(rows).toEqual([{ n: 10 }])
}

const counts = (of: Router) => {
  const [first] = of.counters().nodes
  if (first === undefined) throw new Error('no node')
  return first
}

describe.each(['session', 'transaction'])('PgBouncer, %s pooling', (poolMode) => {
  it.each([true, false])('gives right answers and nothing is shared (prepared: %s)', async (prepare) => {
    const url = await startBouncer(poolMode)
    if (url === '') return
    // What a PgBouncer without max_prepared_statements needs where servers change hands.
    if (prepare && poolMode !== 'session' && (await versionOf(url)) < 121) return
    const open = await openRouter(url, { prepare })
    await readMany(open)
    await writeMany(open)
    await transactMany(open)
    const { shared, repeated, inFlight, waiting } = counts(open)
    expect([shared, repeated, inFlight, waiting]).toEqual([0, 0, 0, 0])
  })
})

describe('PgBouncer', () => {
  it('that cannot follow prepared statements lets none of them answer for another', async () => {
    let url = await startBouncer('transaction')
    if (url === '') return
    if ((await versionOf(url)) >= 121) {
      await pooler?.stop()
      url = await startBouncer('transaction', { max_prepared_statements: 0 })
    }
    const open = await openRouter(url, { prepare: true })
    const outcomes = await Promise.allSettled(
      Array.from({ length: 200 }, (_, index) => open.pool.query(read, [1 + (index % 26)])),
    )
    for (const [index, outcome] of outcomes.entries()) {
      const n = 1 + (index % 26)
      if (outcome.status === 'fulfilled') expect(outcome.value.rows).toEqual([{ n, letter: letterOf(n) }])
      else expect(['26000', '42P05']).toContain((outcome.reason as { code?: unknown }).code)
    }
  })

  it('in statement pooling is refused at the start, in its own words', async () => {
    const url = await startBouncer('statement')
    if (url === '') return
    // Catalogs are read in one snapshot, and it takes no transaction.
    expect((await rejection(openRouter(url, { prepare: false }))).message).toContain('statement pooling mode')
  })

  it('passes a cancel on, and the next statement is not hit', async () => {
    const url = await startBouncer('transaction')
    if (url === '') return
    const { pool } = await openRouter(url, { prepare: false })
    const abort = new AbortController()
    const slow = rejection(
      pool.query({ text: 'select pg_sleep(20)', signal: abort.signal } as pg.QueryConfig),
    )
    await waitFor(
      'it to run',
      async () =>
        (await node().sql("select 1 from pg_stat_activity where wait_event = 'PgSleep'")).length > 0,
    )
    abort.abort(new Error('enough'))
    expect((await slow).message).toBe('enough')
    await readMany(router as Router)
  })

  it('whose keys look like process numbers is found out by the first connection', async () => {
    // One in a thousand of PgBouncer's: here all of them, by a proxy that changes the greeting.
    const url = await startBouncer('transaction')
    if (url === '') return
    const disguised = await disguise(url)
    try {
      const open = await openRouter(disguised.url, { prepare: false })
      await readMany(open)
      expect(counts(open).shared).toBe(0)
    } finally {
      await disguised.stop()
    }
  })

  it('is insisted on by `multiplex: true`', async () => {
    const url = await startBouncer('session')
    if (url === '') return
    const open = await openRouter(url, { prepare: true, multiplex: true })
    // On a crowded machine plans are known to be short somewhat later.
    for (let round = 0; counts(open).shared === 0 && round < 25; round++) await readMany(open)
    expect(counts(open).shared).toBeGreaterThan(0)
  })
})
