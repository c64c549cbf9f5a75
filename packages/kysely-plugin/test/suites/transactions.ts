import { Kysely, sql, type Transaction } from 'kysely'
import { shardlinePlugin } from '../../src/index.ts'
import { beforeEach, describe, expect, it } from 'vitest'
import { isAtLeast029, order, port, tables, tenants, until, type DB, type Harness } from './harness.ts'

const settings = sql<{ level: string; readOnly: string; port: number }>`
  select current_setting('transaction_isolation') as level, current_setting('transaction_read_only') as "readOnly", current_setting('port')::int as port
`

/** Transactions, savepoints and pinned connections are those of Kysely on one PostgreSQL. */
export function transactionsSuite(harness: Harness): void {
  const connect = () => {
    const shardline = shardlinePlugin<DB>(harness.router, { tables })
    return new Kysely<DB>({ dialect: shardline.dialect(), plugins: [shardline] })
  }
  const insert = (db: Kysely<DB>, tenant: number, id: number) =>
    db.insertInto('orders').values(order(tenant, id)).returning(port.as('port')).executeTakeFirstOrThrow()
  const idsOn = async (shard: number) =>
    (await harness.primary(shard).sql<{ id: number }>('select id from orders order by id')).map(
      ({ id }) => id,
    )
  const openTransactions = async (shard: number) => {
    const [row] = await harness
      .primary(shard)
      .sql<{ count: number }>(
        `select count(*)::int from pg_stat_activity where state like 'idle in transaction%' or (wait_event = 'ClientRead' and xact_start is not null)`,
      )
    return row?.count ?? 0
  }

  beforeEach(() => harness.reset())

  describe('transaction()', () => {
    it('belongs to the shard of its first statement, and commits there', async () => {
      const db = connect()
      const { b } = tenants(harness)
      const seen = await db.transaction().execute(async (trx) => {
        const written = await insert(trx, b, 1)
        const read = await trx
          .selectFrom('orders')
          .select(['id', port.as('port')])
          .where('tenant_id', '=', b)
          .executeTakeFirstOrThrow()
        expect(await idsOn(1)).toEqual([])
        return [written.port, read]
      })
      expect(seen).toEqual([harness.primary(1).port, { id: 1, port: harness.primary(1).port }])
      expect(await idsOn(1)).toEqual([1])
    })

    it('rolls back when the callback throws, and passes its error on', async () => {
      const db = connect()
      const { b } = tenants(harness)
      const failure = new Error('mine')
      const running = db.transaction().execute(async (trx) => {
        await insert(trx, b, 1)
        throw failure
      })
      await expect(running).rejects.toBe(failure)
      expect(await idsOn(1)).toEqual([])
      expect(await openTransactions(1)).toBe(0)
    })

    it.each(['read committed', 'repeatable read', 'serializable'] as const)(
      'has isolation level %s',
      async (level) => {
        const db = connect()
        const { b } = tenants(harness)
        const seen = await db
          .transaction()
          .setIsolationLevel(level)
          .execute(async (trx) => {
            await insert(trx, b, 1)
            return (await settings.execute(trx)).rows[0]
          })
        expect(seen).toEqual({ level, readOnly: 'off', port: harness.primary(1).port })
      },
    )

    it('with access mode read only runs on a replica, in one snapshot', async () => {
      const db = connect()
      const { b } = tenants(harness)
      await insert(db, b, 1)
      await harness.cluster.waitForReplay()
      const seen = await db
        .transaction()
        .setAccessMode('read only')
        .setIsolationLevel('repeatable read')
        .execute(async (trx) => {
          const first = await trx
            .selectFrom('orders')
            .select(['id', port.as('port')])
            .where('tenant_id', '=', b)
            .execute()
          await harness.primary(1).sql('insert into orders (tenant_id, id, total) values ($1, 2, 2)', [b])
          await harness.cluster.waitForReplay()
          const second = await trx
            .selectFrom('orders')
            .select(['id', port.as('port')])
            .where('tenant_id', '=', b)
            .execute()
          expect(second).toEqual(first)
          expect((await settings.execute(trx)).rows).toEqual([
            { level: 'repeatable read', readOnly: 'on', port: harness.replica(1).port },
          ])
          return first
        })
      expect(seen).toEqual([{ id: 1, port: harness.replica(1).port }])
    })

    it('with access mode read only refuses a write as PostgreSQL does', async () => {
      const db = connect()
      const { b } = tenants(harness)
      const running = db
        .transaction()
        .setAccessMode('read only')
        .execute((trx) => insert(trx, b, 1))
      await expect(running).rejects.toMatchObject({ code: '25006' })
      expect(await idsOn(1)).toEqual([])
    })

    it('refuses a statement for another shard, and rolls back', async () => {
      const db = connect()
      const { a, b } = tenants(harness)
      const running = db.transaction().execute(async (trx) => {
        await insert(trx, b, 1)
        await insert(trx, a, 2)
      })
      await expect(running).rejects.toMatchObject({ code: 'TRANSACTION_SPANS_SHARDS' })
      expect(await Promise.all([idsOn(0), idsOn(1)])).toEqual([[], []])
    })

    it('is aborted by an error, as in PostgreSQL, until it ends', async () => {
      const db = connect()
      const { b } = tenants(harness)
      const running = db.transaction().execute(async (trx) => {
        await insert(trx, b, 1)
        await expect(insert(trx, b, 1)).rejects.toMatchObject({ code: '23505', constraint: 'orders_pkey' })
        await insert(trx, b, 2)
      })
      await expect(running).rejects.toMatchObject({ code: '25P02' })
      expect(await idsOn(1)).toEqual([])
    })

    it('that was aborted does not pretend to be committed', async () => {
      const db = connect()
      const { b } = tenants(harness)
      const running = db.transaction().execute(async (trx) => {
        await insert(trx, b, 1)
        await insert(trx, b, 1).catch(() => {})
        return 'done'
      })
      const outcome = await running.catch((error: unknown) => error)
      expect(outcome).toEqual(
        isAtLeast029 ? expect.objectContaining({ name: 'AbortedTransactionError' }) : 'done',
      )
      expect(await idsOn(1)).toEqual([])
    })

    it('without a statement takes no server and does no harm', async () => {
      expect(
        await connect()
          .transaction()
          .execute(async () => 'nothing'),
      ).toBe('nothing')
    })

    it('keeps the hints of the instance it came from, and takes more', async () => {
      const db = connect()
      const { b } = tenants(harness)
      const shardline = shardlinePlugin<DB>(harness.router)
      const refused = await db
        .withPlugin(shardline.hint({ tenant: b }))
        .transaction()
        .execute(async (trx: Transaction<DB>) => {
          await insert(trx, b, 1)
          const other = insert(trx.withPlugin(shardline.hint({ shard: 's0' })), b, 2)
          return await other.then(
            () => undefined,
            (error: unknown) => error,
          )
        })
        .catch((error: unknown) => error)
      expect(refused).toMatchObject(
        isAtLeast029 ? { name: 'AbortedTransactionError' } : { family: 'statement' },
      )
      expect(await idsOn(1)).toEqual([])
    })
  })

  describe('startTransaction()', () => {
    it('commits and rolls back to savepoints, with names quoted', async () => {
      const db = connect()
      const { b } = tenants(harness)
      const trx = await db.startTransaction().execute()
      const before = await trx.savepoint('be"fore').execute()
      await insert(before, b, 1)
      const after = await before.savepoint('after').execute()
      await insert(after, b, 2)
      await expect(insert(after, b, 2)).rejects.toMatchObject({ code: '23505' })
      const back = await after.rollbackToSavepoint('after').execute()
      await insert(back, b, 3)
      const released = await back.releaseSavepoint('be"fore').execute()
      await released.commit().execute()
      expect(released.isCommitted).toBe(true)
      expect(await idsOn(1)).toEqual([1, 3])
      expect(await openTransactions(1)).toBe(0)
    })

    it('rolls back to a savepoint set before any statement had a shard', async () => {
      const db = connect()
      const { a } = tenants(harness)
      const trx = await db.startTransaction().setIsolationLevel('serializable').execute()
      const start = await trx.savepoint('start').execute()
      await insert(start, a, 1)
      const back = await start.rollbackToSavepoint('start').execute()
      await insert(back, a, 2)
      expect((await settings.execute(back)).rows[0]).toMatchObject({
        level: 'serializable',
        port: harness.primary(0).port,
      })
      await back.commit().execute()
      expect(await idsOn(0)).toEqual([2])
    })

    it('rolls back, and refuses to go on', async () => {
      const db = connect()
      const { b } = tenants(harness)
      const trx = await db.startTransaction().execute()
      await insert(trx, b, 1)
      await trx.rollback().execute()
      expect(trx.isRolledBack).toBe(true)
      await expect(insert(trx, b, 2)).rejects.toThrow('already rolled back')
      expect(await idsOn(1)).toEqual([])
    })

    it("gives PostgreSQL's error for a savepoint that is not there", async () => {
      const db = connect()
      const { b } = tenants(harness)
      const trx = await db.startTransaction().execute()
      await insert(trx, b, 1)
      await expect(trx.rollbackToSavepoint('nowhere' as never).execute()).rejects.toMatchObject({
        code: '3B001',
      })
      await trx.rollback().execute()
    })
  })

  describe('connection()', () => {
    it('keeps session state on one server until it is given back', async () => {
      const db = connect()
      const { b } = tenants(harness)
      await db.connection().execute(async (one) => {
        await insert(one, b, 1)
        await sql`set application_name = 'pinned'`.execute(one)
        const show = sql<{
          name: string
          pid: number
          port: number
        }>`select current_setting('application_name') as name, current_setting('port')::int as port`
        const first = (await show.execute(one)).rows
        expect((await show.execute(one)).rows).toEqual(first)
        expect(first[0]).toMatchObject({ name: 'pinned' })
      })
    })

    it('runs a transaction inside', async () => {
      const db = connect()
      const { b } = tenants(harness)
      await db.connection().execute((one) => one.transaction().execute((trx) => insert(trx, b, 1)))
      expect(await idsOn(1)).toEqual([1])
    })

    it('holds an advisory lock over several statements, which another connection sees', async () => {
      const db = connect()
      const held = () =>
        harness
          .primary(0)
          .sql<{ count: number }>(`select count(*)::int from pg_locks where locktype = 'advisory'`)
      const pinned = db.withPlugin(shardlinePlugin<DB>(harness.router).hint({ shard: 's0' }))
      await pinned.connection().execute(async (one) => {
        await sql`select pg_advisory_lock(42)`.execute(one)
        expect(await held()).toEqual([{ count: 1 }])
        const { rows } = await sql<{ freed: boolean }>`select pg_advisory_unlock(42) as freed`.execute(one)
        expect(rows).toEqual([{ freed: true }])
      })
      await until('the lock to be free', async () => (await held())[0]?.count === 0)
    })
  })
}
