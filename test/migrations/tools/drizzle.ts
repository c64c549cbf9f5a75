import { drizzle } from '@shardline/drizzle-adapter'
import { npmVersion } from 'drizzle-orm/version'
import type { Router } from '@shardline/core'
import { timeOf, type Step, type Tool } from '../tool.ts'
import { withFiles } from './files.ts'

/** drizzle-orm's migrator, of either version. */
export type Migrate = (db: never, config: { readonly migrationsFolder: string }) => Promise<unknown>

/** Folders as drizzle-kit writes them, and drizzle-orm's migrator, which has no lock. */
export function drizzleTool(migrate: Migrate): Tool {
  const files = npmVersion.startsWith('0.') ? withJournal : withFolders
  return {
    name: `drizzle-orm ${npmVersion}`,
    async migrate(router: Router, steps) {
      await withFiles(files(steps), async (migrationsFolder) => {
        const db = drizzle(router) as never
        await router.eachShard(() => migrate(db, { migrationsFolder }), { lock: true })
      })
    },
    book: 'select count(*)::int as count from drizzle.__drizzle_migrations',
    errorCode: '23505',
    databaseError: (error) => (error as Error).cause,
    canRunAlone: false,
  }
}

const sqlOf = ({ statements }: Step): string => statements.join(';\n--> statement-breakpoint\n')

function withJournal(steps: readonly Step[]): Record<string, string> {
  const entries = steps.map(({ name }, idx) => {
    return { idx, version: '7', when: 1_767_225_600_000 + idx, tag: `000${idx}_${name}`, breakpoints: true }
  })
  return {
    'meta/_journal.json': JSON.stringify({ version: '7', dialect: 'postgresql', entries }),
    ...Object.fromEntries(steps.map((step, index) => [`000${index}_${step.name}.sql`, sqlOf(step)])),
  }
}

function withFolders(steps: readonly Step[]): Record<string, string> {
  return Object.fromEntries(
    steps.map((step, index) => [`${timeOf(index)}_${step.name}/migration.sql`, sqlOf(step)]),
  )
}
