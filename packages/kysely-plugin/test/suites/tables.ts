import { CamelCasePlugin, CompiledQuery, Kysely, PostgresDialect, WithSchemaPlugin, sql } from 'kysely'
import { Pool } from 'pg'
import { entity, reference, tenant, type Router } from '@shardline/core'
import { shardlinePlugin } from '../../src/index.ts'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import type { DatabaseConnection } from 'kysely'
import { order, port, sleeping, tables, tenants, until, type DB, type Harness } from './harness.ts'

interface CamelDB {
  orders: { tenantId: number; id: number; total: string; placedAt: Date }
  appNotes: { tenantId: number; id: number; body: string }
  notes: { tenantId: number; id: number; body: string }
}

/** Descriptions of tables beside a Kysely instance, and what happens when its halves are apart. */
export function tablesSuite(harness: Harness): void {
  beforeEach(() => harness.reset())

  describe('tables', () => {
    it('may be described here alone', async () => {
      const router = await harness.createRouter({ tables: {} })
      const shardline = shardlinePlugin<DB>(router, { tables })
      const db = new Kysely<DB>({ dialect: shardline.dialect(), plugins: [shardline] })
      for (const [shard, id] of Object.values(tenants(harness)).entries()) {
        const written = await db
          .insertInto('orders')
          .values(order(id, 1))
          .returning(port.as('port'))
          .executeTakeFirstOrThrow()
        expect(written.port).toBe(harness.primary(shard).port)
      }
      await expect(db.deleteFrom('orders').execute()).rejects.toMatchObject({ code: 'UNPROVED_WRITE' })
    })

    it('may be described twice alike', () => {
      expect(() => shardlinePlugin<DB>(harness.router, { tables })).not.toThrow()
    })

    it('described differently are a conflict', () => {
      const conflict = expect.objectContaining({ code: 'CONFIG_CONFLICT' })
      expect(() => shardlinePlugin<DB>(harness.router, { tables: { orders: tenant('id') } })).toThrow(
        conflict,
      )
      expect(() => shardlinePlugin<DB>(harness.router, { tables: { orders: entity('tenant_id') } })).toThrow(
        conflict,
      )
      expect(() => shardlinePlugin<DB>(harness.router, { tables: { orders: reference() } })).toThrow(conflict)
    })

    it('are called as PostgreSQL calls them, with the plugins that rename', async () => {
      const router = await harness.createRouter({ tables: { tenants: tables.tenants } })
      const camelCase = new CamelCasePlugin()
      const shardline = shardlinePlugin<CamelDB>(router, {
        tables: { orders: tenant('tenantId') },
        plugins: [camelCase],
      })
      const db = new Kysely<CamelDB>({ dialect: shardline.dialect(), plugins: [shardline, camelCase] })
      const { b } = tenants(harness)
      const written = await db
        .insertInto('orders')
        .values({ tenantId: b, id: 1, total: '1', placedAt: new Date(0) })
        .returning(port.as('serverPort'))
        .executeTakeFirstOrThrow()
      expect(written).toEqual({ serverPort: harness.primary(1).port })
      expect(() =>
        shardlinePlugin<CamelDB>(harness.router, {
          tables: { orders: tenant('tenantId') },
          plugins: [camelCase],
        }),
      ).not.toThrow()
    })

    it('are given with the options of the renaming plugin', () => {
      const described: unknown[] = []
      const router = { describeTables: (given: unknown) => described.push(given) } as unknown as Router
      interface Shouting {
        orderLines: { tenant1Id: number }
        'my_app.orderLines': { tenantId: number; lineId: string; publicId: string }
      }
      const plugins = [
        new CamelCasePlugin({ underscoreBeforeDigits: true, upperCase: true }),
        new WithSchemaPlugin('sales'),
      ]
      shardlinePlugin<Shouting>(router, {
        plugins,
        tables: {
          orderLines: tenant('tenant1Id'),
          'my_app.orderLines': tenant('tenantId', { routable: ['lineId', 'publicId'] }),
        },
      })
      expect(described).toMatchObject([
        {
          'sales.ORDER_LINES': { column: 'TENANT_1_ID' },
          'MY_APP.ORDER_LINES': { column: 'TENANT_ID', routable: ['LINE_ID', 'PUBLIC_ID'] },
        },
      ])
    })

    it('that become one table are a conflict', () => {
      interface Twice {
        orderLines: { tenantId: number }
        order_lines: { tenantId: number }
      }
      const twice = { orderLines: tenant('tenantId'), order_lines: tenant('tenantId') }
      expect(() =>
        shardlinePlugin<Twice>(harness.router, { plugins: [new CamelCasePlugin()], tables: twice }),
      ).toThrow(expect.objectContaining({ code: 'CONFIG_CONFLICT' }))
    })

    it('with names that only a renaming plugin explains are refused', async () => {
      const router = await harness.createRouter({ tables: {} })
      expect(() => shardlinePlugin<CamelDB>(router, { tables: { orders: tenant('tenantId') } })).toThrow(
        /tenantId/,
      )
    })
  })

  describe('the plugin without the dialect', () => {
    const pools: Pool[] = []
    afterAll(() => Promise.all(pools.map((pool) => pool.end())))
    const apart = () => {
      const pool = new Pool({ connectionString: harness.primary(0).url })
      pools.push(pool)
      const shardline = shardlinePlugin<DB>(harness.router)
      return new Kysely<DB>({ dialect: new PostgresDialect({ pool }), plugins: [shardline] })
    }

    it('writes nothing, and says what is missing', async () => {
      const db = apart()
      const { b } = tenants(harness)
      const missing = { code: 'DIALECT_MISSING', message: expect.stringContaining('shardline.dialect()') }
      await harness.primary(0).sql('insert into settings values ($1, $2)', ['a', 'b'])
      await expect(
        db
          .insertInto('settings')
          .values({ key: String(b), value: 'x' })
          .execute(),
      ).rejects.toMatchObject(missing)
      await expect(db.deleteFrom('settings').execute()).rejects.toMatchObject(missing)
      await expect(sql`delete from settings`.execute(db)).rejects.toMatchObject(missing)
      await expect(
        db.transaction().execute((trx) => trx.deleteFrom('settings').execute()),
      ).rejects.toMatchObject(missing)
      await expect(db.schema.dropTable('settings').execute()).rejects.toMatchObject(missing)
      expect(await harness.primary(0).sql('select key, value from settings')).toEqual([
        { key: 'a', value: 'b' },
      ])
    })

    it('is loud also when the query never showed itself to a plugin', async () => {
      await expect(apart().executeQuery(CompiledQuery.raw('select 1'))).rejects.toMatchObject({
        code: 'DIALECT_MISSING',
      })
    })
  })

  describe('destroy()', () => {
    it('leaves the router to whoever made it, and waits for what is under way', async () => {
      const shardline = shardlinePlugin<DB>(harness.router)
      const db = new Kysely<DB>({ dialect: shardline.dialect(), plugins: [shardline] })
      const { b } = tenants(harness)
      const reading = sql`select pg_sleep(0.3) from tenants where id = ${b}`.execute(db)
      await until('it to sleep', async () => (await sleeping(harness.replica(1))).length === 1)
      await db.destroy()
      expect(await sleeping(harness.replica(1))).toEqual([])
      expect((await reading).rows).toHaveLength(1)
      await expect(sql`select 1`.execute(db)).rejects.toThrow('destroyed')
      const other = new Kysely<DB>({ dialect: shardline.dialect() })
      expect((await sql`select 1 as one`.execute(other)).rows).toEqual([{ one: 1 }])
    })

    it('ends the router when asked to', async () => {
      const router = await harness.createRouter()
      const shardline = shardlinePlugin<DB>(router)
      const db = new Kysely<DB>({ dialect: shardline.dialect({ endsRouter: true }), plugins: [shardline] })
      await sql`select 1`.execute(db)
      await db.destroy()
      await expect(router.pool.query('select 1')).rejects.toThrow(/end/)
    })
  })

  it('runs a compiled query that is frozen to its id', async () => {
    const shardline = shardlinePlugin<DB>(harness.router)
    const db = new Kysely<DB>({ dialect: shardline.dialect(), plugins: [shardline] })
    const compiled = sql<{ one: number }>`select 1 as one`.compile(db)
    Object.freeze(compiled.queryId)
    expect((await db.executeQuery(compiled)).rows).toEqual([{ one: 1 }])
  })

  describe('onReserveConnection', () => {
    it('runs before the first query, on the same connection', async () => {
      const shardline = shardlinePlugin<DB>(harness.router)
      let reserved = 0
      const dialect = shardline.dialect({
        onReserveConnection: async (connection) => {
          reserved++
          await connection.executeQuery(CompiledQuery.raw(`set application_name = 'reserved'`))
        },
      })
      const db = new Kysely<DB>({ dialect, plugins: [shardline] })
      const { b } = tenants(harness)
      const query = db
        .selectFrom('tenants')
        .select(sql<string>`current_setting('application_name')`.as('name'))
        .where('id', '=', b)
      expect(await query.execute()).toEqual([{ name: 'reserved' }])
      expect(await query.execute()).toEqual([{ name: 'reserved' }])
      expect(reserved).toBe(2)
    })

    it('gets the same objects again, over other leases, but for discarded ones', async () => {
      const seen: DatabaseConnection[] = []
      let killed: DatabaseConnection | undefined
      const shardline = shardlinePlugin<DB>(harness.router)
      const dialect = shardline.dialect({
        onReserveConnection: async (connection) => {
          seen.push(connection)
        },
      })
      const db = new Kysely<DB>({ dialect, plugins: [shardline] })
      await Promise.all([1, 2, 3].map(() => sql`select 1`.execute(db)))
      await Promise.all([1, 2, 3].map(() => sql`select 1`.execute(db)))
      expect(new Set(seen).size).toBe(3)
      await db.connection().execute(async () => {
        const [reserved] = seen.splice(0).slice(-1)
        await (reserved as { killSession?(): Promise<void> } | undefined)?.killSession?.()
        killed = reserved
      })
      await Promise.all([1, 2, 3].map(() => sql`select 1`.execute(db)))
      expect(new Set(seen).size).toBe(3)
      expect(seen).not.toContain(killed)
      await db.destroy()
    })

    it('that fails gives the connection back', async () => {
      const shardline = shardlinePlugin<DB>(harness.router)
      const dialect = shardline.dialect({ onReserveConnection: () => Promise.reject(new Error('not today')) })
      const db = new Kysely<DB>({ dialect, plugins: [shardline] })
      for (let turn = 0; turn < 30; turn++)
        await expect(sql`select 1`.execute(db)).rejects.toThrow('not today')
      await db.destroy()
    })
  })
}
