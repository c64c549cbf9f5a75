import { shardlinePlugin } from '@shardline/kysely-plugin'
import * as kysely from 'kysely'
import { Kysely, sql } from 'kysely'
import type { Tool } from '../tool.ts'

type AnyDb = Kysely<Record<string, Record<string, unknown>>>

interface Migrator {
  migrateToLatest(): Promise<{ readonly error?: unknown }>
}

type MigratorClass = new (props: {
  readonly db: AnyDb
  readonly provider: { getMigrations(): Promise<Record<string, { up(db: AnyDb): Promise<void> }>> }
}) => Migrator

/** In 0.29 the migrator has moved to `kysely/migration`. */
async function migratorClass(): Promise<MigratorClass> {
  const from: unknown = 'Migrator' in kysely ? kysely : await import('kysely/migration')
  return (from as { readonly Migrator: MigratorClass }).Migrator
}

/** Kysely's migrator gives its error back instead of throwing it. */
export const kyselyTool: Tool = {
  name: 'kysely',
  async migrate(router, steps) {
    const Migrator = await migratorClass()
    const shardline = shardlinePlugin<Record<string, Record<string, unknown>>>(router)
    const db: AnyDb = new Kysely({ dialect: shardline.dialect(), plugins: [shardline] })
    const migrations = Object.fromEntries(
      steps.map(({ name, statements }, index) => [
        `${index}_${name}`,
        {
          async up(on: AnyDb) {
            for (const text of statements) await sql.raw(text).execute(on)
          },
        },
      ]),
    )
    const provider = { getMigrations: async () => migrations }
    await router.eachShard(
      async () => {
        const { error } = await new Migrator({ db, provider }).migrateToLatest()
        if (error !== undefined) throw error
      },
      { lock: true },
    )
  },
  book: 'select count(*)::int as count from kysely_migration',
  errorCode: '23505',
  databaseError: (error) => error,
  canRunAlone: false,
}
