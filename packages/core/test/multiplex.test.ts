import { startCluster, waitFor, type Cluster } from '@shardline/local-cluster'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { isOutcomeUnknown } from '../src/execution/failure.ts'
import { mayBeServerPid } from '../src/pool/server-key.ts'
import { wasNeverSent } from '../src/pool/never-sent.ts'
import { endPools, openPool, rejection } from './node-pool-fixture.ts'
import type { NodePool } from '../src/pool/node-pool.ts'

let cluster: Cluster
let url: string

beforeAll(async () => {
  cluster = await startCluster({ shards: 1, proxied: true })
  url = cluster.shards[0]?.primary.url ?? ''
  await cluster.sql(`
    create table kept (id int primary key);
    create table letters (n int primary key, letter text not null);
    insert into letters select n, chr(96 + n) from generate_series(1, 26) as n;
  `)
})
afterAll(() => cluster.stop())
afterEach(async () => {
  const node = primary()
  await node.proxy?.heal()
  await endPools()
})

const primary = (): Cluster['nodes'][number] => {
  const node = cluster.nodes[0]
  if (node === undefined) throw new Error('no node')
  return node
}
const read = 'select n, letter from letters where n = $1'
/** As long as its parameter says, so that it can be known as short and turn out to be long. */
const pause = 'select pg_sleep($1), $2::int as n'
const ask = (pool: NodePool, n: number) =>
  pool.execute({ text: read, values: [n], mayPrepare: true, mayShare: true })
const sleep = (pool: NodePool, seconds: number, n: number) =>
  pool.execute({ text: pause, values: [seconds, n], mayPrepare: true, mayShare: true })

/** A pool whose connections are open and which knows how long these plans take. */
async function warmPool(max: number, options: Parameters<typeof openPool>[1] = {}): Promise<NodePool> {
  const pool = openPool(url, { max, multiplex: {}, ...options })
  const leases = await Promise.all(Array.from({ length: max }, () => pool.lease()))
  for (const lease of leases) pool.release(lease)
  for (let run = 0; run < 20; run++) {
    await ask(pool, 1)
    await sleep(pool, 0, 0)
  }
  return pool
}
/** Not at once: a read that was run a second time may still be under way, although its caller has the answer. */
const isQuiet = (pool: NodePool): Promise<unknown> =>
  waitFor('nothing to be in flight', () => pool.inFlight === 0)
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => 1 + (index % 26))
const letter = (n: number): string => String.fromCodePoint(96 + n)
const activeSleeper = (): Promise<number> =>
  waitFor('a statement to sleep', async () => {
    const rows = await primary().sql(
      "select pid from pg_stat_activity where wait_event = 'PgSleep' order by query_start limit 1",
    )
    return rows[0]?.['pid'] as number | undefined
  })

describe('sharing', () => {
  it('gives each statement its own answer', async () => {
    const pool = await warmPool(2)
    const answers = await Promise.all(numbers(200).map((n) => ask(pool, n)))
    expect(answers.map(({ rows }) => rows)).toEqual(numbers(200).map((n) => [{ n, letter: letter(n) }]))
    expect(pool.counters.shared).toBeGreaterThan(100)
    expect(pool.totalCount).toBe(2)
    expect(pool.idleCount).toBe(2)
    await isQuiet(pool)
  })

  it('leaves an error with its own statement', async () => {
    const pool = await warmPool(1)
    const text = 'select 10 / $1::int as tenth'
    const divide = (by: unknown) => pool.execute({ text, values: [by], mayPrepare: true, mayShare: true })
    for (let run = 0; run < 3; run++) await divide(1)
    const outcomes = await Promise.allSettled(
      numbers(60).map((n) => divide(n % 3 === 0 ? 0 : n % 3 === 1 ? 'x' : 2)),
    )
    for (const [index, outcome] of outcomes.entries()) {
      const n = 1 + (index % 26)
      if (n % 3 === 2) expect(outcome).toMatchObject({ value: { rows: [{ tenth: 5 }] } })
      else expect(outcome).toMatchObject({ reason: { code: n % 3 === 0 ? '22012' : '22P02' } })
    }
    expect(pool.counters.shared).toBeGreaterThan(20)
  })

  it('heals prepared statements whose plan has changed, for all of those in flight', async () => {
    await cluster.sql('create table shifting (a int); insert into shifting values (1)')
    const pool = await warmPool(1)
    const all = () =>
      pool.execute({ text: 'select * from shifting', values: [], mayPrepare: true, mayShare: true })
    for (let run = 0; run < 4; run++) await all()
    await cluster.sql('alter table shifting add b int default 2')
    const answers = await Promise.all(Array.from({ length: 40 }, all))
    expect(answers.every(({ rows }) => (rows[0] as { b?: number }).b === 2)).toBe(true)
    expect(pool.counters.healed).toBeGreaterThan(0)
  })

  it('closes the statements that a full list evicts, with others in flight', async () => {
    const pool = await warmPool(1, { maxPrepared: 2 })
    const texts = numbers(6).map((n) => `select letter as l${n} from letters where n = $1`)
    const run = (text: string, n: number) =>
      pool.execute({ text, values: [n], mayPrepare: true, mayShare: true })
    for (let time = 0; time < 4; time++) for (const text of texts) await run(text, 1)
    const answers = await Promise.all(
      Array.from({ length: 120 }, (_, index) => run(texts[index % 6] ?? '', 1 + (index % 26))),
    )
    expect(answers.map(({ rows }) => Object.values(rows[0] as object)[0])).toEqual(
      Array.from({ length: 120 }, (_, index) => letter(1 + (index % 26))),
    )
  })

  it('reports a value that cannot be written, and harms nobody', async () => {
    const pool = await warmPool(1)
    const circular: Record<string, unknown> = {}
    circular['self'] = circular
    const outcomes = await Promise.allSettled(
      numbers(40).map((n, index) =>
        index === 10
          ? pool.execute({ text: read, values: [circular], mayPrepare: true, mayShare: true })
          : ask(pool, n),
      ),
    )
    expect(outcomes.filter(({ status }) => status === 'rejected').length).toBe(1)
    expect(outcomes[10]?.status).toBe('rejected')
  })

  it('is off where it was switched off, behind a pooler, and where everything has a deadline', async () => {
    const off = await warmPool(1, { multiplex: false })
    const timed = await warmPool(1, { clientConfig: { query_timeout: 5_000 } })
    for (const pool of [off, timed]) {
      await Promise.all(numbers(30).map((n) => ask(pool, n)))
      expect(pool.counters.shared).toBe(0)
    }
    expect([1, 4_194_304].every(mayBeServerPid)).toBe(true)
    expect([null, 0, -5, 2 ** 30].some(mayBeServerPid)).toBe(false)
  })

  it('keeps plans that are slow now and then to themselves', async () => {
    const pool = await warmPool(2)
    await sleep(pool, 0.25, 1)
    await ask(pool, 1)
    const before = pool.counters.shared
    await Promise.all(numbers(30).map((n) => sleep(pool, 0, n)))
    expect(pool.counters.shared).toBe(before)
  })
})

describe('a slow statement', () => {
  it('holds up nobody: those behind it are run elsewhere', async () => {
    const pool = await warmPool(2)
    const order: string[] = []
    const slow = sleep(pool, 1.5, 7).then(() => order.push('slow'))
    const fast = numbers(60).map((n) => ask(pool, n).then(() => order.push('fast')))
    await Promise.all(fast)
    expect(order).not.toContain('slow')
    await slow
    expect(order.length).toBe(61)
    expect(pool.counters.repeated).toBeGreaterThan(0)
    await waitFor('everything to be at rest', async () => pool.idleCount === 2)
  })

  it('that waits for a lock whose holder reads, too, is no deadlock', async () => {
    const pool = await warmPool(2)
    const locked = 'select count(*)::int as n from kept'
    const count = () => pool.execute({ text: locked, mayPrepare: true, mayShare: true })
    for (let run = 0; run < 20; run++) await count()
    const holder = await pool.lease()
    await holder.query({ text: 'begin' })
    await holder.query({ text: 'lock table kept in access exclusive mode' })
    const waiting = count()
    // On the only other connection, behind the one that waits.
    const behind = ask(pool, 3)
    await waitFor('the reads to have been rescued', async () => pool.counters.repeated > 0)
    await holder.query({ text: 'commit' })
    pool.release(holder)
    expect((await behind).rows).toEqual([{ n: 3, letter: 'c' }])
    expect((await waiting).rows).toEqual([{ n: 0 }])
  })
})

describe('fairness', () => {
  it('a caller that wants its own connection gets one while reads go on without end', async () => {
    const pool = await warmPool(2)
    const over = new AbortController()
    let answered = 0
    const readers = Array.from({ length: 40 }, async () => {
      while (!over.signal.aborted) {
        await ask(pool, 5)
        answered++
      }
    })
    for (let lease = 0; lease < 20; lease++) {
      const own = await pool.lease()
      expect((await own.query({ text: 'select pg_backend_pid()' })).rowCount).toBe(1)
      const before = answered
      // The reads go on over the other connection meanwhile.
      await waitFor('reads beside the lease', async () => answered > before)
      pool.release(own)
    }
    over.abort()
    await Promise.all(readers)
    expect(pool.counters.timedOut).toBe(0)
  })

  it('long reads leave a connection to short ones, and wait for each other', async () => {
    const pool = await warmPool(2)
    // Known to be long from here on.
    for (let run = 0; run < 6; run++) await sleep(pool, 0.02, 1)
    await ask(pool, 1)
    const order: string[] = []
    const slow = numbers(6).map((n) => sleep(pool, 0.15, n).then(() => order.push('slow')))
    expect(pool.waitingCount).toBe(5)
    await Promise.all(numbers(50).map((n) => ask(pool, n).then(() => order.push('fast'))))
    expect(order.filter((what) => what === 'slow').length).toBeLessThan(6)
    await Promise.all(slow)
    expect(pool.waitingCount).toBe(0)
  })

  it('refuses those who waited too long, with the counts', async () => {
    const pool = await warmPool(1, { acquireTimeoutMs: 100 })
    const own = await pool.lease()
    const error = await rejection(ask(pool, 1))
    expect(error).toMatchObject({ code: 'POOL_TIMEOUT' })
    pool.release(own)
    expect((await ask(pool, 1)).rowCount).toBe(1)
  })

  it('refuses those who are more than may wait, at once and of every kind', async () => {
    const pool = await warmPool(2, { maxWaiting: 3 })
    for (let run = 0; run < 6; run++) await sleep(pool, 0.02, 1)
    await ask(pool, 1)
    // One of them runs, and three wait for it.
    const slow = numbers(4).map((n) => sleep(pool, 0.1, n))
    expect(await rejection(sleep(pool, 0, 1))).toMatchObject({
      code: 'POOL_OVERLOADED',
      details: { maxWaiting: 3, max: 2, total: 2 },
    })
    await Promise.all(slow)

    const held = await Promise.all([pool.lease(), pool.lease()])
    const waiting = [pool.lease(), ask(pool, 2), pool.execute({ text: 'select 1 as one' })] as const
    for (const more of [pool.lease(), ask(pool, 3), pool.execute({ text: 'select 1' })]) {
      const error = await rejection(more)
      expect(error).toMatchObject({ code: 'POOL_OVERLOADED' })
      expect(wasNeverSent(error)).toBe(true)
    }
    // Whom the holders wait for is never turned away.
    pool.release(await pool.lease({ isAwaitedByHolders: true }))
    for (const connection of held) pool.release(connection)
    pool.release(await waiting[0])
    expect((await waiting[1]).rows).toEqual([{ n: 2, letter: 'b' }])
    expect((await waiting[2]).rows).toEqual([{ one: 1 }])
    expect(pool.counters).toMatchObject({ overloaded: 4, timedOut: 0 })
    expect(pool.waitingCount).toBe(0)
  })

  it('ends in order: what was sent before the end is answered', async () => {
    const pool = await warmPool(2)
    const given = numbers(60).map((n) => ask(pool, n))
    const ended = pool.end()
    const outcomes = await Promise.allSettled(given)
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(outcomes.length - refused.length).toBeGreaterThan(10)
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'POOL_ENDED' })
    await ended
    expect(await rejection(ask(pool, 1))).toMatchObject({ code: 'POOL_ENDED' })
  })
})

describe('a connection that dies with dozens in flight', () => {
  const faults: readonly (readonly [string, () => Promise<unknown>])[] = [
    [
      'is terminated by the server',
      async () => primary().sql('select pg_terminate_backend($1)', [await activeSleeper()]),
    ],
    [
      'is reset on the way',
      async () => {
        await activeSleeper()
        await primary().proxy?.set({ mode: 'reset' })
        await primary().proxy?.heal()
      },
    ],
  ]
  it.each(faults)('%s: every statement is accounted for, none twice', async (_name, strike) => {
    await primary().sql('truncate kept')
    const pool = await warmPool(3)
    const slow = sleep(pool, 30, 1).then(
      () => 'answered' as const,
      (error: unknown) => (isOutcomeUnknown(error) ? ('failed' as const) : Promise.reject(error)),
    )
    const reads = numbers(90).map((n) =>
      ask(pool, n).then(
        ({ rows }) => rows,
        (error: unknown) => error,
      ),
    )
    const insert = 'insert into kept values ($1)'
    const writes = Array.from({ length: 60 }, (_, id) =>
      pool.execute({ text: insert, values: [id], mayPrepare: true }).then(
        () => 'answered' as const,
        (error: unknown) => (isOutcomeUnknown(error) ? ('unknown' as const) : ('failed' as const)),
      ),
    )
    await strike()
    expect(await slow).toBe('failed')
    const answers = await Promise.all(reads)
    // What a plain pool would have run at that moment may fail, one statement on each connection; nothing behind it does.
    expect(answers.filter((answer) => answer instanceof Error).length).toBeLessThanOrEqual(2)
    for (const [index, answer] of answers.entries()) {
      if (!(answer instanceof Error))
        expect(answer).toEqual([{ n: 1 + (index % 26), letter: letter(1 + (index % 26)) }])
    }
    const outcomes = await Promise.all(writes)
    const kept = new Set((await primary().sql('select id from kept')).map((row) => row['id'] as number))
    for (const [id, outcome] of outcomes.entries()) {
      // A second run would have met the primary key, and failed.
      if (outcome === 'answered') expect(kept.has(id)).toBe(true)
      if (outcome === 'failed') expect(kept.has(id)).toBe(false)
    }
    expect(outcomes.filter((outcome) => outcome === 'failed').length).toBeLessThanOrEqual(3)
    await isQuiet(pool)
    expect((await ask(pool, 2)).rowCount).toBe(1)
  })
})

describe('random mixes', () => {
  it('of reads, errors, slow reads, writes and transactions give what each of them alone gives', async () => {
    const pool = await warmPool(3)
    const job = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({ kind: fc.constant('read' as const), n: fc.integer({ min: 1, max: 26 }) }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('error' as const), n: fc.constant(0) }) },
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant('write' as const), n: fc.integer({ min: 1, max: 3 }) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('pause' as const), n: fc.integer({ min: 0, max: 9 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant('transaction' as const),
          n: fc.integer({ min: 1, max: 26 }),
        }),
      },
    )
    await cluster.sql('create table added (n int); insert into added values (0)')
    // All of the same row, so that they wait for each other.
    const add = 'update added set n = n + $1'
    let written = 0
    const failing = 'select 1 / (n - n) as bad from letters where n = $1'
    const run = async ({ kind, n }: { kind: string; n: number }): Promise<unknown> => {
      if (kind === 'read') return (await ask(pool, n)).rows
      if (kind === 'write') {
        written += n
        const { command, rowCount } = await pool.execute({ text: add, values: [n], mayPrepare: true })
        return [command, rowCount]
      }
      if (kind === 'pause')
        return (await sleep(pool, n / 1_000, n)).rows.map((row) => (row as { n: number }).n)
      if (kind === 'error') {
        return (
          await rejection(pool.execute({ text: failing, values: [1], mayPrepare: true, mayShare: true }))
        ).code
      }
      const own = await pool.lease()
      try {
        await own.query({ text: 'begin' })
        await own.query({
          text: 'create temporary table mine on commit drop as select $1::int as n'.replace('$1', String(n)),
        })
        const { rows } = await own.query({ text: 'select n from mine' })
        await own.query({ text: 'rollback' })
        return rows
      } finally {
        pool.release(own)
      }
    }
    const expected = ({ kind, n }: { kind: string; n: number }): unknown =>
      kind === 'read'
        ? [{ n, letter: letter(n) }]
        : kind === 'pause'
          ? [n]
          : kind === 'error'
            ? '22012'
            : kind === 'write'
              ? ['UPDATE', 1]
              : [{ n }]
    await fc.assert(
      fc.asyncProperty(fc.array(job, { minLength: 20, maxLength: 80 }), async (jobs) => {
        expect(await Promise.all(jobs.map(run))).toEqual(jobs.map(expected))
        await isQuiet(pool)
      }),
      { numRuns: 25 },
    )
    expect(pool.counters.shared).toBeGreaterThan(100)
    expect(await primary().sql('select n from added')).toEqual([{ n: written }])
  })
})
