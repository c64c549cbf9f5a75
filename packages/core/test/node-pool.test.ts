import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { startCluster, proxy, waitFor } from '@shardline/local-cluster'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { wasNeverSent } from '../src/pool/never-sent.ts'
import { NodePool } from '../src/pool/node-pool.ts'
import { describeNode, endPools, openPool, rejection } from './node-pool-fixture.ts'
import type { AddressInfo } from 'node:net'
import type { Cluster, PgNode } from '@shardline/local-cluster'

let cluster: Cluster
let primary: PgNode
let replica: PgNode

beforeAll(async () => {
  cluster = await startCluster({ replicas: 1 })
  const [shard] = cluster.shards
  if (shard?.replicas[0] === undefined) throw new Error('no replica')
  primary = shard.primary
  replica = shard.replicas[0]
})
afterEach(endPools)
afterAll(() => cluster.stop())

async function pids(pool: NodePool, count: number): Promise<(number | null)[]> {
  const leased = await Promise.all(Array.from({ length: count }, () => pool.lease()))
  for (const connection of leased) pool.release(connection)
  return leased.map((connection) => connection.backendPid)
}

describe('leases', () => {
  it('opens connections as they are needed, up to max, and uses them again', async () => {
    const pool = openPool(primary.url, { max: 2 })
    const first = await pool.lease()
    expect(pool.tryLease()).toBeUndefined()
    const second = await pool.lease()
    expect(second.backendPid).not.toBe(first.backendPid)
    const third = pool.lease()
    expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([2, 0, 1])
    pool.release(first)
    expect(await third).toBe(first)
    pool.release(first)
    pool.release(second)
    expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([2, 2, 0])
    expect(pool.tryLease()).toBe(second)
    pool.release(second)
  })

  it('serves waiting callers in the order in which they came', async () => {
    const pool = openPool(primary.url, { max: 1 })
    const held = await pool.lease()
    const served: number[] = []
    const waiting = Array.from({ length: 20 }, async (_, index) => {
      const connection = await pool.lease()
      served.push(index)
      pool.release(connection)
    })
    pool.release(held)
    await Promise.all(waiting)
    expect(served).toEqual(Array.from({ length: 20 }, (_, index) => index))
  })

  it('lets nobody overtake: while callers wait there is nothing to lease at once', async () => {
    const pool = openPool(primary.url, { max: 1 })
    const held = await pool.lease()
    const waiting = pool.lease()
    pool.release(held)
    expect(pool.tryLease()).toBeUndefined()
    pool.release(await waiting)
  })

  it('tells who waited too long what was in the way, and sent nothing', async () => {
    const pool = openPool(primary.url, { max: 1, acquireTimeoutMs: 50, name: 'eu0/primary' })
    const held = await pool.lease()
    const error = await rejection(pool.lease())
    expect(error).toMatchObject({ code: 'POOL_TIMEOUT', family: 'topology' })
    expect(error.message).toContain('"eu0/primary"')
    expect(error.message).toContain('max 1')
    expect(wasNeverSent(error)).toBe(true)
    expect(pool.waitingCount).toBe(0)
    expect(pool.counters.timedOut).toBe(1)
    pool.release(held)
    pool.release(await pool.lease())
  })

  it('lets a caller give up waiting', async () => {
    const pool = openPool(primary.url, { max: 1 })
    const held = await pool.lease()
    const controller = new AbortController()
    const waiting = pool.lease({ signal: controller.signal })
    controller.abort(new Error('changed my mind'))
    expect((await rejection(waiting)).message).toBe('changed my mind')
    expect(pool.waitingCount).toBe(0)
    pool.release(held)
  })

  it('refuses to take a connection back twice', async () => {
    const pool = openPool(primary.url)
    const connection = await pool.lease()
    pool.release(connection)
    expect(() => pool.release(connection)).toThrow(/already been released/)
  })

  it('closes a connection given back with an error, inside a transaction, or worn out', async () => {
    const pool = openPool(primary.url, { maxUses: 2 })
    const failed = await pool.lease()
    pool.release(failed, new Error('not this one any more'))
    expect(pool.totalCount).toBe(0)
    const open = await pool.lease()
    await open.query({ text: 'begin' })
    expect(open.transactionStatus).toBe('T')
    pool.release(open)
    expect(pool.totalCount).toBe(0)
    const [first] = await pids(pool, 1)
    const [second] = await pids(pool, 1)
    const [third] = await pids(pool, 1)
    expect(second).toBe(first)
    expect(third).not.toBe(first)
  })

  it('closes idle connections down to min, and old ones', async () => {
    const pool = openPool(primary.url, { max: 3, min: 1, idleTimeoutMs: 40 })
    await pids(pool, 3)
    expect(pool.totalCount).toBe(3)
    await waitFor('two to be closed', async () => pool.totalCount === 1)
    await delay(100)
    expect(pool.totalCount).toBe(1)

    const short = openPool(primary.url, { maxLifetimeMs: 60, idleTimeoutMs: 0 })
    const [pid] = await pids(short, 1)
    await waitFor('the old one to be closed', async () => short.totalCount === 0)
    expect(await pids(short, 1)).not.toContain(pid)
  })

  it('tells of connections as they come and go', async () => {
    const pool = openPool(primary.url, { maxUses: 1 })
    const events: string[] = []
    for (const event of ['connect', 'acquire', 'release', 'remove'] as const) {
      pool.on(event, () => events.push(event))
    }
    await pool.execute({ text: 'select 1' })
    await waitFor('the connection to be removed', async () => events.length === 4)
    expect(events).toEqual(['connect', 'acquire', 'release', 'remove'])
  })
})

describe('execute', () => {
  it('returns what pg returns', async () => {
    const pool = openPool(primary.url)
    const text = `select $1::int8 as big, $2::text as word, null as nothing, now() as time`
    const values = [7n, 'seven']
    const client = new pg.Client(primary.url)
    await client.connect()
    const plain = await client.query(text, values)
    await client.end()
    const ours = await pool.execute({ text, values })
    expect(ours.fields).toEqual(plain.fields)
    expect({ ...ours.rows[0], time: 0 }).toEqual({ ...plain.rows[0], time: 0 })
    expect(ours.rows[0].time).toBeInstanceOf(Date)
    expect([ours.command, ours.rowCount]).toEqual(['SELECT', 1])
    expect(ours).toBeInstanceOf(pg.Result)
    const arrays = await pool.execute({ text: 'select 1 as a, 2 as a', rowMode: 'array' })
    expect(arrays.rows).toEqual([[1, 2]])
    const raw = { getTypeParser: () => (value: string) => `raw ${value}` }
    expect((await pool.execute({ text: 'select 1 as a', types: raw })).rows).toEqual([{ a: 'raw 1' }])
    const several = await pool.execute({ text: 'select 1 as a; select 2 as a' })
    expect((several as unknown as pg.QueryResult[]).map(({ rows }) => rows)).toEqual([[{ a: 1 }], [{ a: 2 }]])
  })

  it('keeps the connection after an SQL error, which is PostgreSQL’s own', async () => {
    const pool = openPool(primary.url, { max: 1 })
    const [before] = await pids(pool, 1)
    const error = await rejection(pool.execute({ text: 'select $1::int / 0', values: [1] }))
    expect(error).toBeInstanceOf(pg.DatabaseError)
    expect(error.code).toBe('22012')
    expect(wasNeverSent(error)).toBe(false)
    expect(await pids(pool, 1)).toEqual([before])
  })

  it('survives values that cannot be written', async () => {
    const pool = openPool(primary.url, { max: 1 })
    const cursed = {
      toPostgres: () => {
        throw new Error('cannot be written')
      },
    }
    const query = { text: 'select $1::text as a', mayPrepare: true }
    const [before] = await pids(pool, 1)
    for (let round = 0; round < 4; round++) {
      const error = await rejection(pool.execute({ ...query, values: [cursed] }))
      expect(error.message).toBe('cannot be written')
      expect(wasNeverSent(error)).toBe(true)
      expect((await pool.execute({ ...query, values: ['fine'] })).rows).toEqual([{ a: 'fine' }])
    }
    expect(await pids(pool, 1)).toEqual([before])
    const notAList = pool.execute({ text: 'select 1', values: 'no list' as unknown as unknown[] })
    expect((await rejection(notAList)).message).toMatch(/must be an array/)
    expect((await pool.execute({ ...query, values: ['again'] })).rows).toEqual([{ a: 'again' }])
  })

  it('runs 1,000 statements of 100 callers over 3 connections', async () => {
    const pool = openPool(primary.url, { max: 3 })
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, async (_, index) => {
        const result = await pool.execute({ text: 'select $1::int as a', values: [index], mayPrepare: true })
        return result.rows[0].a as number
      }),
    )
    expect(answers).toEqual(Array.from({ length: 1_000 }, (_, index) => index))
    expect(pool.totalCount).toBe(3)
    expect(pool.inFlight).toBe(0)
  })
})

describe('connecting', () => {
  it('says which node refuses connections, and fails everyone who waits', async () => {
    const closed = createServer()
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve))
    const { port } = closed.address() as AddressInfo
    await new Promise((resolve) => closed.close(resolve))
    const pool = openPool(`postgres://someone:secret-word@127.0.0.1:${port}/x`, { max: 2 })
    const errors = await Promise.all(
      Array.from({ length: 20 }, () => rejection(pool.execute({ text: 'select 1' }))),
    )
    for (const error of errors) {
      expect(error.code).toBe('NODE_UNREACHABLE')
      expect(error.message).toContain('"s0/primary"')
      expect(error.message).toContain('ECONNREFUSED')
      expect(error.message).not.toContain('secret-word')
      expect(wasNeverSent(error)).toBe(true)
    }
    expect([pool.totalCount, pool.waitingCount]).toEqual([0, 0])
    // Not one attempt after the other for each of them.
    expect(pool.counters.failed).toBe(2)
  })

  it('gives up a server that accepts and never answers, and destroys the socket', async () => {
    const sockets = new Set<{ destroyed: boolean }>()
    const silent = createServer((socket) => {
      sockets.add(socket)
      // Reads, so that it sees the end; it never answers.
      socket.resume().on('error', () => {})
    })
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    const pool = openPool(`postgres://postgres@127.0.0.1:${port}/postgres`, { connectTimeoutMs: 150 })
    const startedAt = performance.now()
    const error = await rejection(pool.lease())
    expect(error.code).toBe('CONNECT_TIMEOUT')
    expect(wasNeverSent(error)).toBe(true)
    expect(performance.now() - startedAt).toBeLessThan(1_000)
    expect(pool.totalCount).toBe(0)
    await waitFor('the socket to be gone', async () => [...sockets].every(({ destroyed }) => destroyed))
    expect(sockets.size).toBe(1)
    await new Promise((resolve) => silent.close(resolve))
  })

  it('gives up a PostgreSQL that is stopped, and comes back when it goes on', async () => {
    const pool = openPool(primary.url, { connectTimeoutMs: 200 })
    primary.pause()
    try {
      expect((await rejection(pool.execute({ text: 'select 1' }))).code).toBe('CONNECT_TIMEOUT')
    } finally {
      primary.continue()
    }
    expect((await pool.execute({ text: 'select 1 as a' })).rows).toEqual([{ a: 1 }])
  })

  it('passes on PostgreSQL’s own refusal, without the password', async () => {
    await primary.sql(`create role guarded login password 'right-word'`)
    const hba = join(primary.dir, 'pg_hba.conf')
    const before = readFileSync(hba, 'utf8')
    writeFileSync(hba, `host all guarded 127.0.0.1/32 scram-sha-256\n${before}`)
    await primary.sql('select pg_reload_conf()')
    const url = (password: string) => `postgres://guarded:${password}@127.0.0.1:${primary.port}/postgres`
    await waitFor('the rule to hold', async () => {
      const error = await new pg.Client(url('wrong-word')).connect().then(
        () => undefined,
        (failure: unknown) => failure,
      )
      return error !== undefined
    })
    const error = await rejection(openPool(url('wrong-word')).execute({ text: 'select 1' }))
    expect(error).toMatchObject({ code: '28P01', severity: 'FATAL' })
    const { inspect } = await import('node:util')
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('wrong-word')
    const right = openPool(url('right-word'))
    expect((await right.execute({ text: 'select current_user as a' })).rows).toEqual([{ a: 'guarded' }])
    const late = openPool(url(''), {
      clientConfig: {
        connectionString: '',
        host: '127.0.0.1',
        port: primary.port,
        user: 'guarded',
        database: 'postgres',
        password: () => Promise.resolve('right-word'),
      },
    })
    expect((await late.execute({ text: 'select current_user as a' })).rows).toEqual([{ a: 'guarded' }])
    writeFileSync(hba, before)
    await primary.sql('select pg_reload_conf()')
  })

  it('waits no longer than the deadline for a password that never comes', async () => {
    await primary.sql(`create role forgetful login password 'x'`)
    const hba = join(primary.dir, 'pg_hba.conf')
    const before = readFileSync(hba, 'utf8')
    writeFileSync(hba, `host all forgetful 127.0.0.1/32 scram-sha-256\n${before}`)
    await primary.sql('select pg_reload_conf()')
    const pool = openPool('', {
      connectTimeoutMs: 200,
      clientConfig: {
        host: '127.0.0.1',
        port: primary.port,
        user: 'forgetful',
        database: 'postgres',
        password: () => new Promise<string>(() => {}),
      },
    })
    // A rule takes a moment to hold; before it does, nobody asks for the password.
    const codes = new Set<unknown>()
    await waitFor('the deadline to strike', async () => {
      const error = await pool.lease().then(
        (connection) => pool.release(connection, new Error('not this one')),
        (failure: { code?: unknown }) => failure,
      )
      codes.add(error?.code)
      return error !== undefined
    })
    expect([...codes].filter((code) => code !== undefined)).toEqual(['CONNECT_TIMEOUT'])
    writeFileSync(hba, before)
    await primary.sql('select pg_reload_conf()')
  })

  it('finds a node that is not what it is described as, on the first contact and without a query', async () => {
    const wrongPrimary = openPool(replica.url, { name: 'eu0/primary' })
    const error = await rejection(wrongPrimary.execute({ text: 'select 1' }))
    expect(error).toMatchObject({ code: 'NODE_ROLE_MISMATCH', family: 'config' })
    expect(error.message).toContain('"eu0/primary"')
    expect(error.message).not.toContain(String(replica.port))
    const wrongReplica = openPool(primary.url, { role: 'replica' })
    expect((await rejection(wrongReplica.lease())).code).toBe('NODE_ROLE_MISMATCH')
    const right = openPool(replica.url, { role: 'replica' })
    await right.execute({ text: 'select 1' })
    expect(right.observedRole).toBe('replica')
  })

  it('prepares new connections with onConnect, and fails when that fails', async () => {
    const pool = openPool(primary.url, {
      onConnect: (client) => client.query(`set search_path to pg_catalog`),
    })
    expect((await pool.execute({ text: 'show search_path' })).rows).toEqual([{ search_path: 'pg_catalog' }])
    const failing = openPool(primary.url, { onConnect: (client) => client.query('select 1/0') })
    expect((await rejection(failing.lease())).code).toBe('22012')
    expect(failing.totalCount).toBe(0)
  })

  it('refuses a pg without a connection of its own', () => {
    class NativeClient {
      connection = undefined
    }
    const native = { ...pg, Client: NativeClient } as unknown as typeof pg
    const config = { pg: native, node: describeNode(), clientConfig: {} }
    expect(() => new NodePool(config)).toThrow(expect.objectContaining({ code: 'DEPENDENCY_UNSUPPORTED' }))
  })
})

describe('broken connections', () => {
  it('drops an idle one that the server ends, and never hands it out', async () => {
    const pool = openPool(primary.url)
    const [pid] = await pids(pool, 1)
    const errors: unknown[] = []
    pool.on('error', (error) => errors.push(error))
    await primary.sql('select pg_terminate_backend($1)', [pid])
    await waitFor('the pool to notice', async () => pool.totalCount === 0)
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatchObject({ code: '57P01' })
    expect(await pids(pool, 1)).not.toContain(pid)
  })

  it('does not crash the process when nobody listens', async () => {
    const script = `
      import pg from 'pg'
      import { NodePool } from ${JSON.stringify(new URL('../src/pool/node-pool.ts', import.meta.url).href)}
      const node = { name: 'n', shard: 's', role: 'primary', zone: undefined, tags: [], weight: 1 }
      const pool = new NodePool({ pg, node, clientConfig: { connectionString: process.argv[1] }, options: { allowExitOnIdle: true } })
      const one = await pool.lease(), two = await pool.lease()
      pool.release(one)
      const killer = new pg.Client(process.argv[1]); await killer.connect()
      await killer.query('select pg_terminate_backend(pid) from unnest($1::int[]) pid', [[one.backendPid, two.backendPid]])
      await killer.end()
      while (!two.isBroken || pool.totalCount > 1) await new Promise((resolve) => setTimeout(resolve, 5))
      await two.query({ text: 'select 1' }).catch((error) => console.log(error.code))
      pool.release(two)
      console.log((await pool.execute({ text: 'select 42 as a' })).rows[0].a, pool.counters.broken)`
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '-e', script, primary.url],
      { cwd: join(import.meta.dirname, '..'), timeout: 20_000 },
    )
    // It also ended by itself although the pool was not: idle connections do not keep it alive.
    expect(stdout).toBe('NODE_UNREACHABLE\n42 2\n')
  })

  it('tells a running statement, and removes the connection on release', async () => {
    const pool = openPool(primary.url)
    const connection = await pool.lease()
    const running = rejection(connection.query({ text: 'select pg_sleep(30)' }))
    await primary.sql('select pg_terminate_backend($1)', [connection.backendPid])
    const error = await running
    expect(error.code).toBe('57P01')
    expect(wasNeverSent(error)).toBe(false)
    await waitFor('the break to be seen', async () => connection.isBroken)
    const next = await rejection(connection.query({ text: 'select 1' }))
    expect(next.code).toBe('NODE_UNREACHABLE')
    expect(wasNeverSent(next)).toBe(true)
    pool.release(connection)
    expect(pool.totalCount).toBe(0)
  })

  it('survives resets and black holes of the network', async () => {
    const chaos = await proxy({ port: primary.port })
    const pool = openPool(chaos.url, { max: 2, connectTimeoutMs: 300 })
    await pids(pool, 2)
    await chaos.set({ mode: 'reset' })
    await waitFor('both to be dropped', async () => pool.totalCount === 0)
    expect((await rejection(pool.execute({ text: 'select 1' }))).code).toBe('NODE_UNREACHABLE')
    await chaos.heal()
    await pids(pool, 2)
    await chaos.set({ mode: 'blackhole' })
    const lost = await rejection(pool.execute({ text: 'select 1', timeoutMs: 100 }))
    expect(lost.code).toBe('QUERY_TIMEOUT')
    expect(wasNeverSent(lost)).toBe(false)
    await waitFor('the lost one to be removed', async () => pool.totalCount === 1)
    await chaos.heal()
    expect((await pool.execute({ text: 'select 1 as a' })).rows).toEqual([{ a: 1 }])
    await pool.end()
    await chaos.stop()
  })
})

describe('cancelling', () => {
  const sleeping = async () =>
    primary.sql(`select from pg_stat_activity where state = 'active' and query like 'select pg_sleep(30)%'`)

  it('cancels on the server when the time is up, and destroys the connection', async () => {
    const pool = openPool(primary.url, { max: 1 })
    const [pid] = await pids(pool, 1)
    const error = await rejection(pool.execute({ text: 'select pg_sleep(30) /* 1 */', timeoutMs: 100 }))
    expect(error).toMatchObject({ code: 'QUERY_TIMEOUT', family: 'topology' })
    await waitFor('the server to stop it', async () => (await sleeping()).length === 0)
    expect(await pids(pool, 1)).not.toContain(pid)
  })

  it('takes query_timeout from the client configuration over', async () => {
    const pool = openPool(primary.url, { clientConfig: { query_timeout: 100 } })
    expect((await rejection(pool.execute({ text: 'select pg_sleep(30)' }))).code).toBe('QUERY_TIMEOUT')
    const url = openPool(`${primary.url}?query_timeout=100`)
    expect((await rejection(url.execute({ text: 'select pg_sleep(30)' }))).code).toBe('QUERY_TIMEOUT')
  })

  it('cancels on abort, fails with the reason, and the transaction stays usable', async () => {
    const pool = openPool(primary.url)
    const connection = await pool.lease()
    await connection.query({ text: 'begin' })
    const controller = new AbortController()
    const running = rejection(connection.query({ text: 'select pg_sleep(30)', signal: controller.signal }))
    await waitFor('it to run', async () => (await sleeping()).length === 1)
    const reason = new Error('no longer wanted')
    controller.abort(reason)
    expect(await running).toBe(reason)
    expect(connection.transactionStatus).toBe('E')
    await connection.query({ text: 'rollback' })
    for (let round = 0; round < 20; round++) await connection.query({ text: 'select 1' })
    pool.release(connection)
  })

  it('sends nothing when it was aborted before', async () => {
    const pool = openPool(primary.url)
    const signal = AbortSignal.abort(new Error('too late'))
    const error = await rejection(pool.execute({ text: 'select 1', signal }))
    expect(error.message).toBe('too late')
    expect(wasNeverSent(error)).toBe(true)
    expect(pool.inFlight).toBe(0)
  })

  it('gives up a server that does not react to the cancel', async () => {
    const chaos = await proxy({ port: primary.port })
    const pool = openPool(chaos.url)
    await pids(pool, 1)
    await chaos.set({ mode: 'blackhole' })
    const controller = new AbortController()
    const running = rejection(pool.execute({ text: 'select 1', signal: controller.signal }))
    controller.abort(new Error('enough'))
    expect((await running).message).toBe('enough')
    await waitFor('the connection to be removed', async () => pool.totalCount === 0)
    await pool.end()
    await chaos.stop()
  })
})

describe('end', () => {
  it('closes idle connections, waits for leased ones, and refuses everything after', async () => {
    const pool = openPool(primary.url, { max: 3 })
    const held = await pool.lease()
    await pids(pool, 2)
    let hasEnded = false
    const ending = pool.end().then(() => (hasEnded = true))
    expect(pool.end()).toBe(pool.end())
    expect((await rejection(pool.lease())).code).toBe('POOL_ENDED')
    expect((await held.query({ text: 'select 1 as a' })).rows).toEqual([{ a: 1 }])
    expect(hasEnded).toBe(false)
    pool.release(held)
    await ending
    expect(pool.totalCount).toBe(0)
    expect((await rejection(pool.execute({ text: 'select 1' }))).code).toBe('POOL_ENDED')
    expect(await primary.sql(`select from pg_stat_activity where pid = $1`, [held.backendPid])).toEqual([])
  })

  it('fails callers that wait, and does not wait for a server that is stopped', async () => {
    const pool = openPool(primary.url, { max: 1 })
    const held = await pool.lease()
    const waiting = rejection(pool.lease())
    const ending = pool.end()
    expect((await waiting).code).toBe('POOL_ENDED')
    primary.pause()
    try {
      pool.release(held)
      await ending
    } finally {
      primary.continue()
    }
    const opening = openPool(primary.url, { connectTimeoutMs: 0 })
    primary.pause()
    try {
      const lost = rejection(opening.lease())
      await opening.end()
      expect((await lost).code).toBe('POOL_ENDED')
    } finally {
      primary.continue()
    }
  })

  it('lets a query that was given before it finish on the connection that is being opened for it', async () => {
    const pool = openPool(primary.url, { max: 10 })
    const results = Array.from({ length: 12 }, () =>
      pool.execute({ text: 'select 1 as a' }).catch((error: unknown) => error),
    )
    await pool.end()
    const outcomes = await Promise.all(results)
    expect(outcomes.filter((outcome) => !(outcome instanceof Error))).toHaveLength(10)
    expect(outcomes.slice(10).map((error) => (error as { code?: unknown }).code)).toEqual([
      'POOL_ENDED',
      'POOL_ENDED',
    ])
    expect(pool.totalCount).toBe(0)
  })
})

describe('work that holders of connections wait for', () => {
  it('gets one connection beyond max, before everyone else, and leaves none behind', async () => {
    const pool = openPool(primary.url, { max: 1 })
    const held = await pool.lease()
    const waiting = pool.lease()
    const first = await pool.lease({ isAwaitedByHolders: true })
    expect(pool.totalCount).toBe(2)
    const second = pool.lease({ isAwaitedByHolders: true })
    pool.release(first)
    expect(await second).toBe(first)
    pool.release(first)
    expect(pool.totalCount).toBe(1)
    pool.release(held)
    pool.release(await waiting)
    expect(await waiting).toBe(held)
    expect(pool.totalCount).toBe(1)
    const controller = new AbortController()
    const holder = await pool.lease()
    const given = rejection(pool.lease({ isAwaitedByHolders: true, signal: controller.signal }))
    controller.abort(new Error('enough'))
    expect((await given).message).toBe('enough')
    pool.release(holder)
    await pool.end()
  })
})
