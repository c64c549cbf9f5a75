import 'reflect-metadata'
import { typeormDriver } from '@shardline/typeorm-driver'
import { DataSource, type MigrationInterface, type QueryRunner } from 'typeorm'
import type { Step, Tool } from '../tool.ts'

/** TypeORM's migrations: the driver takes them to every shard, under the lock that TypeORM lacks. */
export const typeormTool: Tool = {
  name: 'typeorm',
  async migrate(router, steps) {
    const db = new DataSource({
      type: 'postgres',
      driver: typeormDriver(router),
      migrations: steps.map(migrationClass),
      migrationsTransactionMode: 'each',
    })
    await db.initialize()
    try {
      await db.runMigrations()
    } finally {
      await db.destroy()
    }
  },
  book: 'select count(*)::int as count from migrations',
  errorCode: '23505',
  databaseError: (error) => (error as { readonly driverError?: unknown }).driverError,
  canRunAlone: true,
}

function migrationClass(step: Step, index: number): new () => MigrationInterface {
  return class implements MigrationInterface {
    readonly name = `${step.name}${1_767_225_600_000 + index}`
    readonly transaction = step.isAlone !== true

    async up(runner: QueryRunner): Promise<void> {
      for (const text of step.statements) await runner.query(text)
    }

    async down(): Promise<void> {
      throw new Error('the suite only goes up')
    }
  }
}
