import { RoutableId, ShardKey, typeormDriver } from '@shardline/typeorm-driver'
import { Column, DataSource, Entity, PrimaryColumn, type MigrationInterface, type QueryRunner } from 'typeorm'
import { expect, test } from 'vitest'
import { failureOf, withDataSource, type Harness } from './harness.ts'

class CreateBills1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('create table bills (tenant_id int not null, id bigint primary key)')
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table bills')
  }
}

class BillDate1700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table bills add billed_on date')
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table bills drop billed_on')
  }
}

class Fails1700000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('create unique index on clashes (value)')
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop index clashes_value_idx')
  }
}

@Entity('bills')
class Bill {
  @RoutableId()
  @PrimaryColumn({ type: 'bigint' })
  id!: string
  @ShardKey.tenant()
  @Column({ name: 'tenant_id', type: 'int' })
  tenantId!: number
}

/** What changes the schema reaches every shard, however it is called. */
export function schemaSuite(harness: Harness): void {
  const onEach = async (sql: string) => {
    const counts = await Promise.all(
      harness.cluster.shards.map(({ primary }) =>
        primary.sql<{ n: number }>(`select count(*)::int n from ${sql}`),
      ),
    )
    return counts.map(([row]) => row?.n)
  }

  test('migrations run, show and revert on every shard', async () => {
    const { router } = harness
    const migrations = [CreateBills1700000000001, BillDate1700000000002]
    await withDataSource(router, { entities: [Bill], migrations }, async (db) => {
      expect(await db.showMigrations()).toBe(true)
      const ran = await db.runMigrations()
      expect(ran.map(({ name }) => name)).toEqual(migrations.map(({ name }) => name))
      expect(await db.runMigrations()).toEqual([])
      expect(await db.showMigrations()).toBe(false)
      expect(
        await onEach(`pg_attribute where attrelid = to_regclass('bills') and attname = 'billed_on'`),
      ).toEqual([1, 1])

      await router.install()
      const saved = await db.getRepository(Bill).save([{ tenantId: 1 }], { transaction: false })
      expect(await db.getRepository(Bill).findOneBy({ id: saved[0]?.id ?? '' })).toMatchObject({
        tenantId: 1,
      })

      await db.undoLastMigration()
      expect(
        await onEach(`pg_attribute where attrelid = to_regclass('bills') and attname = 'billed_on'`),
      ).toEqual([0, 0])
    })
  })

  test('a failure on one shard is told by shard, and nothing is reverted past it', async () => {
    const { cluster, router } = harness
    await cluster.sql('create table clashes (value int)')
    await cluster.shards[1]?.primary.sql('insert into clashes values (1), (1)')
    await router.refresh()
    await withDataSource(router, { migrations: [Fails1700000000003] }, async (db) => {
      const error = await failureOf(db.runMigrations())
      expect(error).toMatchObject({ code: 'SHARDS_FAILED', details: { failed: ['s1'], succeeded: ['s0'] } })
      expect(await failureOf(db.undoLastMigration())).toMatchObject({ code: 'MIGRATION_BLOCKED' })
      await cluster.shards[1]?.primary.sql('truncate clashes')
      expect((await db.runMigrations()).map(({ name }) => name)).toEqual([Fails1700000000003.name])
      await db.undoLastMigration()
    })
  })

  test('extensions are created on every shard', async () => {
    @Entity('addresses')
    class Address {
      @PrimaryColumn({ type: 'uuid', default: () => 'gen_random_uuid()' })
      id!: string
      @Column({ type: 'ltree' })
      path!: string
    }
    const warnings: string[] = []
    const logger = {
      logQuery() {},
      logQueryError() {},
      logQuerySlow() {},
      logSchemaBuild() {},
      logMigration() {},
      log(_level: string, message: unknown) {
        warnings.push(String(message))
      },
    }
    await withDataSource(harness.router, { entities: [Address], logger }, async () => undefined)
    const known = await onEach(`pg_available_extensions where name = 'ltree'`)
    // Where the server has it, it is there now; where not, TypeORM warns, once for every shard.
    if (known[0] === 1) expect(await onEach(`pg_extension where extname = 'ltree'`)).toEqual([1, 1])
    else expect(warnings.filter((text) => text.includes('ltree'))).toHaveLength(2)
  })

  test('dropSchema and synchronize make all of it anew, ids included', async () => {
    const { router } = harness
    const options = { entities: [Bill], synchronize: true, dropSchema: true }
    for (let time = 0; time < 2; time++) {
      await withDataSource(router, options, async (db) => {
        expect(await onEach(`bills`)).toEqual([0, 0])
        for (const tenantId of [1, 2, 3, 4]) await db.getRepository(Bill).insert({ tenantId })
        expect(await onEach(`bills`)).not.toContain(0)
      })
    }
    expect(await onEach(`pg_constraint where conname = 'bills_id_routable' and convalidated`)).toEqual([1, 1])
  })

  test('a DataSource in eachShard works on that shard alone', async () => {
    await harness.router.eachShard(async ({ name }) => {
      if (name !== 's0') return
      const db = new DataSource({ type: 'postgres', driver: typeormDriver(harness.router), entities: [] })
      await db.initialize()
      await db.query('create table only_here (id int)')
      await db.destroy()
    })
    expect(await onEach(`pg_class where relname = 'only_here'`)).toEqual([1, 0])
    await harness.cluster.shards[0]?.primary.sql('drop table only_here')
    await harness.router.refresh()
  })
}
