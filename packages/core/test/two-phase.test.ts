import { execFileSync } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { waitFor, type PgNode } from '@shardline/local-cluster'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { defineCluster } from '../src/config/define-cluster.ts'
import { createRouter } from '../src/router.ts'
import { rejection, startRouted, tables, type Routed } from './routed-fixture.ts'
import type { RoutedPool } from '../src/pool-facade/routed-pool.ts'

let routed: Routed
let pool: RoutedPool
let a: number
let b: number
let primaries: readonly PgNode[]

beforeAll(async () => {
  routed = await startRouted({ replicas: 0 })
  pool = routed.router.pool
  ;[a, b] = routed.tenants
  primaries = routed.cluster.shards.map(({ primary }) => primary)
})
afterAll(() => routed.end())
beforeEach(async () => {
  await routed.cluster.sql('truncate orders, countries')
})

const split = 'insert into orders (tenant_id, id) values ($1, 1), ($2, 1)'

async function counts(): Promise<number[]> {
  return Promise.all(
    primaries.map(async (node) => Number((await node.sql('select count(*) as n from orders'))[0]?.['n'])),
  )
}

async function prepared(): Promise<number> {
  const found = await Promise.all(primaries.map((node) => node.sql('select gid from pg_prepared_xacts')))
  return found.flat().length
}

let stop: (() => void) | undefined
afterEach(() => stop?.())

/** Runs `act` once, synchronously, when a write over several shards reaches the step. */
function at(step: string, act: () => void): void {
  const listener = (message: unknown): void => {
    if ((message as { step: string }).step !== step) return
    stop?.()
    act()
  }
  subscribe('shardline:two-phase:step', listener)
  stop = () => {
    unsubscribe('shardline:two-phase:step', listener)
    stop = undefined
  }
}

/** kill -9 for the postmaster and everything it has started, before this function returns. */
function crash(node: PgNode | undefined): void {
  if (node === undefined) throw new Error('there is no such node')
  const children = execFileSync('ps', ['-o', 'pid=', '--ppid', String(node.pid)])
    .toString()
    .trim()
    .split(/\s+/)
  for (const pid of [node.pid, ...children.map(Number)]) process.kill(pid, 'SIGKILL')
}

/** The server is gone for the cluster, too, and comes back. */
async function restart(node: PgNode | undefined): Promise<void> {
  if (node === undefined) throw new Error('there is no such node')
  await node.kill().catch(() => undefined)
  expect(readFileSync(join(node.dir, 'PG_VERSION'), 'utf8')).toContain('1')
  await node.start()
}

describe('a write over several shards', () => {
  it('happens on all of them', async () => {
    expect((await pool.query(split, [a, b])).rowCount).toBe(2)
    expect(await counts()).toEqual([1, 1])
    await pool.query("insert into countries values ('de', 'Germany')")
    for (const node of primaries)
      expect(await node.sql('select code from countries')).toEqual([{ code: 'de' }])
    expect(await prepared()).toBe(0)
  })

  it("happens on none when one of them fails, with PostgreSQL's own error", async () => {
    await pool.query('insert into orders (tenant_id, id) values ($1, 1)', [b])
    const error = await rejection(pool.query(split, [a, b]))
    expect(error).toBeInstanceOf(pg.DatabaseError)
    expect(error).toMatchObject({ code: '23505', shard: 's1' })
    expect(await counts()).toEqual([0, 1])
    expect(await prepared()).toBe(0)
  })

  it('happens on none when a deferred constraint fails at the decision or at PREPARE', async () => {
    for (const index of [0, 1]) {
      const node = primaries[index]
      await node?.sql(
        `create table kinds (k bigint primary key); alter table orders add constraint kind foreign key (id) references kinds deferrable initially deferred`,
      )
      try {
        expect(await rejection(pool.query(split, [a, b]))).toMatchObject({ code: '23503' })
        expect(await counts()).toEqual([0, 0])
        expect(await prepared()).toBe(0)
      } finally {
        await node?.sql('alter table orders drop constraint kind; drop table kinds')
      }
    }
  })

  it('does not deadlock with another one', async () => {
    const a2 = routed.tenantsOf(0)[1]
    const b2 = routed.tenantsOf(1)[1]
    if (a2 === undefined || b2 === undefined) throw new Error('too few tenants')
    await pool.query(
      'insert into orders (tenant_id, id, amount) values ($1, 1, 0), ($2, 1, 0), ($3, 1, 0), ($4, 1, 0)',
      [a, b, a2, b2],
    )
    const add = (tenants: number[]): Promise<unknown> =>
      pool.query('update orders set amount = amount + 1 where tenant_id = any($1)', [tenants])
    await Promise.all(Array.from({ length: 20 }, (_, at) => add(at % 2 === 0 ? [a, b, a2] : [b2, b, a])))
    const sums = await pool.query('select sum(amount) as n from orders')
    expect(sums.rows).toEqual([{ n: '60' }])
    expect(await prepared()).toBe(0)
  })

  it('writes reference tables by many at once, alike on every shard', async () => {
    await pool.query("insert into countries values ('de', '0')")
    await Promise.all(
      Array.from({ length: 10 }, () =>
        pool.query("update countries set name = (name::int + 1)::text where code = 'de'"),
      ),
    )
    for (const node of primaries)
      expect(await node.sql('select name from countries')).toEqual([{ name: '10' }])
  })

  it('notices reference tables that are not alike, and writes nothing', async () => {
    await primaries[1]?.sql("insert into countries values ('fr', 'France')")
    expect(await rejection(pool.query("delete from countries where code = 'fr'"))).toMatchObject({
      code: 'SHARDS_DISAGREE',
    })
    expect(await primaries[1]?.sql('select 1 from countries')).toHaveLength(1)
  })
})

describe('a crash in the middle', () => {
  it('before PREPARE leaves nothing anywhere', async () => {
    for (const index of [0, 1] as const) {
      const node = primaries[index]
      at('run', () => crash(node))
      await rejection(pool.query(split, [a, b]))
      await restart(node)
      await waitFor('nothing to be left prepared', async () => (await prepared()) === 0)
      expect(await counts()).toEqual([0, 0])
    }
  })

  it('of the participant after PREPARE is finished as decided', async () => {
    const node = primaries[1]
    at('prepared', () => crash(node))
    // The decider is alive and commits: the write has happened, and the participant learns of it when it is back.
    const outcome = pool.query(split, [a, b])
    expect((await outcome).rowCount).toBe(2)
    await restart(node)
    await waitFor('the participant to be told', async () => (await prepared()) === 0)
    expect(await counts()).toEqual([1, 1])
  })

  it('of the decider after PREPARE undoes all', async () => {
    const node = primaries[0]
    at('prepared', () => crash(node))
    const failed = rejection(pool.query(split, [a, b]))
    await new Promise((resolve) => setTimeout(resolve, 100))
    await restart(node)
    await failed
    await waitFor('the participant to be told', async () => (await prepared()) === 0)
    expect(await counts()).toEqual([0, 0])
  })

  it('of the decider after the decision changes nothing about it', async () => {
    const node = primaries[0]
    at('decided', () => crash(node))
    expect((await pool.query(split, [a, b])).rowCount).toBe(2)
    await restart(node)
    expect(await counts()).toEqual([1, 1])
    expect(await prepared()).toBe(0)
  })

  it('of the participant after the decision is finished later', async () => {
    const node = primaries[1]
    at('decided', () => crash(node))
    expect((await pool.query(split, [a, b])).rowCount).toBe(2)
    await restart(node)
    await waitFor('the participant to be told', async () => (await prepared()) === 0)
    expect(await counts()).toEqual([1, 1])
  })
})

describe('recovery', () => {
  /** A branch as a dead process leaves it behind: prepared on s1, its decider's transaction ended as said. */
  async function leave(end: 'commit' | 'rollback' | 'open', history?: string): Promise<() => Promise<void>> {
    const decider = new pg.Client(primaries[0]?.url)
    const participant = new pg.Client(primaries[1]?.url)
    let timeline = history
    await Promise.all([decider.connect(), participant.connect()])
    await decider.query('begin')
    await decider.query('insert into orders (tenant_id, id) values ($1, 9)', [a])
    const { rows } = await decider.query(
      'select pg_current_xact_id()::text as xid, substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) as timeline',
    )
    timeline ??= rows[0].timeline as string
    await participant.query('begin')
    await participant.query('insert into orders (tenant_id, id) values ($1, 9)', [b])
    await participant.query(`prepare transaction 'shardline1:s0:${timeline}:${rows[0].xid}:s1:0a0b0c0d'`)
    await participant.query('begin')
    await participant.query('create table if not exists other (a int)')
    await participant.query(`prepare transaction 'somebody else'`)
    if (end !== 'open') await decider.query(end)
    return async () => {
      await participant.query(`rollback prepared 'somebody else'`)
      await Promise.all([decider.end(), participant.end()])
    }
  }

  const start = () => createRouter(defineCluster({ shards: routed.cluster.urls, tables }), { pg })

  it.each([
    ['commit', [1, 1]],
    ['rollback', [0, 0]],
  ] as const)('finishes at start what a crash left: %s', async (end, expected) => {
    const clean = await leave(end)
    const other = await start()
    await waitFor('the branch to be finished', async () => (await prepared()) === 1)
    expect(await counts()).toEqual(expected)
    await other.end()
    await clean()
  })

  it('leaves alone what was decided in another history, where the number may mean another transaction', async () => {
    const clean = await leave('commit', '0000007F')
    const other = await start()
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(await prepared()).toBe(2)
    await other.end()
    await clean()
    const [row] = (await primaries[1]?.sql('select gid from pg_prepared_xacts')) ?? []
    await primaries[1]?.sql(`rollback prepared '${String(row?.['gid'])}'`)
  })

  it('leaves alone what is not decided yet, and what is not its own', async () => {
    const clean = await leave('open')
    const other = await start()
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(await prepared()).toBe(2)
    await other.end()
    await clean()
    const again = await start()
    await waitFor('the branch to be finished', async () => (await prepared()) === 0)
    expect(await counts()).toEqual([0, 0])
    await again.end()
  })
})

describe('a shard that cannot prepare', () => {
  it('is named, and nothing is written', async () => {
    const other = await startRouted({ replicas: 0, conf: { max_prepared_transactions: 0 } })
    try {
      const [first, second] = other.tenants
      const error = await rejection(other.router.pool.query(split, [first, second]))
      expect(error).toMatchObject({ code: 'CROSS_SHARD' })
      expect(error.message).toContain('max_prepared_transactions')
      expect((await other.router.pool.query('select count(*)::int as n from orders')).rows).toEqual([
        { n: 0 },
      ])
    } finally {
      await other.end()
    }
  })
})
