import { Kysely, sql } from 'kysely'
import { Client } from 'pg'
import { shardlinePlugin } from '../../src/index.ts'
import { describe, expect, it, vi } from 'vitest'
import { isAtLeast029, sleeping, tables, tenants, until, type DB, type Harness } from './harness.ts'

type Strategy = 'ignore query' | 'cancel query' | 'kill session'
interface AbortOptions {
  readonly signal: AbortSignal
  readonly inflightQueryAbortStrategy?: Strategy
}

/** An aborted query ends on the servers where it runs, and nowhere else. */
export function abortsSuite(harness: Harness): void {
  const connect = () => {
    const shardline = shardlinePlugin<DB>(harness.router, { tables })
    return new Kysely<DB>({ dialect: shardline.dialect(), plugins: [shardline] })
  }
  const slow = (db: Kysely<DB>, tenant: number) =>
    sql`select pg_sleep(20) from tenants where id = ${tenant}`.compile(db)
  const execute = (db: Kysely<DB>, tenant: number, options: AbortOptions) =>
    (db as unknown as { executeQuery(query: unknown, options: AbortOptions): Promise<unknown> }).executeQuery(
      slow(db, tenant),
      options,
    )

  describe.runIf(isAtLeast029)('an abort signal', () => {
    it.each<Strategy>(['cancel query', 'kill session'])(
      'with "%s" reaches the server that runs the query',
      async (inflightQueryAbortStrategy) => {
        const db = connect()
        const { a, b } = tenants(harness)
        const controller = new AbortController()
        const bystander = new AbortController()
        const running = execute(db, b, { signal: controller.signal, inflightQueryAbortStrategy })
        const other = execute(db, a, { signal: bystander.signal, inflightQueryAbortStrategy: 'cancel query' })
        const outcomes = Promise.allSettled([running, other])
        await until(
          'both to sleep',
          async () =>
            (await sleeping(harness.replica(1))).length === 1 &&
            (await sleeping(harness.replica(0))).length === 1,
        )
        controller.abort(new Error('enough'))
        await expect(running).rejects.toThrow('enough')
        await until('the query to end', async () => (await sleeping(harness.replica(1))).length === 0)
        expect(await sleeping(harness.replica(0))).toHaveLength(1)
        bystander.abort(new Error('also'))
        await outcomes
        await until('the other query to end', async () => (await sleeping(harness.replica(0))).length === 0)
      },
    )

    it('cancels a query that runs on several shards on all of them', async () => {
      const db = primaries(connect())
      const controller = new AbortController()
      const query = db.selectFrom('tenants').select('id').orderBy('id').compile()
      await whileLocked(async () => {
        const outcome = executeCompiled(db, query, {
          signal: controller.signal,
          inflightQueryAbortStrategy: 'cancel query',
        })
        await until('both to wait', async () => (await waiting()) === 2)
        controller.abort(new Error('enough'))
        expect(await outcome).toMatchObject({ message: 'enough' })
        await until('both to end', async () => (await waiting()) === 0)
      })
    })

    it('leaves the connection usable in a transaction, as PostgreSQL would: aborted', async () => {
      const db = connect()
      const { b } = tenants(harness)
      const controller = new AbortController()
      const running = db.transaction().execute(async (trx) => {
        await sql`select id from tenants where id = ${b} for update`.execute(trx)
        const slowly = execute(trx, b, {
          signal: controller.signal,
          inflightQueryAbortStrategy: 'cancel query',
        })
        const outcome = slowly.catch((error: unknown) => error)
        await until('it to sleep', async () => (await sleeping(harness.primary(1))).length === 1)
        controller.abort(new Error('enough'))
        expect(await outcome).toMatchObject({ message: 'enough' })
        await until('it to end', async () => (await sleeping(harness.primary(1))).length === 0)
        await sql`select id from tenants where id = ${b}`.execute(trx)
      })
      await expect(running).rejects.toMatchObject({ code: '25P02' })
    })

    it('cancels its own query and not the next one on the same connection', async () => {
      const db = connect()
      const { b } = tenants(harness)
      const controller = new AbortController()
      const next = await db.connection().execute(async (one) => {
        const slowly = execute(one, b, {
          signal: controller.signal,
          inflightQueryAbortStrategy: 'cancel query',
        }).catch((error: unknown) => error)
        await until('it to sleep', async () => (await sleeping(harness.replica(1))).length === 1)
        const waiting = executeCompiled(one, sql`select 1 as one`.compile(one), {
          signal: new AbortController().signal,
          inflightQueryAbortStrategy: 'cancel query',
        })
        controller.abort(new Error('enough'))
        expect(await slowly).toMatchObject({ message: 'enough' })
        return await waiting
      })
      expect(next).toMatchObject({ rows: [{ one: 1 }] })
    })

    it('with "kill session" ends the session, and with it what was pinned to it', async () => {
      const db = connect()
      const { b } = tenants(harness)
      const controller = new AbortController()
      let pid = 0
      const running = db.transaction().execute(async (trx) => {
        await trx.updateTable('tenants').set({ name: 'killed' }).where('id', '=', b).execute()
        const slowly = execute(trx, b, {
          signal: controller.signal,
          inflightQueryAbortStrategy: 'kill session',
        })
        const outcome = slowly.catch((error: unknown) => error)
        await until('it to sleep', async () => (await sleeping(harness.primary(1))).length === 1)
        pid = (await sleeping(harness.primary(1)))[0]?.pid ?? 0
        controller.abort(new Error('enough'))
        expect(await outcome).toMatchObject({ message: 'enough' })
        const next = trx.selectFrom('tenants').select('id').where('id', '=', b).execute()
        await expect(next).rejects.toThrow('discarded')
        throw new Error('mine')
      })
      await expect(running).rejects.toThrow('mine')
      await until('the session to end', async () => {
        const sessions = await harness.primary(1).sql('select from pg_stat_activity where pid = $1', [pid])
        return sessions.length === 0
      })
      expect(await harness.primary(1).sql(`select id from tenants where name = 'killed'`)).toEqual([])
    })

    it('that was aborted before sends nothing', async () => {
      const { b } = tenants(harness)
      const signal = AbortSignal.abort(new Error('before'))
      await expect(
        execute(connect(), b, { signal, inflightQueryAbortStrategy: 'cancel query' }),
      ).rejects.toThrow('before')
      expect(await sleeping(harness.replica(1))).toEqual([])
    })

    it('ends a stream that waits for its servers, without a complaint in the background', async () => {
      const printed = vi.spyOn(console, 'error')
      const db = primaries(connect())
      const controller = new AbortController()
      await whileLocked(async () => {
        const outcome = readAll(db, controller.signal)
        await until('both to wait', async () => (await waiting()) === 2)
        controller.abort(new Error('enough'))
        expect(await outcome).toMatchObject({ message: 'enough' })
        await until('both to end', async () => (await waiting()) === 0)
      })
      await db.destroy()
      expect(printed).not.toHaveBeenCalled()
      printed.mockRestore()
    })

    it('ends a stream that is being read', async () => {
      const controller = new AbortController()
      const outcome = readAll(primaries(connect()), controller.signal, () =>
        controller.abort(new Error('enough')),
      )
      expect(await outcome).toMatchObject({ message: 'enough' })
      await until('both to be free', async () => {
        const open = await Promise.all(
          [0, 1].map((shard) =>
            harness.primary(shard).sql(`select from pg_stat_activity where state like 'idle in%'`),
          ),
        )
        return open.flat().length === 0
      })
    })
  })

  const primaries = (db: Kysely<DB>) =>
    db.withPlugin(shardlinePlugin<DB>(harness.router).hint({ role: 'primary' }))

  const executeCompiled = (db: Kysely<DB>, query: unknown, options: AbortOptions): Promise<unknown> =>
    (db as unknown as { executeQuery(query: unknown, options: AbortOptions): Promise<unknown> })
      .executeQuery(query, options)
      .catch((error: unknown) => error)

  const readAll = async (
    db: Kysely<DB>,
    signal: AbortSignal,
    onRow: () => void = () => {},
  ): Promise<unknown> => {
    const rows = db.selectFrom('tenants').select('id').orderBy('id') as unknown as {
      stream(options: { chunkSize: number; signal: AbortSignal }): AsyncIterable<{ id: number }>
    }
    try {
      for await (const _row of rows.stream({ chunkSize: 1, signal })) onRow()
      return 'read to the end'
    } catch (error) {
      return error
    }
  }

  /** Keeps every reader of `tenants` on the primaries waiting. */
  const whileLocked = async (act: () => Promise<void>): Promise<void> => {
    const clients = [0, 1].map((shard) => new Client(harness.primary(shard).url))
    try {
      for (const client of clients) {
        await client.connect()
        await client.query('begin; lock table tenants in access exclusive mode')
      }
      await act()
    } finally {
      await Promise.all(clients.map((client) => client.end()))
    }
  }

  const waiting = async (): Promise<number> => {
    const found = await Promise.all(
      [0, 1].map((shard) =>
        harness.primary(shard).sql(`select from pg_stat_activity where wait_event_type = 'Lock'`),
      ),
    )
    return found.flat().length
  }
}
