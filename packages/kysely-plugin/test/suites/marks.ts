import {
  CamelCasePlugin,
  DeduplicateJoinsPlugin,
  DummyDriver,
  Kysely,
  ParseJSONResultsPlugin,
  PostgresAdapter,
  PostgresDialect,
  PostgresIntrospector,
  PostgresQueryCompiler,
  WithSchemaPlugin,
  sql,
  type Compilable,
  type KyselyPlugin,
} from 'kysely'
import { ConfigError, StatementError, type RouteContext, type Router } from '@shardline/core'
import { describe, expect, it } from 'vitest'
import { ShardlineDialect } from '../../src/dialect.ts'
import { hintOf } from '../../src/hints.ts'
import { ShardlinePlugin } from '../../src/plugin.ts'

interface DB {
  orders: { id: number; tenantId: number; total: number }
  items: { id: number; orderId: number; tenantId: number }
}

// Nothing here reaches a server: these tests end with the compiled text.
const router = {} as Router
const shardline = new ShardlinePlugin(router)

const ours = (plugins: KyselyPlugin[]) => new Kysely<DB>({ dialect: new ShardlineDialect(router), plugins })
const foreign = (plugins: KyselyPlugin[]) =>
  new Kysely<DB>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
    plugins,
  })

type Build = (db: Kysely<DB>) => Compilable

/** One of each kind of statement that Kysely can build for PostgreSQL. */
const statements: Readonly<Record<string, Build>> = {
  select: (db) => db.selectFrom('orders').selectAll().where('tenantId', '=', 1).limit(3),
  'select for update': (db) => db.selectFrom('orders').selectAll().forUpdate().skipLocked(),
  'select with a user modifier': (db) =>
    db
      .selectFrom('orders')
      .selectAll()
      .modifyEnd(sql`for share`),
  union: (db) => db.selectFrom('orders').select('id').union(db.selectFrom('items').select('id')),
  'subquery in from': (db) => db.selectFrom(db.selectFrom('orders').selectAll().as('o')).select('o.id'),
  'subquery in where': (db) =>
    db.selectFrom('orders').select('id').where('id', 'in', db.selectFrom('items').select('orderId')),
  cte: (db) =>
    db
      .with('gone', (q) => q.deleteFrom('orders').where('tenantId', '=', 1).returning('id'))
      .selectFrom('gone')
      .selectAll(),
  insert: (db) => db.insertInto('orders').values({ id: 1, tenantId: 1, total: 2 }),
  'insert returning': (db) =>
    db
      .insertInto('orders')
      .values({ id: 1, tenantId: 1, total: 2 })
      .onConflict((on) => on.column('id').doNothing())
      .returningAll(),
  'insert from select': (db) =>
    db
      .insertInto('orders')
      .columns(['id', 'tenantId', 'total'])
      .expression(db.selectFrom('items').select(['id', 'tenantId', 'orderId'])),
  update: (db) => db.updateTable('orders').set({ total: 1 }).where('tenantId', '=', 1),
  'update from': (db) => db.updateTable('orders').from('items').set({ total: 1 }).returning('orders.id'),
  delete: (db) => db.deleteFrom('orders').where('tenantId', '=', 1),
  'delete using': (db) => db.deleteFrom('orders').using('items').whereRef('items.orderId', '=', 'orders.id'),
  merge: (db) =>
    db
      .mergeInto('orders')
      .using('items', 'items.orderId', 'orders.id')
      .whenMatched()
      .thenDelete()
      .whenNotMatched()
      .thenDoNothing(),
  raw: (db) =>
    compilableRaw(
      db,
      () => sql`select ${1}::int4, ${sql.ref('orders.tenantId')} from ${sql.table('orders')}`,
    ),
  'raw without parameters': (db) => compilableRaw(db, () => sql.raw('vacuum')),
  'raw with a query inside': (db) =>
    compilableRaw(db, () => sql`explain ${db.selectFrom('orders').selectAll()}`),
  'create table': (db) =>
    db.schema.createTable('invoices').addColumn('orderId', 'integer', (c) => c.references('orders.id')),
  'create table as': (db) => db.schema.createTable('invoices').as(db.selectFrom('orders').selectAll()),
  'create temporary table': (db) =>
    db.schema
      .createTable('invoices')
      .temporary()
      .addColumn('id', 'integer')
      .modifyEnd(sql`on commit drop`),
  'alter table': (db) => db.schema.alterTable('orders').addColumn('paidAt', 'timestamptz'),
  'alter table rename': (db) => db.schema.alterTable('orders').renameTo('oldOrders'),
  'drop table': (db) => db.schema.dropTable('orders').ifExists().cascade(),
  'create index': (db) =>
    db.schema.createIndex('ordersByTenant').on('orders').columns(['tenantId', 'id']).unique(),
  'drop index': (db) => db.schema.dropIndex('ordersByTenant').ifExists(),
  'create schema': (db) => db.schema.createSchema('billing'),
  'drop schema': (db) => db.schema.dropSchema('billing').cascade(),
  'create view': (db) =>
    db.schema.createView('paidOrders').orReplace().as(db.selectFrom('orders').selectAll()),
  'refresh view': (db) => db.schema.refreshMaterializedView('paidOrders').concurrently(),
  'drop view': (db) => db.schema.dropView('paidOrders').ifExists(),
  'create type': (db) => db.schema.createType('orderState').asEnum(['open', 'closed']),
  'drop type': (db) => db.schema.dropType('orderState').ifExists(),
  ...laterStatements(),
}

const camelCase = new CamelCasePlugin()
const withSchema = new WithSchemaPlugin('app')
const others: Readonly<Record<string, readonly KyselyPlugin[]>> = {
  'no other plugin': [],
  CamelCasePlugin: [camelCase],
  WithSchemaPlugin: [withSchema],
  'several plugins': [camelCase, withSchema, new DeduplicateJoinsPlugin(), new ParseJSONResultsPlugin()],
}

/** Suite of what needs no server: that a marked query is the same query here, and no query anywhere else. */
export function marksSuite(): void {
  describe.each(Object.entries(statements))('%s', (_name, build) => {
    it.each(Object.entries(others))('is not changed, beside %s', (_with, plugins) => {
      const plain = build(foreign([...plugins])).compile()
      for (const order of [
        [shardline, ...plugins],
        [...plugins, shardline],
      ]) {
        const marked = build(ours(order)).compile()
        expect(marked.sql).toBe(plain.sql)
        expect(marked.parameters).toEqual(plain.parameters)
        expect(marked.query.kind).toBe(plain.query.kind)
        expect(hintOf(marked)).toBeUndefined()
      }
    })

    it.each(Object.entries(others))('is refused without the dialect, beside %s', (_with, plugins) => {
      for (const plugin of [shardline, shardline.hint({ role: 'primary' })]) {
        for (const order of [
          [plugin, ...plugins],
          [...plugins, plugin],
        ]) {
          expect(() => build(foreign(order)).compile()).toThrow(
            expect.objectContaining({ code: 'DIALECT_MISSING' }),
          )
        }
      }
    })

    it.each(Object.entries(others))('carries a hint, beside %s', (_with, plugins) => {
      const hint = shardline.hint({ role: 'primary' })
      for (const order of [
        [hint, shardline, ...plugins],
        [...plugins, shardline, hint],
      ]) {
        expect(hintOf(build(ours(order)).compile())).toEqual({ role: 'primary' })
      }
    })
  })

  describe('a query with the plugin but not the dialect', () => {
    it('never asks the pool for a connection', async () => {
      const connected: string[] = []
      const pool = {
        options: {},
        connect: () => Promise.reject(connected.push('connect')),
        end: async () => {},
      }
      const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool }), plugins: [shardline] })
      await expect(
        db.insertInto('orders').values({ id: 1, tenantId: 1, total: 1 }).execute(),
      ).rejects.toThrow(ConfigError)
      await expect(sql`delete from orders`.execute(db)).rejects.toThrow(ConfigError)
      await expect(db.schema.dropTable('orders').execute()).rejects.toThrow(ConfigError)
      await expect(db.selectFrom('orders').selectAll().stream().next()).rejects.toThrow(ConfigError)
      expect(connected).toEqual([])
    })

    it('can be compared and printed by other plugins, inside a larger query', () => {
      const join = (db: Kysely<DB>) => {
        const items = (context: RouteContext) =>
          db.withPlugin(shardline.hint(context)).selectFrom('items').select('orderId').as('i')
        return db
          .withPlugin(new DeduplicateJoinsPlugin())
          .selectFrom('orders')
          .innerJoin(items({ role: 'primary' }), 'i.orderId', 'orders.id')
          .innerJoin(items({ role: 'primary' }), 'i.orderId', 'orders.id')
          .select('orders.id')
      }
      const compiled = join(ours([shardline])).compile()
      expect(compiled.sql.match(/join/g)).toHaveLength(1)
      expect(hintOf(compiled)).toEqual({ role: 'primary' })
      expect(JSON.stringify(join(ours([shardline])).toOperationNode())).toContain('items')
    })

    it('is refused by the dialect of another router', () => {
      const elsewhere = new ShardlinePlugin({ ...router })
      const db = new Kysely<DB>({ dialect: elsewhere.dialect(), plugins: [shardline] })
      expect(() => db.selectFrom('orders').selectAll().compile()).toThrow(/another router/)
    })
  })

  describe('hints', () => {
    const db = ours([shardline])
    const hinted = (context: RouteContext) => db.withPlugin(shardline.hint(context))
    const query = (from: Kysely<DB>) => from.selectFrom('orders').select('id')

    it('belong to the query that was compiled with them, though builders share an id', () => {
      const base = query(db)
      const primary = base.withPlugin(shardline.hint({ role: 'primary' })).compile()
      const plain = base.compile()
      const strong = base.withPlugin(shardline.hint({ consistency: 'strong' })).compile()
      expect(primary.queryId).toBe(plain.queryId)
      expect(hintOf(primary)).toEqual({ role: 'primary' })
      expect(hintOf(plain)).toBeUndefined()
      expect(hintOf(strong)).toEqual({ consistency: 'strong' })
    })

    it('add up, and the nearest wins', () => {
      const near = hinted({ role: 'replica', tenant: 1 }).withPlugin(shardline.hint({ role: 'primary' }))
      expect(hintOf(query(near).compile())).toEqual({ role: 'primary', tenant: 1 })
    })

    it('of a nested query hold for the whole one', () => {
      const nested = db
        .selectFrom('items')
        .select('id')
        .where('orderId', 'in', query(hinted({ shard: 's1' })))
      expect(hintOf(nested.compile())).toEqual({ shard: 's1' })
    })

    it('that contradict each other in one query are refused, without their values', () => {
      const nested = hinted({ tenant: 4711 })
        .selectFrom('items')
        .select('id')
        .where('orderId', 'in', query(hinted({ tenant: 4712 })))
      expect(() => nested.compile()).toThrow(StatementError)
      expect(() => nested.compile()).toThrow(/^(?!.*471).*"tenant"/s)
    })

    it('leave the next query alone when one failed to compile', () => {
      const broken = hinted({ shard: 's1' })
        .selectFrom('items')
        .select('id')
        .where('orderId', 'in', query(hinted({ shard: 's0' })))
      expect(() => broken.compile()).toThrow(StatementError)
      expect(hintOf(query(db).compile())).toBeUndefined()
    })
  })
}

function compilableRaw(db: Kysely<DB>, build: () => ReturnType<typeof sql>): Compilable {
  const raw = build()
  return { compile: () => raw.compile(db), toOperationNode: () => raw.toOperationNode() } as Compilable
}

/** Statements that only newer versions of Kysely build. */
function laterStatements(): Record<string, Build> {
  if (!('alterType' in foreign([]).schema)) return {}
  const alterType = (db: Kysely<DB>) =>
    (db.schema as unknown as { alterType(name: string): { addValue(value: string): Compilable } }).alterType(
      'orderState',
    )
  return { 'alter type': (db) => alterType(db).addValue('lost') }
}
