import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { drizzle } from '../../src/index.ts'
import { isVersion1, tables, type Harness } from './harness.ts'

const steps = [
  `create table invoices (tenant_id int not null, id int not null, primary key (tenant_id, id));
--> statement-breakpoint
create index invoices_by_id on invoices (id);`,
  'alter table invoices add column paid_at timestamptz;',
]

/** Drizzle's own migrator runs on every shard, each with its own record of what was done. */
export function migrationsSuite(harness: Harness): void {
  let migrationsFolder: string
  const connect = () => drizzle(harness.router, { schema: tables })

  beforeEach(async () => {
    migrationsFolder = await mkdtemp(join(tmpdir(), 'drizzle-migrations-'))
  })
  afterEach(async () => {
    await rm(migrationsFolder, { recursive: true, force: true })
    await harness.cluster.sql('drop table if exists invoices; drop schema if exists drizzle cascade')
    await harness.router.refresh()
  })

  /** The folder as the drizzle-kit of the version writes it. */
  const write = async (sqls: readonly string[]): Promise<void> => {
    if (isVersion1) {
      for (const [index, sql] of sqls.entries()) {
        const folder = join(migrationsFolder, `2026010${index + 1}000000_step${index}`)
        await mkdir(folder, { recursive: true })
        await writeFile(join(folder, 'migration.sql'), sql)
        await writeFile(join(folder, 'snapshot.json'), '{}')
      }
      return
    }
    await mkdir(join(migrationsFolder, 'meta'), { recursive: true })
    const entries = sqls.map((_, idx) => ({
      idx,
      version: '7',
      when: 1_700_000_000_000 + idx,
      tag: `step${idx}`,
      breakpoints: true,
    }))
    await writeFile(
      join(migrationsFolder, 'meta/_journal.json'),
      JSON.stringify({ version: '7', dialect: 'postgresql', entries }),
    )
    for (const [index, sql] of sqls.entries())
      await writeFile(join(migrationsFolder, `step${index}.sql`), sql)
  }
  const migrateAll = async () => {
    const db = connect()
    return await harness.router.eachShard(() => migrate(db, { migrationsFolder }))
  }
  const columnsOf = async (shard: number) =>
    (
      await harness
        .primary(shard)
        .sql<{ name: string }>(
          `select attname as name from pg_attribute where attrelid = to_regclass('invoices') and attnum > 0 order by attnum`,
        )
    ).map(({ name }) => name)

  it('on every shard, once each', async () => {
    await write(steps.slice(0, 1))
    await migrateAll()
    for (const shard of [0, 1]) expect(await columnsOf(shard)).toEqual(['tenant_id', 'id'])
    await write(steps)
    await migrateAll()
    await migrateAll()
    for (const shard of [0, 1]) {
      expect(await columnsOf(shard)).toEqual(['tenant_id', 'id', 'paid_at'])
      const [done] = await harness
        .primary(shard)
        .sql('select count(*)::int from drizzle.__drizzle_migrations')
      expect(done).toEqual({ count: 2 })
    }
  })

  it('once each, too, when the replicas are behind', async () => {
    await write(steps.slice(0, 1))
    await migrateAll()
    await harness.cluster.waitForReplay()
    for (const shard of [0, 1]) await harness.replica(shard).sql('select pg_wal_replay_pause()')
    try {
      await write(steps)
      await migrateAll()
      await migrateAll()
      for (const shard of [0, 1]) expect(await columnsOf(shard)).toEqual(['tenant_id', 'id', 'paid_at'])
    } finally {
      for (const shard of [0, 1]) await harness.replica(shard).sql('select pg_wal_replay_resume()')
    }
  })

  it('rolls a shard back whose migration fails, and says which', async () => {
    await write([...steps, 'alter table invoices add column id text;'])
    await expect(migrateAll()).rejects.toMatchObject({ code: 'SHARDS_FAILED' })
    for (const shard of [0, 1]) expect(await columnsOf(shard)).toEqual([])
    await rm(migrationsFolder, { recursive: true, force: true })
    await write(steps)
    await migrateAll()
    for (const shard of [0, 1]) expect(await columnsOf(shard)).toEqual(['tenant_id', 'id', 'paid_at'])
  })

  it('is refused outside of eachShard, and leaves nothing half done', async () => {
    await write(steps)
    const outside = migrate(connect(), { migrationsFolder })
    await expect(outside).rejects.toMatchObject({ cause: { family: 'statement' } })
    for (const shard of [0, 1]) {
      expect(await columnsOf(shard)).toEqual([])
      expect(await harness.primary(shard).sql(`select from pg_namespace where nspname = 'drizzle'`)).toEqual(
        [],
      )
    }
  })
}
