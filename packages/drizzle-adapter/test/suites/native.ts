import { and, asc, eq, inArray, placeholder, sql } from 'drizzle-orm'
import { drizzle as plainDrizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import { pgMaterializedView } from 'drizzle-orm/pg-core'
import { createRouter, defineCluster, type Router } from '@shardline/core'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { drizzle } from '../../src/index.ts'
import { ddl, order, tables, tenantsOfShards, type Harness } from './harness.ts'

const { countries, orders, settings, tenants } = tables
const orderCounts = pgMaterializedView('order_counts', {}).existing()

type Db = NodePgDatabase

/** With one server, an application cannot tell Drizzle over Shardline from Drizzle over `pg`. */
export function nativeSuite(harness: Harness): void {
  let router: Router
  let pool: pg.Pool
  const logged: { readonly plain: unknown[]; readonly routed: unknown[] } = { plain: [], routed: [] }
  const loggerOf = (lines: unknown[]) => ({ logQuery: (...line: unknown[]) => void lines.push(line) })

  beforeAll(async () => {
    await harness.primary(0).sql('create database native')
    const url = harness.primary(0).url.replace(/\/[^/]*$/, '/native')
    pool = new pg.Pool({ connectionString: url })
    await pool.query(`${ddl}; insert into tenants values (1, 'one'), (2, 'two');
      create materialized view order_counts as select tenant_id, count(*) from orders group by 1`)
    router = await createRouter(defineCluster({ shards: { one: { primary: url } } }))
  })
  afterAll(async () => {
    await router?.end()
    await pool?.end()
  })

  const both = () => {
    const config = { schema: tables, logger: loggerOf(logged.plain) }
    const plain = plainDrizzle({ client: pool, ...config })
    const routed = drizzle(router, { schema: tables, logger: loggerOf(logged.routed) })
    // The relations of the schema make another type of the same database.
    return { plain: plain as unknown as Db, routed: routed as unknown as Db }
  }
  /** Runs the same on both, from the same rows, and returns what Shardline's gave. */
  const alike = async <T>(act: (db: Db) => Promise<T>): Promise<T> => {
    const { plain, routed } = both()
    const outcome = async (db: Db) => {
      await pool.query('truncate orders, items, countries, settings')
      return await act(db)
    }
    const expected = await outcome(plain)
    const actual = await outcome(routed)
    expect(shape(actual)).toEqual(shape(expected))
    return actual
  }
  const alikeRejected = async (act: (db: Db) => Promise<unknown>) =>
    await alike(async (db) =>
      describeError(
        await act(db).then(
          () => 'no error',
          (error: unknown) => error,
        ),
      ),
    )

  it('results of queries, of raw SQL and of writes', async () => {
    const { rowCount } = await alike((db) => db.insert(orders).values([order(1, 1), order(1, 2)]))
    expect(rowCount).toBe(2)
    await alike((db) => db.insert(orders).values(order(1, 1)).returning())
    await alike(async (db) => {
      await db.insert(orders).values([order(1, 1), { ...order(2, 2), note: 'x', details: { colour: 'red' } }])
      return [
        await db.select().from(orders).orderBy(asc(orders.id)),
        await db.select({ id: orders.id, up: sql<string>`upper(${orders.note})` }).from(orders),
        await db.select().from(orders).leftJoin(tenants, eq(tenants.id, orders.tenantId)),
        await db
          .update(orders)
          .set({ note: null })
          .where(inArray(orders.id, [1, 2])),
        await db.delete(orders).where(eq(orders.id, 2)),
        await db.$count(orders),
        await db.execute(sql`select id, tenant_id, placed_at, details from ${orders} where id = ${1}`),
        await db.execute('select 1 as one; select 2 as two'),
        await db.execute('select null::int[] as a, array[1,2] as b, now() is not null as c where false'),
      ]
    })
    await alike((db) => db.refreshMaterializedView(orderCounts))
    await alike((db) => db.refreshMaterializedView(orderCounts).withNoData())
  })

  it('prepared statements, by name and by placeholders in every place', async () => {
    const [, page] = await alike(async (db) => {
      const insert = db
        .insert(orders)
        .values({ tenantId: placeholder('tenant') as never, id: placeholder('id') as never, total: '1' })
        .returning({ id: orders.id })
        .prepare('insert_order')
      const list = db
        .select({ id: orders.id })
        .from(orders)
        .where(and(eq(orders.tenantId, placeholder('tenant'))))
        .orderBy(asc(orders.id))
        .limit(placeholder('limit'))
        .offset(placeholder('offset'))
        .prepare('list_orders')
      const inserted = []
      for (const id of [1, 2, 3]) inserted.push(await insert.execute({ tenant: 1, id }))
      return [
        inserted,
        await list.execute({ tenant: 1, limit: 2, offset: 1 }),
        await list.execute({ tenant: 2, limit: 2, offset: 0 }),
      ]
    })
    expect(page).toEqual([{ id: 2 }, { id: 3 }])
  })

  it('errors, their classes, their fields and what they are caused by', async () => {
    for (const fails of [
      (db: Db) => db.insert(tenants).values({ id: 1, name: 'again' }),
      (db: Db) => db.insert(orders).values(order(1, 1, '-1')),
      (db: Db) => db.insert(orders).values(order(99, 1)),
      (db: Db) => db.insert(orders).values({ ...order(1, 1), note: null, total: null as never }),
      (db: Db) => db.execute('select nonsense'),
      (db: Db) => db.execute('this is no sql'),
      (db: Db) => db.execute(sql`select 1 / ${0}::int`),
      (db: Db) =>
        db
          .select()
          .from(settings)
          .where(sql`${settings.key} = ${1}::int`),
      (db: Db) => db.transaction(async (tx) => await tx.insert(tenants).values({ id: 1, name: 'again' })),
      (db: Db) =>
        db.transaction(async (tx) => {
          await tx
            .insert(tenants)
            .values({ id: 1, name: 'again' })
            .catch(() => {})
          await tx.select().from(tenants)
        }),
      (db: Db) => db.transaction(async (tx) => await tx.delete(countries), { accessMode: 'read only' }),
      (db: Db) =>
        db.transaction((tx) => tx.transaction(async (inner) => await inner.execute('select nonsense'))),
    ]) {
      const { cause } = (await alikeRejected(fails)) as { readonly cause: { readonly code: unknown } }
      expect(cause.code).toMatch(/^[0-9A-Z]{5}$/)
    }
  })

  it('what the logger is told', async () => {
    logged.plain.length = 0
    logged.routed.length = 0
    await alike(async (db) => {
      await db.insert(settings).values({ key: 'k', value: 'v' })
      return await db.transaction(async (tx) => await tx.select().from(settings).where(eq(settings.key, 'k')))
    })
    expect(logged.routed).toEqual(logged.plain)
    expect(logged.routed.length).toBeGreaterThan(2)
  })

  describe('its own cache', () => {
    const cache = (strategy: 'all' | 'explicit') => ({
      strategy: () => strategy,
      get: async () => undefined,
      put: async () => {},
      onMutate: async () => {},
    })

    it('is refused when it answers every query', () => {
      expect(() => drizzle(router, { schema: tables, cache: cache('all') })).toThrow(
        expect.objectContaining({ code: 'UNSUPPORTED_OPTION', family: 'config' }),
      )
    })

    it('is asked when a query says so', async () => {
      const asked: unknown[] = []
      const explicit = { ...cache('explicit'), get: async (...args: unknown[]) => void asked.push(args) }
      const db = drizzle(router, { schema: tables, cache: explicit })
      await db.select().from(settings)
      expect(asked).toHaveLength(0)
      await db.select().from(settings).$withCache()
      expect(asked).toHaveLength(1)
      await drizzle(router, { schema: tables })
        .select()
        .from(settings)
        .$withCache({ config: { ex: 60 } })
    })

    it('is passed by in a context: it would give one tenant what belongs to another', async () => {
      const { a, b } = tenantsOfShards(harness)
      const kept = new Map<string, unknown>()
      const changes: unknown[] = []
      const found: boolean[] = []
      const db = drizzle(harness.router, {
        schema: tables,
        cache: {
          strategy: () => 'explicit' as const,
          get: async (key: string) => {
            found.push(kept.has(key))
            return kept.get(key) as never
          },
          put: async (key: string, value: unknown) => void kept.set(key, value),
          onMutate: async (params: unknown) => void changes.push(params),
        },
      })
      const names = (one: Pick<typeof db, 'select'>) =>
        one.select({ id: tenants.id }).from(tenants).$withCache()
      const everybody = await names(db)
      expect(everybody).toHaveLength(20)
      expect(kept.size).toBe(1)
      for (const [shard, tenantId] of [a, b].entries()) {
        const own = harness.tenantsOf[shard]?.map((id) => ({ id }))
        const inShard = await harness.router.run({ shard: `s${shard}` }, () => names(db))
        expect(inShard.sort((x, y) => x.id - y.id)).toEqual(own)
        expect((await names(db.$context({ tenant: tenantId }))).sort((x, y) => x.id - y.id)).toEqual(own)
      }
      expect(await names(db)).toEqual(everybody)
      expect(found).toEqual([false, true])
      expect(kept.size).toBe(1)
      await db.$primary.update(tenants).set({ name: 'x' }).where(eq(tenants.id, a))
      expect(changes).toHaveLength(1)
    })
  })
}

/** A result as an application reads it: `pg`'s own object has functions and private state. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shape)
  if (value instanceof Date || typeof value !== 'object' || value === null) return value
  const { constructor } = value
  if (constructor.name !== 'Result') return value
  const { command, rowCount, rows, fields } = value as unknown as pg.QueryResult
  const named = fields?.map(({ name, dataTypeID }) => [name, dataTypeID])
  return { class: constructor.name, command, rowCount, rows, named }
}

function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { constructor, name, message, cause, ...fields } = error as Error & Record<string, unknown>
  const { stack: _stack, file: _file, line: _line, routine: _routine, ...own } = fields
  return { class: constructor.name, name, message, ...own, cause: describeError(cause) }
}
