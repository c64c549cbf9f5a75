import {
  Kysely,
  CamelCasePlugin,
  CompiledQuery,
  DeduplicateJoinsPlugin,
  ParseJSONResultsPlugin,
  sql,
} from 'kysely'
import { shardlinePlugin } from '../../src/index.ts'
import { beforeEach, describe, expect, it } from 'vitest'
import { order, port, tables, tenants, type DB, type Harness } from './harness.ts'

/** Statements built by Kysely run on the right servers, whatever plugins are around. */
export function routingSuite(harness: Harness): void {
  const plugin = () => shardlinePlugin<DB>(harness.router, { tables })
  const connect = () => {
    const shardline = plugin()
    return new Kysely<DB>({ dialect: shardline.dialect(), plugins: [shardline] })
  }
  const ports = (role: 'primary' | 'replica') => [harness[role](0).port, harness[role](1).port]

  describe('one shard', () => {
    beforeEach(() => harness.reset())

    it('writes on the primary of the shard that owns the key', async () => {
      const db = connect()
      const { a, b } = tenants(harness)
      for (const [shard, tenant] of [a, b].entries()) {
        const inserted = await db
          .insertInto('orders')
          .values(order(tenant, 1))
          .returning(port.as('port'))
          .executeTakeFirstOrThrow()
        expect(inserted.port).toBe(harness.primary(shard).port)
        const updated = await db
          .updateTable('orders')
          .set({ note: 'x' })
          .where('tenant_id', '=', tenant)
          .where('id', '=', 1)
          .returning(port.as('port'))
          .execute()
        expect(updated).toEqual([{ port: harness.primary(shard).port }])
        expect(await harness.primary(shard).sql('select tenant_id, note from orders')).toEqual([
          { tenant_id: tenant, note: 'x' },
        ])
        const { numDeletedRows } = await db
          .deleteFrom('orders')
          .where('tenant_id', '=', tenant)
          .executeTakeFirstOrThrow()
        expect(numDeletedRows).toBe(1n)
      }
    })

    it('reads on the replica of the shard that owns the key, and locks on its primary', async () => {
      const db = connect()
      for (const [shard, tenant] of Object.values(tenants(harness)).entries()) {
        await harness
          .primary(shard)
          .sql('insert into orders (tenant_id, id, total) values ($1, 1, 2)', [tenant])
        await harness.cluster.waitForReplay()
        const query = db
          .selectFrom('orders')
          .select(['total', port.as('port')])
          .where('tenant_id', '=', tenant)
        expect(await query.execute()).toEqual([{ total: '2.00', port: harness.replica(shard).port }])
        expect(await query.forUpdate().execute()).toEqual([
          { total: '2.00', port: harness.primary(shard).port },
        ])
      }
    })

    it('follows the key through joins, subqueries and CTEs', async () => {
      const db = connect()
      const { b } = tenants(harness)
      await harness.primary(1).sql('insert into orders (tenant_id, id, total) values ($1, 1, 2)', [b])
      await harness.primary(1).sql(`insert into items values ($1, 1, 'sku', 3)`, [b])
      await harness.cluster.waitForReplay()
      const joined = await db
        .with('mine', (q) => q.selectFrom('orders').selectAll().where('tenant_id', '=', b))
        .selectFrom('mine')
        .innerJoin('items', (join) =>
          join.onRef('items.tenant_id', '=', 'mine.tenant_id').onRef('items.order_id', '=', 'mine.id'),
        )
        .select(['items.sku', port.as('port')])
        .execute()
      expect(joined).toEqual([{ sku: 'sku', port: harness.replica(1).port }])
    })
  })

  describe('several shards', () => {
    beforeEach(() => harness.reset())

    it('splits an INSERT by its keys and returns the rows in the order of VALUES', async () => {
      const db = connect()
      const { a, b } = tenants(harness)
      const rows = [order(b, 1, 10), order(a, 2, 20), order(b, 3, 30), order(a, 4, 40)]
      const result = await db.insertInto('orders').values(rows).returning(['id', 'tenant_id']).execute()
      expect(result).toEqual(rows.map(({ id, tenant_id }) => ({ id, tenant_id })))
      expect(await harness.primary(0).sql('select id from orders order by id')).toEqual([
        { id: 2 },
        { id: 4 },
      ])
      expect(await harness.primary(1).sql('select id from orders order by id')).toEqual([
        { id: 1 },
        { id: 3 },
      ])
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('orders')
        .values([order(a, 5), order(b, 6)])
        .executeTakeFirstOrThrow()
      expect(numInsertedOrUpdatedRows).toBe(2n)
    })

    it('merges ordered, limited and aggregated reads', async () => {
      const db = connect()
      const { a, b } = tenants(harness)
      await db
        .insertInto('orders')
        .values([order(a, 1, '0.10'), order(b, 2, '0.20'), order(a, 3, 3), order(b, 4, 4)])
        .execute()
      await harness.cluster.waitForReplay()
      expect(
        await db.selectFrom('orders').select('id').orderBy('total', 'desc').limit(2).offset(1).execute(),
      ).toEqual([{ id: 3 }, { id: 2 }])
      const totals = await db
        .selectFrom('orders')
        .select(({ fn }) => [
          fn.countAll<string>().as('count'),
          fn.sum<string>('total').as('sum'),
          fn.max('id').as('max'),
        ])
        .executeTakeFirstOrThrow()
      expect(totals).toEqual({ count: '4', sum: '7.30', max: 4 })
    })

    it('writes a reference table everywhere, and reads it anywhere', async () => {
      const db = connect()
      await db.insertInto('countries').values({ code: 'pt', name: 'Portugal' }).execute()
      for (const shard of [0, 1]) {
        expect(await harness.primary(shard).sql('select name from countries')).toEqual([{ name: 'Portugal' }])
      }
      await harness.cluster.waitForReplay()
      const read = await db
        .selectFrom('countries')
        .select(['name', port.as('port')])
        .executeTakeFirstOrThrow()
      expect(read.name).toBe('Portugal')
      expect(ports('replica')).toContain(read.port)
    })

    it('refuses what it cannot prove, with nothing sent', async () => {
      const db = connect()
      await expect(db.updateTable('orders').set({ note: 'all' }).execute()).rejects.toMatchObject({
        code: 'UNPROVED_WRITE',
        family: 'statement',
      })
      await expect(db.deleteFrom('orders').execute()).rejects.toMatchObject({ code: 'UNPROVED_WRITE' })
    })
  })

  describe('other plugins', () => {
    beforeEach(() => harness.reset())

    interface CamelDB {
      orders: { tenantId: number; id: number; total: string; details: { readonly colour: string } | null }
    }

    it.each(['first', 'last'])('CamelCasePlugin, with shardline registered %s', async (place) => {
      const camelCase = new CamelCasePlugin()
      const shardline = shardlinePlugin<CamelDB>(harness.router, { plugins: [camelCase] })
      const plugins = place === 'first' ? [shardline, camelCase] : [camelCase, shardline]
      const db = new Kysely<CamelDB>({ dialect: shardline.dialect(), plugins })
      const { b } = tenants(harness)
      const inserted = await db
        .insertInto('orders')
        .values({ tenantId: b, id: 1, total: '1', details: sql`'{"colour":"red"}'::jsonb` as never })
        .returning(['tenantId', port.as('serverPort')])
        .executeTakeFirstOrThrow()
      expect(inserted).toEqual({ tenantId: b, serverPort: harness.primary(1).port })
    })

    it('DeduplicateJoinsPlugin and ParseJSONResultsPlugin', async () => {
      const shardline = plugin()
      const plugins = [new DeduplicateJoinsPlugin(), shardline, new ParseJSONResultsPlugin()]
      const db = new Kysely<DB>({ dialect: shardline.dialect(), plugins })
      const { b } = tenants(harness)
      await db.insertInto('orders').values(order(b, 1)).execute()
      await db.insertInto('items').values({ tenant_id: b, order_id: 1, sku: 's', amount: 1 }).execute()
      await harness.cluster.waitForReplay()
      const join = (qb: ReturnType<typeof base>) =>
        qb.innerJoin('items', (on) =>
          on.onRef('items.tenant_id', '=', 'orders.tenant_id').onRef('items.order_id', '=', 'orders.id'),
        )
      const base = () => db.selectFrom('orders').where('orders.tenant_id', '=', b)
      const rows = await join(join(base()) as never)
        .select(['orders.id', sql`'{"parsed": true}'::text`.as('json'), port.as('port')])
        .execute()
      expect(rows).toEqual([{ id: 1, json: { parsed: true }, port: harness.replica(1).port }])
    })

    it('withSchema', async () => {
      const db = connect().withSchema('app') as unknown as Kysely<{ notes: DB['app.notes'] }>
      const { b } = tenants(harness)
      const written = await db
        .insertInto('notes')
        .values({ tenant_id: b, id: 1, body: 'hello' })
        .returning(port.as('port'))
        .executeTakeFirstOrThrow()
      expect(written.port).toBe(harness.primary(1).port)
      expect(await harness.primary(1).sql('select body from app.notes')).toEqual([{ body: 'hello' }])
    })

    it('none at all: the dialect stands alone', async () => {
      const db = new Kysely<DB>({ dialect: plugin().dialect() })
      const { b } = tenants(harness)
      const written = await db
        .insertInto('orders')
        .values(order(b, 1))
        .returning(port.as('port'))
        .executeTakeFirstOrThrow()
      expect(written.port).toBe(harness.primary(1).port)
      expect(
        await connect()
          .withoutPlugins()
          .selectFrom('orders')
          .select('id')
          .where('tenant_id', '=', b)
          .forShare()
          .execute(),
      ).toEqual([{ id: 1 }])
    })

    it('sql templates and compiled queries', async () => {
      const db = connect()
      const { b } = tenants(harness)
      const inserted = await sql<{ port: number }>`
        insert into ${sql.table('orders')} (tenant_id, id, total) values (${b}, ${1}, ${'3.50'}) returning ${port} as port
      `.execute(db)
      expect(inserted).toEqual({ numAffectedRows: 1n, rows: [{ port: harness.primary(1).port }] })
      await harness.cluster.waitForReplay()
      const raw = CompiledQuery.raw(
        `select total, current_setting('port')::int as port from orders where tenant_id = $1`,
        [b],
      )
      const expected = [{ total: '3.50', port: harness.replica(1).port }]
      expect((await db.executeQuery(raw)).rows).toEqual(expected)
      const compiled = db
        .selectFrom('orders')
        .select(['total', port.as('port')])
        .where('tenant_id', '=', b)
        .compile()
      expect((await db.executeQuery(compiled)).rows).toEqual(expected)
      expect((await db.executeQuery(compiled)).rows).toEqual(expected)
    })
  })

  describe('log', () => {
    it('shows the text that was sent, without the marks of the plugin', async () => {
      const shardline = plugin()
      const logged: string[] = []
      const db = new Kysely<DB>({
        dialect: shardline.dialect(),
        plugins: [shardline],
        log: (event) => {
          logged.push(`${event.level}: ${event.query.sql}`)
        },
      })
      await db.selectFrom('countries').select('code').execute()
      await expect(db.deleteFrom('orders').execute()).rejects.toThrow('orders')
      expect(logged).toEqual(['query: select "code" from "countries"', 'error: delete from "orders"'])
    })
  })
}
