import { once } from 'node:events'
import { waitFor } from '@shardline/local-cluster'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contextKey } from '../src/pool-facade/request.ts'
import { rejection, startRouted, type Routed } from './routed-fixture.ts'
import type { RoutedPool } from '../src/pool-facade/routed-pool.ts'

/** What COPY streams do, in small. */
class CopyIn implements pg.Submittable {
  readonly text: string
  readonly #rows: string
  readonly #done: (error: unknown) => void

  constructor(text: string, rows: string, done: (error: unknown) => void) {
    this.text = text
    this.#rows = rows
    this.#done = done
  }

  submit(connection: pg.Connection): void {
    connection.query(this.text)
  }

  handleCopyInResponse(connection: { sendCopyFromChunk(chunk: Buffer): void; endCopyFrom(): void }): void {
    connection.sendCopyFromChunk(Buffer.from(this.#rows))
    connection.endCopyFrom()
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.#done(undefined)
  }

  handleError(error: unknown): void {
    this.#done(error)
  }
}

let routed: Routed
let pool: RoutedPool

beforeAll(async () => {
  routed = await startRouted()
  pool = routed.router.pool
  const [a, b] = routed.tenants
  await pool.query('insert into orders (tenant_id, id, note) values ($1, 1, $2), ($1, 2, $2), ($3, 1, $2)', [
    a,
    'n',
    b,
  ])
  await pool.query("insert into countries values ('de', 'Germany'), ('fr', 'France')")
  await pool.query("insert into settings values ('k', 'v')")
  await routed.cluster.waitForReplay()
})
afterAll(() => routed.end())

/** The server says which one it is; reading a setting is allowed on a replica. */
const port = "current_setting('port')::int as port"

async function nodeOf(answer: Promise<pg.QueryResult>): Promise<string> {
  const { rows } = await answer
  return routed.nodeAt(rows[0]?.port)
}

describe('RoutedPool as a pg.Pool', () => {
  it('is one, by class and by name', () => {
    expect(pool).toBeInstanceOf(pg.Pool)
    expect(pool.constructor.name).toContain('Pool')
  })

  it('takes every overload of query', async () => {
    const [a] = routed.tenants
    const text = 'select id from orders where tenant_id = $1 order by id'
    const expected = [{ id: '1' }, { id: '2' }]
    expect((await pool.query(text, [a])).rows).toEqual(expected)
    expect((await pool.query({ text, values: [a] })).rows).toEqual(expected)
    expect((await pool.query({ text }, [a])).rows).toEqual(expected)
    expect((await pool.query({ text, values: [0] }, [a])).rows).toEqual(expected)
    const byCallback = (...args: unknown[]): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const query = pool.query.bind(pool) as (...args: unknown[]) => unknown
        const returned = query(...args, (error: unknown, result: unknown) =>
          error ? reject(error) : resolve(result),
        )
        expect(returned).toBeUndefined()
      })
    expect(await byCallback(text, [a])).toMatchObject({ rows: expected })
    expect(await byCallback({ text, values: [a] })).toMatchObject({ rows: expected })
    expect(await byCallback({ text }, [a])).toMatchObject({ rows: expected })
    expect(await byCallback('select 1 as x')).toMatchObject({ rows: [{ x: 1 }] })
  })

  it('gives results with own properties, row modes and type parsers of the caller', async () => {
    const [a] = routed.tenants
    const result = await pool.query('select id, note from orders where tenant_id = $1 and id = 1', [a])
    for (const property of ['rows', 'rowCount', 'command', 'fields', 'oid'])
      expect(Object.hasOwn(result, property)).toBe(true)
    expect(result).toMatchObject({ rowCount: 1, command: 'SELECT' })
    expect(result.fields.map(({ name, dataTypeID }) => [name, dataTypeID])).toEqual([
      ['id', 20],
      ['note', 25],
    ])
    const arrays = await pool.query({
      text: 'select id from orders where tenant_id = $1 and id = 1',
      values: [a],
      rowMode: 'array',
    })
    expect(arrays.rows).toEqual([['1']])
    const typed = await pool.query({
      text: 'select id from orders where tenant_id = $1 and id = 1',
      values: [a],
      types: { getTypeParser: (() => (value: string) => BigInt(value)) as never },
    })
    expect(typed.rows).toEqual([{ id: 1n }])
  })

  it('keeps the names of prepared statements, and their rule', async () => {
    const [a] = routed.tenants
    const named = {
      name: 'by-tenant',
      text: 'select count(*)::int as n from orders where tenant_id = $1',
      values: [a],
    }
    expect((await pool.query(named)).rows).toEqual([{ n: 2 }])
    expect((await pool.query(named)).rows).toEqual([{ n: 2 }])
    const client = await pool.connect()
    try {
      await client.query('begin')
      await client.query('select 1 from orders where tenant_id = $1 for update', [a])
      await client.query({ name: 'same', text: 'select 1' })
      const error = await rejection(client.query({ name: 'same', text: 'select 2' }))
      expect(error.message).toContain("'same' was used for a different statement")
    } finally {
      client.release(true)
    }
  })

  it("passes PostgreSQL's own errors on", async () => {
    const [a] = routed.tenants
    const error = await rejection(pool.query('insert into orders (tenant_id, id) values ($1, 1)', [a]))
    expect(error).toBeInstanceOf(pg.DatabaseError)
    expect(error).toMatchObject({
      code: '23505',
      constraint: 'orders_pkey',
      table: 'orders',
      severity: 'ERROR',
    })
    expect(await rejection(pool.query('select * from orders where tenant_id = $1', [a, 2]))).toMatchObject({
      code: '08P01',
    })
    expect(await rejection(pool.query('select 1 from orders where tenant_id = 1 and ('))).toMatchObject({
      code: '42601',
      position: expect.any(String),
    })
    expect(await rejection(pool.query('select * from nowhere'))).toMatchObject({ code: 'UNKNOWN_TABLE' })
  })

  it('sends reads to replicas and writes to primaries, each to its own shard', async () => {
    for (const [shard, tenant] of routed.tenants.entries()) {
      const write = pool.query(`update orders set note = note where tenant_id = $1 returning ${port}`, [
        tenant,
      ])
      expect(await nodeOf(write)).toBe(`s${shard}/primary`)
      // Own writes are read: on the primary until the replica has them.
      await waitFor('reads to go to the replica', async () => {
        const node = await nodeOf(
          pool.query(`select ${port} from orders where tenant_id = $1 limit 1`, [tenant]),
        )
        expect([`s${shard}/primary`, `s${shard}/replica0`]).toContain(node)
        return node.endsWith('replica0')
      })
      const locking = pool.query(`select ${port} from orders where tenant_id = $1 for update`, [tenant])
      expect(await nodeOf(locking)).toBe(`s${shard}/primary`)
    }
    expect(await nodeOf(pool.query(`update settings set value = value returning ${port}`))).toBe('s0/primary')
  })

  it('refuses on the pool what belongs to one session', async () => {
    for (const text of [
      'begin',
      'set application_name = x',
      'listen a',
      'select pg_advisory_lock(1)',
      'select lastval()',
      'savepoint a',
      'commit',
    ]) {
      expect({ text, code: (await rejection(pool.query(text))).code }).toEqual({
        text,
        code: 'SESSION_STATE',
      })
    }
  })

  it('behaves as pg for nonsense', async () => {
    expect(await rejection(pool.query(null as never))).toBeInstanceOf(TypeError)
    expect((await rejection(pool.query({} as never))).message).toContain('either text or a name')
    expect(await rejection(pool.query('select $1', 'x' as never))).toMatchObject({
      message: 'Query values must be an array',
    })
    expect((await pool.query('')).rows).toEqual([])
  })
})

describe('a lease', () => {
  it('comes by promise and by callback, and is released once', async () => {
    const client = await pool.connect()
    expect('then' in client).toBe(false)
    client.release()
    expect(() => client.release()).toThrow(
      'Release called on client which has already been released to the pool.',
    )
    expect(await rejection(client.query('select 1'))).toMatchObject({ code: 'SESSION_STATE' })
    const rows = await new Promise((resolve, reject) => {
      pool.connect((error, leased, release) => {
        if (error !== undefined || leased === undefined) return reject(error)
        leased.query('select 1 as x', (failure: Error | null, result: pg.QueryResult) => {
          release()
          if (failure) reject(failure)
          else resolve(result.rows)
        })
      })
    })
    expect(rows).toEqual([{ x: 1 }])
  })

  it('keeps statements in their order', async () => {
    const [a] = routed.tenants
    const client = await pool.connect()
    const answers = await Promise.all([
      client.query('begin'),
      client.query('insert into orders (tenant_id, id) values ($1, 50)', [a]),
      client.query('select id from orders where tenant_id = $1 and id = 50', [a]),
      client.query('rollback'),
      client.query('select id from orders where tenant_id = $1 and id = 50', [a]),
    ])
    client.release()
    expect(answers.map(({ rowCount }) => rowCount)).toEqual([null, 1, 1, null, 0])
  })

  it('keeps session state on its node, and away from the next one', async () => {
    const client = await pool.connect()
    await client.query("set application_name = 'mine'")
    expect((await client.query('show application_name')).rows).toEqual([{ application_name: 'mine' }])
    const pid = client.boundNode
    expect(pid).toBe('s0/primary')
    const [, b] = routed.tenants
    expect(await rejection(client.query('select * from orders where tenant_id = $1', [b]))).toMatchObject({
      code: 'SESSION_STATE',
    })
    await client.query('reset all')
    client.release()
    for (let at = 0; at < 5; at++) {
      const next = await pool.connect()
      expect((await next.query('show application_name')).rows).not.toEqual([{ application_name: 'mine' }])
      next.release()
    }
  })

  it('goes on after a statement that no node may run', async () => {
    const client = await pool.connect()
    try {
      const text = 'select id from orders where tenant_id = 1'
      const context = { workload: 'nobody-is-tagged-so' }
      await expect(client.query({ text, [contextKey]: context } as pg.QueryConfig)).rejects.toMatchObject({
        code: 'NO_NODE_AVAILABLE',
      })
      expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    } finally {
      client.release()
    }
  })

  it('leaves no advisory lock behind', async () => {
    const client = await pool.connect()
    await client.query('select pg_advisory_lock(77)')
    client.release()
    const other = await pool.connect()
    // The release is not waited for: the lock goes soon, and not necessarily before the next statement.
    await other.query("set lock_timeout = '5s'")
    const outcome = await other.query('select pg_advisory_lock(77)').catch((error: unknown) => error)
    other.release(true)
    expect(outcome).toMatchObject({ rowCount: 1 })
  })

  it('hears notifications and notices', async () => {
    const client = await pool.connect()
    await client.query('listen news')
    const heard = once(client, 'notification')
    await pool.query("notify news, 'hello'")
    expect((await heard)[0]).toMatchObject({ channel: 'news', payload: 'hello' })
    const ours = once(client, 'notice')
    await client.query('begin')
    await client.query('begin')
    const there = {
      code: '25001',
      message: 'there is already a transaction in progress',
      severity: 'WARNING',
    }
    expect((await ours)[0]).toMatchObject(there)
    await client.query("update settings set value = value where key = 'k'")
    const theirs = once(client, 'notice')
    await client.query('begin')
    expect((await theirs)[0]).toMatchObject(there)
    await client.query('rollback')
    client.release()
  })

  it('refuses settings that would change what statements mean', async () => {
    const client = await pool.connect()
    for (const text of [
      'set search_path = x',
      'set local timezone = 1',
      "select set_config('search_path', 'x', false)",
    ]) {
      expect({ text, code: (await rejection(client.query(text))).code }).toEqual({
        text,
        code: 'SESSION_STATE',
      })
    }
    client.release()
  })

  it('escapes, parses types, and says where it is', async () => {
    const [a] = routed.tenants
    const client = await pool.connect()
    expect(client.escapeIdentifier('a"b')).toBe('"a""b"')
    expect(client.escapeLiteral("a'b")).toBe("'a''b'")
    client.setTypeParser(pg.types.builtins.INT8, 'text', ((value: string) => BigInt(value)) as never)
    expect((await client.query('select id from orders where tenant_id = $1 and id = 1', [a])).rows).toEqual([
      { id: 1n },
    ])
    expect((await pool.query('select id from orders where tenant_id = $1 and id = 1', [a])).rows).toEqual([
      { id: '1' },
    ])
    await client.query('begin')
    await client.query('update orders set note = note where tenant_id = $1', [a])
    const [row] = (await client.query('select pg_backend_pid() as pid')).rows as { pid: number }[]
    expect((client as unknown as { processID: number }).processID).toBe(row?.pid)
    await client.query('rollback')
    client.release()
  })
})

describe('Submittables', () => {
  it('read from one shard and from several: cursors', async () => {
    const [a] = routed.tenants
    const client = await pool.connect()
    const one = client.query(new Cursor('select id from orders where tenant_id = $1 order by id', [a]))
    expect(await one.read(1)).toEqual([{ id: '1' }])
    expect(await one.read(5)).toEqual([{ id: '2' }])
    await one.close()
    const all = client.query(new Cursor('select tenant_id, id from orders'))
    const rows = [...(await all.read(2)), ...(await all.read(2)), ...(await all.read(2))]
    expect(rows).toHaveLength(3)
    await all.close()
    expect((await client.query('select 1 as x')).rows).toEqual([{ x: 1 }])
    client.release()
  })

  it('read from one shard and from several: query streams', async () => {
    const [a] = routed.tenants
    const client = await pool.connect()
    for (const [text, values, count] of [
      ['select id from orders where tenant_id = $1', [a], 2],
      ['select id from orders', [], 3],
    ] as const) {
      const rows: unknown[] = []
      for await (const row of client.query(new QueryStream(text, [...values], { batchSize: 2 })))
        rows.push(row)
      expect(rows).toHaveLength(count)
    }
    client.release()
    await new Promise<void>((resolve, reject) => {
      const stream = new QueryStream('select id from orders')
      pool.query(stream)
      stream.on('data', () => undefined)
      stream.on('end', resolve)
      stream.on('error', reject)
    })
  })

  it('see their own transaction, and keep to it', async () => {
    const [a, b] = routed.tenants
    const client = await pool.connect()
    await client.query('begin')
    await client.query('insert into orders (tenant_id, id) values ($1, 70)', [a])
    const own = 'select id from orders where tenant_id = $1 and id = 70'
    const cursor = client.query(new Cursor(own, [a]))
    expect(await cursor.read(10)).toEqual([{ id: '70' }])
    await cursor.close()
    const streamed: unknown[] = []
    for await (const batch of client.stream(own, [a])) streamed.push(...batch)
    expect(streamed).toEqual([{ id: '70' }])
    const other = client.query(new Cursor(own, [b]))
    await expect(other.read(1)).rejects.toMatchObject({ code: 'TRANSACTION_SPANS_SHARDS' })
    expect(await rejection(client.query(own, [a]))).toMatchObject({ code: '25P02' })
    await client.query('rollback')
    client.release()
    expect((await pool.query(own, [a])).rowCount).toBe(0)
  })

  it('copy in and out where the shard is given, and nowhere else', async () => {
    const [a] = routed.tenants
    await routed.router.run({ shard: 's0' }, async () => {
      const client = await pool.connect()
      await client.query('begin')
      await new Promise<void>((resolve, reject) => {
        client.query(
          new CopyIn('copy orders (tenant_id, id) from stdin', `${a}\t80\n`, (error) =>
            error ? reject(error as Error) : resolve(),
          ),
        )
      })
      await client.query('commit')
      client.release()
    })
    expect((await pool.query('select id from orders where tenant_id = $1 and id = 80', [a])).rowCount).toBe(1)
    await pool.query('delete from orders where tenant_id = $1 and id = 80', [a])
    const client = await pool.connect()
    const refused = await new Promise((resolve) =>
      client.query(new CopyIn('copy orders (tenant_id, id) from stdin', '', resolve)),
    )
    expect(refused).toMatchObject({ code: 'UNPROVED_WRITE' })
    client.release()
  })

  it('fail as PostgreSQL and routing fail them', async () => {
    const client = await pool.connect()
    const cursor = client.query(new Cursor('select 1/0 from orders'))
    await expect(cursor.read(1)).rejects.toMatchObject({ code: '22012' })
    const refused = client.query(new Cursor('update orders set note = 1'))
    await expect(refused.read(1)).rejects.toMatchObject({ code: 'UNPROVED_WRITE' })
    expect((await client.query('select 1 as x')).rows).toEqual([{ x: 1 }])
    client.release()
  })
})

describe('stream', () => {
  it('gives batches from one shard and from several, and frees connections when left early', async () => {
    const [a] = routed.tenants
    const collect = async (text: string, values: unknown[]): Promise<unknown[]> => {
      const batches: unknown[] = []
      for await (const batch of pool.stream(text, values, { batchSize: 1 })) batches.push(...batch)
      return batches
    }
    expect(await collect('select id from orders where tenant_id = $1 order by id', [a])).toEqual([
      { id: '1' },
      { id: '2' },
    ])
    expect(await collect('select id from orders', [])).toHaveLength(3)
    for (let at = 0; at < 30; at++) {
      for await (const batch of pool.stream('select id from orders', [], { batchSize: 1 })) {
        expect(batch).toHaveLength(1)
        break
      }
    }
    expect((await pool.query('select 1 as x')).rows).toEqual([{ x: 1 }])
  })

  it('stops at a signal', async () => {
    const controller = new AbortController()
    const stream = pool.stream(
      'select pg_sleep(30), tenant_id from orders where tenant_id = $1',
      [routed.tenants[0]],
      {
        signal: controller.signal,
      },
    )
    const next = stream.next()
    setTimeout(() => controller.abort(), 50)
    await expect(next).rejects.toMatchObject({ name: 'AbortError' })
  })
})

describe('counters, events and the end', () => {
  it('counts and tells', async () => {
    expect(pool.totalCount).toBeGreaterThan(0)
    expect(pool.idleCount).toBeLessThanOrEqual(pool.totalCount)
    expect(pool.waitingCount).toBe(0)
    const connected: unknown[] = []
    pool.on('connect', (client) => {
      connected.push(client)
      void client.query("set application_name = 'prepared'")
    })
    expect(
      (await pool.query('select current_setting($1) as name from settings', ['application_name'])).rows,
    ).toEqual([{ name: 'prepared' }])
    expect(connected.length).toBeGreaterThan(0)
    expect(connected[0]).toBeInstanceOf(pg.Client)
  })

  it('ends once', async () => {
    expect([pool.ending, pool.ended]).toEqual([false, false])
    await pool.end()
    expect([pool.ending, pool.ended]).toEqual([true, true])
    expect((await rejection(pool.query('select 1'))).message).toBe(
      'Cannot use a pool after calling end on the pool',
    )
    expect((await rejection(pool.connect())).message).toBe('Cannot use a pool after calling end on the pool')
    expect((await rejection(pool.end())).message).toBe('Called end on pool more than once')
  })
})
