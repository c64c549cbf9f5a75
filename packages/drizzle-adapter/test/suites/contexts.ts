import { eq, is } from 'drizzle-orm'
import { NodePgDatabase } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { beforeEach, describe, expect, it } from 'vitest'
import { drizzle } from '../../src/index.ts'
import { order, port, tables, tenantsOfShards, type Harness } from './harness.ts'

const { orders, tenants } = tables

/** What SQL cannot say: the servers that `withReplicas` names, and contexts. */
export function contextsSuite(harness: Harness): void {
  const connect = () => drizzle(harness.router, { schema: tables })
  const portOf = async (db: Pick<ReturnType<typeof connect>, 'select'>, tenantId: number) => {
    const [row] = await db.select({ port }).from(tenants).where(eq(tenants.id, tenantId))
    return row?.port
  }
  beforeEach(() => harness.reset())

  describe('$primary and $replica', () => {
    it('are databases of the same class, made once', () => {
      const db = connect()
      for (const one of [db, db.$primary, db.$replica, ...db.$replicas, db.$context({ shard: 's0' })]) {
        expect(is(one, NodePgDatabase)).toBe(true)
        expect(one).toBeInstanceOf(NodePgDatabase)
        expect(one.$client).toBeInstanceOf(pg.Pool)
      }
      expect(db.$client).toBe(harness.router.pool)
      expect(db.$primary).toBe(db.$primary)
      expect(db.$replica).toBe(db.$replicas[0])
      expect(Object.keys(db)).not.toContain('$primary')
    })

    it('send statements where they say', async () => {
      const db = connect()
      const { a, b } = tenantsOfShards(harness)
      for (const [shard, tenantId] of [a, b].entries()) {
        expect(await portOf(db, tenantId)).toBe(harness.replica(shard).port)
        expect(await portOf(db.$primary, tenantId)).toBe(harness.primary(shard).port)
        expect(await portOf(db.$replica, tenantId)).toBe(harness.replica(shard).port)
      }
    })

    it('and so does their pool, however a statement is given', async () => {
      const { a } = tenantsOfShards(harness)
      const { $client } = connect().$primary
      const text = `select current_setting('port')::int as port from tenants where id = $1`
      const expected = { rows: [{ port: harness.primary(0).port }] }
      expect(await $client.query(text, [a])).toMatchObject(expected)
      expect(await $client.query({ text, values: [a] })).toMatchObject(expected)
      const byCallback = await new Promise((resolve, reject) => {
        $client.query(text, [a], (error: unknown, result: unknown) => {
          if (error === null || error === undefined) resolve(result)
          else reject(new Error('callback'))
        })
      })
      expect(byCallback).toMatchObject(expected)
      const submitted = new pg.Query({ text, values: [a] } as never) as unknown as pg.Submittable
      const rows = await new Promise((resolve, reject) => {
        const found: unknown[] = []
        const emitter = submitted as unknown as NodeJS.EventEmitter
        emitter.on('row', (row) => found.push(row))
        emitter.on('end', () => resolve(found))
        emitter.on('error', reject)
        void Promise.resolve($client.query(submitted)).catch(reject)
      })
      expect(rows).toEqual(expected.rows)
      for await (const batch of $client.stream(text, [a])) expect(batch).toEqual(expected.rows)
      const client = await $client.connect()
      expect(await client.query(text, [a])).toMatchObject(expected)
      for await (const batch of client.stream(text, [a])) expect(batch).toEqual(expected.rows)
      client.release()
      await new Promise<void>((resolve, reject) => {
        $client.connect((error, leased, release) => {
          if (error !== undefined || leased === undefined) return reject(new Error('no lease'))
          leased.query(text, [a]).then((result) => {
            expect(result).toMatchObject(expected)
            release()
            resolve()
          }, reject)
        })
      })
      expect($client.totalCount).toBeGreaterThan(0)
    })

    it('refuses a write on a replica', async () => {
      const { a } = tenantsOfShards(harness)
      const { $replica } = connect()
      await expect($replica.insert(orders).values(order(a, 1))).rejects.toMatchObject({
        cause: { code: 'CONTEXT_CONFLICT' },
      })
      const transaction = $replica.transaction((tx) => tx.insert(orders).values(order(a, 1)))
      await expect(transaction).rejects.toMatchObject({ cause: { code: 'CONTEXT_CONFLICT' } })
    })

    it('hold for transactions', async () => {
      const db = connect()
      const { b } = tenantsOfShards(harness)
      const readOnly = { accessMode: 'read only' } as const
      expect(await db.transaction((tx) => portOf(tx, b), readOnly)).toBe(harness.replica(1).port)
      expect(await db.$primary.transaction((tx) => portOf(tx, b), readOnly)).toBe(harness.primary(1).port)
      expect(await db.$replica.transaction((tx) => portOf(tx, b), readOnly)).toBe(harness.replica(1).port)
      expect(await db.$primary.transaction((tx) => portOf(tx, b))).toBe(harness.primary(1).port)
    })
  })

  describe('contexts', () => {
    it('reach a query that is awaited outside of router.run', async () => {
      const db = connect()
      const { a } = tenantsOfShards(harness)
      const query = () => db.select({ port }).from(tenants).where(eq(tenants.id, a))
      expect(await harness.router.run({ role: 'primary' }, query)).toEqual([
        { port: harness.primary(0).port },
      ])
      expect(await harness.router.run({ role: 'primary' }, async () => await query())).toEqual([
        { port: harness.primary(0).port },
      ])
      expect(await harness.router.run({ role: 'primary' }, () => db.$count(tenants, eq(tenants.id, a)))).toBe(
        1,
      )
    })

    it('guard and pin a tenant', async () => {
      const db = connect()
      const { a, b } = tenantsOfShards(harness)
      for (const refused of [
        () => harness.router.run({ tenant: a }, () => db.select().from(tenants).where(eq(tenants.id, b))),
        () => db.$context({ tenant: a }).select().from(tenants).where(eq(tenants.id, b)),
        () => db.$context({ tenant: a }).transaction((tx) => tx.insert(orders).values(order(b, 1))),
      ]) {
        await expect((async () => await refused())()).rejects.toMatchObject({
          cause: { code: 'TENANT_CONTRADICTED' },
        })
      }
      await db.$context({ tenant: b }).insert(orders).values(order(b, 1))
      expect(await harness.primary(1).sql('select id from orders')).toEqual([{ id: 1 }])
    })

    it('cannot be lifted by a narrower one', async () => {
      const db = connect()
      const { a, b } = tenantsOfShards(harness)
      const refused = harness.router.run({ tenant: a }, () =>
        db.$context({ tenant: b }).select().from(orders),
      )
      await expect((async () => await refused)()).rejects.toMatchObject({
        cause: { code: 'TENANT_CONTRADICTED' },
      })
    })
  })
}
