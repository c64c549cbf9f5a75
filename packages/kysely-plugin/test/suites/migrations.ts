import * as kysely from 'kysely'
import { Kysely, sql } from 'kysely'
import { shardlinePlugin } from '../../src/index.ts'
import { afterEach, describe, expect, it } from 'vitest'
import { tables, type DB, type Harness, type Loose } from './harness.ts'

interface Migration {
  up(db: Loose): Promise<void>
  down?(db: Loose): Promise<void>
}

interface Migrated {
  readonly error?: unknown
  readonly results?: readonly { readonly migrationName: string; readonly status: string }[]
}

interface Migrator {
  migrateToLatest(): Promise<Migrated>
  migrateDown(): Promise<Migrated>
}

type MigratorClass = new (props: {
  readonly db: Kysely<DB>
  readonly provider: { getMigrations(): Promise<Record<string, Migration>> }
}) => Migrator

/** In 0.29 the migrator has moved to `kysely/migration`. */
async function migratorClass(): Promise<MigratorClass> {
  const from: unknown = 'Migrator' in kysely ? kysely : await import('kysely/migration')
  return (from as { readonly Migrator: MigratorClass }).Migrator
}

/** Schema changes reach every shard, each with its own lock and its own migration table. */
export function migrationsSuite(harness: Harness): void {
  const setUp = () => {
    const shardline = shardlinePlugin<DB>(harness.router, { tables })
    return new Kysely<DB>({ dialect: shardline.dialect(), plugins: [shardline] })
  }
  const columnsOf = (shard: number, table: string) =>
    harness
      .primary(shard)
      .sql<{ name: string }>(
        'select attname as name from pg_attribute where attrelid = to_regclass($1) and attnum > 0 and not attisdropped order by attnum',
        [table],
      )

  const provider = (migrations: Record<string, Migration>) => ({ getMigrations: async () => migrations })
  const migrations: Record<string, Migration> = {
    '1-invoices': {
      up: async (db) => {
        await db.schema
          .createTable('invoices')
          .addColumn('tenant_id', 'integer', (c) => c.notNull())
          .addColumn('id', 'integer', (c) => c.notNull())
          .addPrimaryKeyConstraint('invoices_pkey', ['tenant_id', 'id'])
          .execute()
      },
      down: async (db) => {
        await db.schema.dropTable('invoices').execute()
      },
    },
    '2-paid': {
      up: async (db) => {
        await db.schema.alterTable('invoices').addColumn('paid_at', 'timestamptz').execute()
        await db.schema.createIndex('invoices_paid').on('invoices').column('paid_at').execute()
      },
      down: async (db) => {
        await db.schema.alterTable('invoices').dropColumn('paid_at').execute()
      },
    },
  }

  const migrate = async (act: (migrator: Migrator) => Promise<Migrated>, all = migrations) => {
    const MigratorOfVersion = await migratorClass()
    const db = setUp()
    return await harness.router.eachShard(async () => {
      const { error, results } = await act(new MigratorOfVersion({ db, provider: provider(all) }))
      if (error !== undefined) throw error
      return results?.map(({ migrationName, status }) => `${migrationName} ${status}`) ?? []
    })
  }

  afterEach(async () => {
    await harness.cluster.sql(
      'drop table if exists invoices; drop table if exists kysely_migration, kysely_migration_lock',
    )
    await harness.router.refresh()
  })

  describe('the migrator', () => {
    it('runs on every shard through eachShard, up and down', async () => {
      await migrate((migrator) => migrator.migrateToLatest())
      for (const shard of [0, 1]) {
        expect(await columnsOf(shard, 'invoices')).toEqual(
          ['tenant_id', 'id', 'paid_at'].map((name) => ({ name })),
        )
        expect(await harness.primary(shard).sql('select name from kysely_migration order by name')).toEqual([
          { name: '1-invoices' },
          { name: '2-paid' },
        ])
      }
      await migrate((migrator) => migrator.migrateDown())
      for (const shard of [0, 1])
        expect(await columnsOf(shard, 'invoices')).toEqual([{ name: 'tenant_id' }, { name: 'id' }])
      await migrate((migrator) => migrator.migrateToLatest())
      for (const shard of [0, 1]) expect(await columnsOf(shard, 'invoices')).toHaveLength(3)
    })

    it('run by several processes at once does each migration once, and leaves no lock', async () => {
      await Promise.all([1, 2, 3].map(() => migrate((migrator) => migrator.migrateToLatest())))
      for (const shard of [0, 1]) {
        expect(await harness.primary(shard).sql('select count(*)::int from kysely_migration')).toEqual([
          { count: 2 },
        ])
        expect(
          await harness.primary(shard).sql(`select count(*)::int from pg_locks where locktype = 'advisory'`),
        ).toEqual([{ count: 0 }])
      }
    })

    it('rolls a shard back whose migration fails', async () => {
      const failing: Record<string, Migration> = {
        ...migrations,
        '3-broken': {
          up: async (db) => void (await sql`alter table invoices add column id text`.execute(db)),
        },
      }
      await expect(migrate((migrator) => migrator.migrateToLatest(), failing)).rejects.toMatchObject({
        code: 'SHARDS_FAILED',
      })
      expect(await columnsOf(0, 'invoices')).toEqual([])
      expect(
        await harness.primary(0).sql(`select count(*)::int from pg_locks where locktype = 'advisory'`),
      ).toEqual([{ count: 0 }])
    })
  })

  describe('introspection', () => {
    it('reads a primary: a table is there as soon as its migration is', async () => {
      for (const shard of [0, 1]) await harness.replica(shard).sql('select pg_wal_replay_pause()')
      try {
        await harness.cluster.sql('create table invoices (tenant_id int not null)')
        const db = setUp()
        const found = await db.introspection.getTables()
        expect(found.map(({ schema, name }) => `${schema}.${name}`)).toEqual(
          expect.arrayContaining(['public.invoices', 'public.orders', 'app.notes']),
        )
        const orders = found.find(({ name }) => name === 'orders')
        expect(orders?.columns.map(({ name }) => name)).toEqual([
          'tenant_id',
          'id',
          'total',
          'note',
          'details',
          'placed_at',
        ])
        expect(await db.introspection.getSchemas()).toEqual(
          expect.arrayContaining([{ name: 'app' }, { name: 'public' }]),
        )
      } finally {
        for (const shard of [0, 1]) await harness.replica(shard).sql('select pg_wal_replay_resume()')
      }
    })
  })
}
