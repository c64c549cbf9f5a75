import { Kysely, PostgresDialect, sql } from 'kysely'
import { Pool } from 'pg'
import Cursor from 'pg-cursor'
import type { Router } from '@shardline/core'
import { shardlinePlugin } from '../../src/index.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { order, type DB, type Harness } from './harness.ts'

type Run = (db: Kysely<DB>) => Promise<unknown>

const raw =
  (text: string, ...values: unknown[]): Run =>
  async (db) =>
    await db.executeQuery({ ...sql`select 1`.compile(db), sql: text, parameters: values })

/** Each is run through Kysely's own dialect and through ours: results, shapes and errors must be the same. */
const cases: Readonly<Record<string, Run>> = {
  select: raw('select 1::int4 as i, 2::int8 as l, 1.50::numeric as n, null as nothing, now() is null as b'),
  'select with parameters': raw(
    'select $1::text as t, $2::jsonb as j, $3::int4[] as a',
    'x',
    { y: 1 },
    [1, 2],
  ),
  'types without an order': raw(
    `select '2026-01-01T00:00:00Z'::timestamptz as at, '\\x00ff'::bytea as bytes, interval '1 day' as i`,
  ),
  'no rows': raw('select 1 where false'),
  'two columns of one name': raw('select 1 as x, 2 as x'),
  insert: (db) => db.executeQuery(db.insertInto('orders').values([order(1, 1), order(1, 2)])),
  'insert nothing': raw('insert into orders (tenant_id, id, total) select 1, 1, 1 where false'),
  'insert returning': (db) => db.executeQuery(db.insertInto('orders').values(order(1, 3)).returningAll()),
  update: (db) => db.executeQuery(db.updateTable('orders').set({ note: 'n' }).where('tenant_id', '=', 1)),
  delete: (db) => db.executeQuery(db.deleteFrom('orders').where('tenant_id', '=', 1)),
  merge: raw(
    'merge into orders o using (select 1 as id) s on o.tenant_id = 1 and o.id = s.id when not matched then insert (tenant_id, id, total) values (1, 1, 1)',
  ),
  ddl: raw('create temporary table if not exists nothing_else (x int)'),
  set: raw(`set local statement_timeout = '1s'`),
  'two results per executor': (db) =>
    db
      .selectFrom('orders')
      .selectAll()
      .executeTakeFirst()
      .then((row) => row ?? null),
  'syntax error': raw('selec 1'),
  'unknown column': raw('select nothing_here from orders where tenant_id = 1'),
  'unknown function': raw('select nothing_here()'),
  'unique violation': (db) => db.executeQuery(db.insertInto('orders').values([order(1, 1), order(1, 1)])),
  'check violation': (db) => db.executeQuery(db.insertInto('orders').values(order(1, 1, -1))),
  'foreign key violation': (db) => db.executeQuery(db.insertInto('orders').values(order(-1, 1))),
  'not null violation': (db) =>
    db.executeQuery(db.insertInto('orders').values({ tenant_id: 1, id: 1 } as never)),
  'value out of range': raw('select $1::int4', '99999999999'),
  'division by zero': raw('select 1 / $1::int4', 0),
  'too many parameters': raw('select $1::int4', 1, 2),
  'too few parameters': raw('select $1::int4, $2::int4', 1),
  'take first or throw': (db) => db.selectFrom('orders').selectAll().executeTakeFirstOrThrow(),
  transaction: (db) =>
    db.transaction().execute(async (trx) => {
      await trx.insertInto('orders').values(order(1, 1)).execute()
      return (await trx.selectFrom('orders').selectAll().execute()).length
    }),
  'commit as text': (db) =>
    db.connection().execute(async (one) => {
      await sql`begin`.execute(one)
      await sql`select 1`.execute(one)
      return [await sql`commit`.execute(one), await sql`begin`.execute(one), await sql`rollback`.execute(one)]
    }),
  'stream of 5 by 2': async (db) => {
    const seen = []
    for await (const row of db
      .selectFrom(sql<{ i: number }>`generate_series(1, 5)`.as('i'))
      .selectAll()
      .stream(2))
      seen.push(row)
    return seen
  },
  introspection: async (db) => {
    const found = await db.introspection.getTables()
    return found.map(({ schema, name, columns }) => ({ schema, name, columns }))
  },
  schemas: async (db) =>
    (await db.introspection.getSchemas()).map(({ name }) => name).filter((name) => !name.startsWith('pg_')),
}

interface Outcome {
  readonly result?: unknown
  readonly error?: unknown
}

/** On one server, an application cannot tell Shardline's dialect from Kysely's own. */
export function nativeSuite(harness: Harness): void {
  let native: Kysely<DB>
  let ours: Kysely<DB>
  let pool: Pool
  let router: Router
  const nativeDialect = () => new PostgresDialect({ pool, cursor: Cursor })
  const oursDialect = () => shardlinePlugin<DB>(router).dialect()

  beforeAll(async () => {
    await harness.reset()
    const { url } = harness.primary(1)
    pool = new Pool({ connectionString: url, max: 4 })
    native = new Kysely<DB>({ dialect: nativeDialect() })
    router = await harness.createRouter({ shards: { only: { primary: url } }, tables: {} })
    const shardline = shardlinePlugin<DB>(router)
    ours = new Kysely<DB>({ dialect: shardline.dialect(), plugins: [shardline] })
  })

  afterAll(() => native.destroy())

  beforeEach(async () => {
    await harness
      .primary(1)
      .sql("truncate orders, items; insert into tenants values (1, 't') on conflict do nothing")
  })

  describe('the same as PostgresDialect on one server', () => {
    it.each(Object.entries(cases))('%s', async (_name, run) => {
      const expected = await outcome(() => run(native))
      await harness.primary(1).sql('truncate orders, items')
      const actual = await outcome(() => run(ours))
      expect(actual).toStrictEqual(expected)
      expect(Object.keys(actual.result ?? {})).toEqual(Object.keys(expected.result ?? {}))
    })

    it('the log', async () => {
      const logs: [string[], string[]] = [[], []]
      for (const [index, db] of [native, ours].entries()) {
        const dialect = db === native ? nativeDialect() : oursDialect()
        const logged = new Kysely<DB>({
          dialect,
          log: (event) => void logs[index]?.push(`${event.level} ${event.query.sql}`),
        })
        await logged
          .transaction()
          .setIsolationLevel('serializable')
          .execute((trx) => trx.insertInto('orders').values(order(1, index)).execute())
        await outcome(() => logged.transaction().execute((trx) => sql`select nothing_here()`.execute(trx)))
        const trx = await logged.startTransaction().execute()
        await (await trx.savepoint('here').execute()).rollbackToSavepoint('here').execute()
        await trx.rollback().execute()
      }
      expect(logs[0]).toContain('query commit')
      expect(logs[1]).toEqual(logs[0])
    })

    it('errors show where the query was made', async () => {
      const failed = await outcome(() => callerOfQuery(ours))
      expect((failed.error as { readonly hasCaller: boolean }).hasCaller).toBe(true)
    })
  })

  async function callerOfQuery(db: Kysely<DB>): Promise<unknown> {
    return await sql`select nothing_here()`.execute(db)
  }
}

/** What a caller sees, with PostgreSQL's own fields of an error. */
async function outcome(act: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { result: await act() }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const { name, message, stack } = error
    const fields = Object.fromEntries(
      [
        'code',
        'severity',
        'detail',
        'hint',
        'position',
        'constraint',
        'table',
        'column',
        'schema',
        'routine',
      ].map((field) => [field, (error as unknown as Record<string, unknown>)[field]]),
    )
    return {
      error: {
        name,

        message,
        constructor: error.constructor.name,
        hasCaller: stack?.includes('callerOfQuery') === true,
        ...fields,
      },
    }
  }
}
