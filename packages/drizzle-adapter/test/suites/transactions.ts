import { TransactionRollbackError, eq } from 'drizzle-orm'
import { beforeEach, expect, it } from 'vitest'
import { drizzle } from '../../src/index.ts'
import { order, port, tables, tenantsOfShards, type Harness } from './harness.ts'

const { orders } = tables

/** Transactions belong to the shard of their first statement. */
export function transactionsSuite(harness: Harness): void {
  const connect = () => drizzle(harness.router, { schema: tables })
  const ids = async (shard: number) =>
    (await harness.primary(shard).sql<{ id: number }>('select id from orders order by id')).map(
      ({ id }) => id,
    )
  beforeEach(() => harness.reset())

  it('commit, and are read in', async () => {
    const db = connect()
    const { b } = tenantsOfShards(harness)
    const seen = await db.transaction(async (tx) => {
      await tx.insert(orders).values(order(b, 1))
      return await tx.select({ id: orders.id, port }).from(orders).where(eq(orders.tenantId, b))
    })
    expect(seen).toEqual([{ id: 1, port: harness.primary(1).port }])
    expect(await ids(1)).toEqual([1])
  })

  it('roll back by an error and by rollback()', async () => {
    const db = connect()
    const { a } = tenantsOfShards(harness)
    const failing = db.transaction(async (tx) => {
      await tx.insert(orders).values(order(a, 1))
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    const rolledBack = db.transaction(async (tx) => {
      await tx.insert(orders).values(order(a, 1))
      tx.rollback()
    })
    await expect(rolledBack).rejects.toBeInstanceOf(TransactionRollbackError)
    expect(await ids(0)).toEqual([])
  })

  it('nest by savepoints', async () => {
    const db = connect()
    const { a } = tenantsOfShards(harness)
    await db.transaction(async (tx) => {
      await tx.transaction((inner) => inner.insert(orders).values(order(a, 1)))
      const failing = tx.transaction(async (inner) => {
        await inner.insert(orders).values(order(a, 2))
        await inner.transaction(async (innermost) => {
          await innermost.insert(orders).values(order(a, 3))
          innermost.rollback()
        })
      })
      await expect(failing).rejects.toBeInstanceOf(TransactionRollbackError)
      await tx.insert(orders).values(order(a, 4))
    })
    expect(await ids(0)).toEqual([1, 4])
  })

  it('take their configuration', async () => {
    const db = connect()
    const { a } = tenantsOfShards(harness)
    const settings = async (config: Parameters<typeof db.transaction>[1]) =>
      await db.transaction(async (tx) => {
        await tx.select().from(orders).where(eq(orders.tenantId, a))
        const result: unknown =
          await tx.execute(`select current_setting('transaction_isolation') as isolation,
          current_setting('transaction_read_only') as read_only, current_setting('transaction_deferrable') as deferrable`)
        return (result as { readonly rows: readonly unknown[] }).rows[0]
      }, config)
    expect(await settings({ isolationLevel: 'repeatable read' })).toEqual({
      isolation: 'repeatable read',
      read_only: 'off',
      deferrable: 'off',
    })
    expect(
      await settings({ isolationLevel: 'serializable', accessMode: 'read only', deferrable: true }),
    ).toEqual({ isolation: 'serializable', read_only: 'on', deferrable: 'on' })
  })

  it('refuse a statement for another shard', async () => {
    const db = connect()
    const { a, b } = tenantsOfShards(harness)
    const spanning = db.transaction(async (tx) => {
      await tx.insert(orders).values(order(a, 1))
      await tx.insert(orders).values(order(b, 1))
    })
    await expect(spanning).rejects.toMatchObject({ cause: { code: 'TRANSACTION_SPANS_SHARDS' } })
    expect([await ids(0), await ids(1)]).toEqual([[], []])
  })

  it('do not mix when many run at once, and give their connections back', async () => {
    const db = connect()
    const { a, b } = tenantsOfShards(harness)
    await Promise.all(
      Array.from({ length: 60 }, async (_, id) => {
        const tenantId = id % 2 === 0 ? a : b
        const transaction = db.transaction(async (tx) => {
          await tx.insert(orders).values(order(tenantId, id))
          if (id % 3 === 0) tx.rollback()
        })
        await transaction.catch(() => {})
      }),
    )
    const kept = Array.from({ length: 60 }, (_, id) => id).filter((id) => id % 3 !== 0)
    expect(await ids(0)).toEqual(kept.filter((id) => id % 2 === 0))
    expect(await ids(1)).toEqual(kept.filter((id) => id % 2 === 1))
    expect(harness.router.pool.waitingCount).toBe(0)
  })
}
