import { migrateDeploy } from '@shardline/prisma-extension'
import { timeOf, type Tool } from '../tool.ts'
import { withFiles } from './files.ts'

/** SQL in the folders of `prisma migrate`, with its lock. */
export const prismaTool: Tool = {
  name: 'prisma',
  async migrate(router, steps) {
    const files = steps.map(({ name, statements }, index) => [
      `${timeOf(index)}_${name}/migration.sql`,
      statements.join(';\n'),
    ])
    await withFiles(Object.fromEntries(files), (folder) => migrateDeploy(router, { folder }))
  },
  book: 'select count(*)::int as count from _prisma_migrations where finished_at is not null',
  errorCode: 'MIGRATION_FAILED',
  databaseError: (error) => (error as Error).cause,
  canRunAlone: true,
}
