import { and, asc, count, desc, eq, max, placeholder, sql, sum } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { beforeEach, describe, expect, it } from 'vitest'
import { drizzle } from '../../src/index.ts'
import { order, port, tables, tenantsOfShards, type Harness } from './harness.ts'

const { countries, features, items, notes, orders, readings } = tables

/** Statements built by Drizzle run on the right servers. */
export function routingSuite(harness: Harness): void {
  const connect = () => drizzle(harness.router, { schema: tables })
  beforeEach(() => harness.reset())

  describe('one shard', () => {
    it('writes on the primary of the shard that owns the key', async () => {
      const db = connect()
      const { a, b } = tenantsOfShards(harness)
      for (const [shard, tenantId] of [a, b].entries()) {
        const inserted = await db.insert(orders).values(order(tenantId, 1)).returning({ port })
        expect(inserted).toEqual([{ port: harness.primary(shard).port }])
        const updated = await db
          .update(orders)
          .set({ note: 'x' })
          .where(and(eq(orders.tenantId, tenantId), eq(orders.id, 1)))
          .returning({ port })
        expect(updated).toEqual([{ port: harness.primary(shard).port }])
        expect(await harness.primary(shard).sql('select tenant_id, note from orders')).toEqual([
          { tenant_id: tenantId, note: 'x' },
        ])
        const deleted = await db.delete(orders).where(eq(orders.tenantId, tenantId))
        expect(deleted.rowCount).toBe(1)
      }
    })

    it('reads on the replica of the shard that owns the key, and locks on its primary', async () => {
      const db = connect()
      for (const [shard, tenantId] of Object.values(tenantsOfShards(harness)).entries()) {
        await db.insert(orders).values(order(tenantId, 1, '2.00'))
        await harness.cluster.waitForReplay()
        const query = () =>
          db.select({ total: orders.total, port }).from(orders).where(eq(orders.tenantId, tenantId))
        expect(await query()).toEqual([{ total: '2.00', port: harness.replica(shard).port }])
        expect(await query().for('update')).toEqual([{ total: '2.00', port: harness.primary(shard).port }])
      }
    })

    it('follows the key through joins, aliases, subqueries and CTEs', async () => {
      const db = connect()
      const { b } = tenantsOfShards(harness)
      await db.insert(orders).values(order(b, 1))
      await db.insert(items).values({ tenantId: b, orderId: 1, sku: 'sku', amount: 3 })
      await harness.cluster.waitForReplay()
      const expected = [{ sku: 'sku', port: harness.replica(1).port }]
      const o = alias(orders, 'o')
      const joined = await db
        .select({ sku: items.sku, port })
        .from(o)
        .innerJoin(items, and(eq(items.tenantId, o.tenantId), eq(items.orderId, o.id)))
        .where(eq(o.tenantId, b))
      expect(joined).toEqual(expected)
      const mine = db.$with('mine').as(db.select().from(orders).where(eq(orders.tenantId, b)))
      const withCte = await db
        .with(mine)
        .select({ sku: items.sku, port })
        .from(mine)
        .innerJoin(items, and(eq(items.tenantId, mine.tenantId), eq(items.orderId, mine.id)))
      expect(withCte).toEqual(expected)
      const sub = db.select().from(orders).where(eq(orders.tenantId, b)).as('sub')
      const withSubquery = await db
        .select({ sku: items.sku, port })
        .from(items)
        .innerJoin(sub, and(eq(items.tenantId, sub.tenantId), eq(items.orderId, sub.id)))
      expect(withSubquery).toEqual(expected)
    })

    it('runs prepared statements with placeholders, named and not', async () => {
      const db = connect()
      const { a, b } = tenantsOfShards(harness)
      await db.insert(orders).values([order(a, 1, '1.10'), order(b, 1, '2.20')])
      await harness.cluster.waitForReplay()
      const prepared = db
        .select({ total: orders.total, port })
        .from(orders)
        .where(eq(orders.tenantId, placeholder('tenant')))
        .prepare('orders_of_tenant')
      for (let turn = 0; turn < 2; turn++) {
        expect(await prepared.execute({ tenant: a })).toEqual([
          { total: '1.10', port: harness.replica(0).port },
        ])
        expect(await prepared.execute({ tenant: b })).toEqual([
          { total: '2.20', port: harness.replica(1).port },
        ])
      }
    })

    it('reaches tables in other schemas, with keys of custom types, and by time', async () => {
      const db = connect()
      const { b } = tenantsOfShards(harness)
      const written = await db.insert(notes).values({ tenantId: b, id: 1, body: 'x' }).returning({ port })
      expect(written).toEqual([{ port: harness.primary(1).port }])
      const names = Array.from({ length: 16 }, (_, i) => `feature ${i}`)
      await db.insert(features).values(names.map((entityId, value) => ({ entityId, value })))
      for (const shard of [0, 1]) {
        const here = await harness.primary(shard).sql<{ entity_id: string }>('select entity_id from features')
        expect(here.length).toBeGreaterThan(0)
        for (const { entity_id } of here) {
          const [found] = await db
            .select({ port })
            .from(features)
            .where(eq(features.entityId, entity_id))
            .for('share')
          expect(found).toEqual({ port: harness.primary(shard).port })
        }
      }
      const recordedAt = new Date('2026-02-03T04:05:06.789Z')
      await db.insert(readings).values({ recordedAt, sensor: 1 })
      const [reading] = await db.$primary.select().from(readings).where(eq(readings.recordedAt, recordedAt))
      expect(reading).toEqual({ recordedAt, sensor: 1 })
    })
  })

  describe('several shards', () => {
    it('splits an INSERT by its keys and returns the rows in the order of VALUES', async () => {
      const db = connect()
      const { a, b } = tenantsOfShards(harness)
      const rows = [order(b, 1, '10.00'), order(a, 2, '20.00'), order(b, 3, '30.00'), order(a, 4, '40.00')]
      const result = await db
        .insert(orders)
        .values(rows)
        .returning({ tenantId: orders.tenantId, id: orders.id, total: orders.total })
      expect(result).toEqual(rows)
      expect(await harness.primary(0).sql('select id from orders order by id')).toEqual([
        { id: 2 },
        { id: 4 },
      ])
      expect(await harness.primary(1).sql('select id from orders order by id')).toEqual([
        { id: 1 },
        { id: 3 },
      ])
    })

    it('merges ordered, limited, grouped and aggregated reads', async () => {
      const db = connect()
      const { a, b } = tenantsOfShards(harness)
      await db
        .insert(orders)
        .values([order(a, 1, '0.10'), order(b, 2, '0.20'), order(a, 3, '3.00'), order(b, 4, '4.00')])
      await harness.cluster.waitForReplay()
      const page = await db
        .select({ id: orders.id })
        .from(orders)
        .orderBy(desc(orders.total))
        .limit(2)
        .offset(1)
      expect(page).toEqual([{ id: 3 }, { id: 2 }])
      const totals = await db
        .select({ count: count(), sum: sum(orders.total), max: max(orders.id) })
        .from(orders)
      expect(totals).toEqual([{ count: 4, sum: '7.30', max: 4 }])
      expect(await db.$count(orders)).toBe(4)
      expect(await db.$count(orders, eq(orders.tenantId, a))).toBe(2)
      const grouped = await db
        .select({ tenantId: orders.tenantId, count: count() })
        .from(orders)
        .groupBy(orders.tenantId)
        .orderBy(asc(orders.tenantId))
      expect(grouped).toEqual([a, b].sort((x, y) => x - y).map((tenantId) => ({ tenantId, count: 2 })))
    })

    it('writes a reference table everywhere, and reads it anywhere', async () => {
      const db = connect()
      await db.insert(countries).values({ code: 'pt', name: 'Portugal' })
      for (const shard of [0, 1]) {
        expect(await harness.primary(shard).sql('select name from countries')).toEqual([{ name: 'Portugal' }])
      }
      await db
        .insert(countries)
        .values({ code: 'pt', name: 'Lusitania' })
        .onConflictDoUpdate({ target: countries.code, set: { name: sql`excluded.name` } })
      await harness.cluster.waitForReplay()
      expect(await db.select().from(countries)).toEqual([{ code: 'pt', name: 'Lusitania' }])
    })

    it('refuses what it cannot prove, with nothing sent', async () => {
      const db = connect()
      await expect(db.update(orders).set({ note: 'all' })).rejects.toMatchObject({
        cause: { code: 'UNPROVED_WRITE', family: 'statement' },
      })
      await expect(db.delete(orders)).rejects.toMatchObject({ cause: { code: 'UNPROVED_WRITE' } })
    })
  })
}
