import { integer, pgSchema, pgTable, text } from 'drizzle-orm/pg-core'
import { afterEach, describe, expect, it } from 'vitest'
import { drizzle, entity, reference, sharded, tenant } from '../../src/index.ts'
import type { AnyModel } from '../../src/config.ts'
import { isVersion1, tables, tenantsOfShards, type Harness } from './harness.ts'

/** Makes the compiler forget what is wrong, which is what the test is about. */
const loosely = drizzle as unknown as (
  router: unknown,
  options?: object,
) => ReturnType<typeof drizzle<AnyModel>>

/** What models say of their tables reaches the router under PostgreSQL's names. */
export function descriptionsSuite(harness: Harness): void {
  const shards = (router: Harness['router'], sql: string, values: readonly unknown[] = []) =>
    router.explain(sql, values).shards
  afterEach(async () => {
    await harness.cluster.sql('drop table if exists invoices; drop table if exists app."Bills"')
    await harness.router.refresh()
  })

  it('by sharded(), with every strategy', async () => {
    const router = await harness.createRouter()
    const { b } = tenantsOfShards(harness)
    expect(shards(router, 'select from orders where tenant_id = $1', [b])).toEqual(['s0'])
    drizzle(router, { schema: tables })
    expect(shards(router, 'select from orders where tenant_id = $1', [b])).toEqual(['s1'])
    expect(shards(router, 'select from app.notes where tenant_id = $1', [b])).toEqual(['s1'])
    expect(shards(router, 'select from features')).toEqual(['s0', 's1'])
    expect(shards(router, 'select from readings')).toEqual(['s0', 's1'])
    expect(shards(router, 'select from countries')).toHaveLength(1)
    expect(shards(router, 'select from settings')).toEqual(['s0'])
    expect(router.bucketSql('readings')).toContain('recorded_at')
  })

  it('may be repeated, and contradict nothing', async () => {
    const router = await harness.createRouter({
      tables: { orders: { strategy: 'tenant', column: 'tenant_id' } },
    })
    drizzle(router, { schema: tables })
    drizzle(router, { schema: tables, tables: { settings: { strategy: 'unsharded' } } })
    expect(() => drizzle(router, { schema: tables, tables: { orders: reference() } })).toThrow(
      expect.objectContaining({ code: 'CONFIG_CONFLICT' }),
    )
    expect(() =>
      drizzle(router, { schema: { settings: tables.settings }, tables: { settings: entity('key') } }),
    ).toThrow(expect.objectContaining({ code: 'CONFIG_CONFLICT' }))
  })

  it.skipIf(isVersion1)('by casing', async () => {
    const invoices = pgTable('invoices', { tenantId: integer().notNull(), Nr: integer('"nr').notNull() })
    const Bills = pgSchema('app').table('Bills', { billTo: integer('Bill to').notNull() })
    await harness.cluster.sql(
      'create table invoices (tenant_id int not null); create table app."Bills" ("Bill to" int not null)',
    )
    const router = await harness.createRouter()
    const db = loosely(router, {
      schema: { invoices, Bills },
      casing: 'snake_case',
      tables: { invoices: tenant('tenantId'), Bills: tenant(Bills.billTo) },
    })
    const { b } = tenantsOfShards(harness)
    expect(shards(router, 'select from invoices where tenant_id = $1', [b])).toEqual(['s1'])
    expect(shards(router, 'select from app."Bills" where "Bill to" = $1', [b])).toEqual(['s1'])
    expect(db.select({ id: invoices.tenantId }).from(invoices).toSQL().sql).toContain('"tenant_id"')
  })

  it.runIf(isVersion1)('by the casing of the table', async () => {
    const { snakeCase } = (await import('drizzle-orm/pg-core')) as unknown as {
      readonly snakeCase: { readonly table: typeof pgTable }
    }
    const invoices = sharded(snakeCase.table('invoices', { tenantId: integer().notNull() }), (t) =>
      tenant(t.tenantId),
    )
    await harness.cluster.sql('create table invoices (tenant_id int not null)')
    const router = await harness.createRouter()
    loosely(router, { schema: { invoices } })
    const { b } = tenantsOfShards(harness)
    expect(shards(router, 'select from invoices where tenant_id = $1', [b])).toEqual(['s1'])
  })

  it('may come before the table', async () => {
    const invoices = sharded(pgTable('invoices', { tenantId: integer('tenant_id').notNull() }), (t) =>
      tenant(t.tenantId),
    )
    const router = await harness.createRouter()
    const db = loosely(router, { schema: { invoices } })
    await router.eachShard(() => db.execute('create table invoices (tenant_id int not null)'))
    const { a, b } = tenantsOfShards(harness)
    await db.insert(invoices).values([{ tenantId: a }, { tenantId: b }])
    for (const [shard, tenantId] of [a, b].entries()) {
      expect(await harness.primary(shard).sql('select * from invoices')).toEqual([{ tenant_id: tenantId }])
    }
  })

  describe('that are wrong', () => {
    const other = pgTable('others', { tenantId: integer('tenant_id').notNull() })
    const refuse = (options: object) => () => loosely(harness.router, options)

    it.each([
      [
        'a column of another table',
        () => ({ t: tenant(other.tenantId) }),
        'the column is no column of table t',
      ],
      ['a name that is no key', () => ({ t: tenant('tenant_id') }), '"tenant_id" is no column of table t'],
      ['a table that is not there', () => ({ u: tenant('tenantId') }), 'there is no table "u"'],
      [
        'an id that is read as a number',
        () => ({ t: tenant('tenantId', { routable: 'big' as never }) }),
        'mode',
      ],
    ])('%s', async (_what, models, message) => {
      const { bigint } = await import('drizzle-orm/pg-core')
      const t = pgTable('t', {
        tenantId: integer('tenant_id').notNull(),
        big: bigint({ mode: 'number' }).notNull(),
        name: text(),
      })
      expect(refuse({ schema: { t }, tables: models() })).toThrow(
        expect.objectContaining({
          code: 'CONFIG_INVALID',
          message: expect.stringContaining(message) as string,
        }),
      )
    })

    it('tables that nobody handed over', async () => {
      const router = await harness.createRouter()
      expect(() => drizzle(router)).toThrow(
        expect.objectContaining({
          code: 'CONFIG_INVALID',
          message: expect.stringContaining('orders') as string,
        }),
      )
      expect(() => drizzle(router, { schema: {} })).not.toThrow()
    })

    it('a table described in two ways by one schema', () => {
      const one = sharded(pgTable('t', { id: integer('id').notNull() }), (t) => tenant(t.id))
      const two = sharded(pgTable('t', { id: integer('id').notNull() }), (t) => entity(t.id))
      expect(refuse({ schema: { one, two } })).toThrow(expect.objectContaining({ code: 'CONFIG_CONFLICT' }))
    })
  })
}
