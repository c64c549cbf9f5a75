import { ConfigError } from '@shardline/core'
import type { Entry } from './migration-book.ts'
import type { Migration } from './migration-folder.ts'

/** What one shard's book says, before anything is run; undefined where there is no book yet. */
export interface BookState {
  readonly entries: readonly Entry[] | undefined
  /** Tables that came by other ways than migrations. */
  readonly hasOtherTables: boolean
}

export function isApplied(state: BookState, { name }: Migration): boolean {
  return appliedEntry(state, name) !== undefined
}

/** True when the migration was applied from another text than the folder has now. */
export function isEdited(state: BookState, migration: Migration): boolean {
  const entry = appliedEntry(state, migration.name)
  return entry !== undefined && !hasText(migration, entry.checksum)
}

/**
 * What keeps migrations from being run at all, on any shard: going on where one shard cannot follow would only make the
 * shards differ more.
 * @throws ConfigError MIGRATION_BLOCKED
 */
export function checkBooks(migrations: readonly Migration[], books: ReadonlyMap<string, BookState>): void {
  for (const [shard, state] of books) {
    if (state.entries === undefined && state.hasOtherTables) throw notEmpty(shard)
    const stopped = state.entries?.find((entry) => entry.state === 'stopped')
    if (stopped !== undefined) throw halfWay(shard, stopped.name)
  }
  for (const migration of migrations) {
    const here = [...books].find(([, state]) => !isApplied(state, migration))
    const there = [...books].find(([, state]) => isEdited(state, migration))
    if (here !== undefined && there !== undefined) throw twoTexts(migration.name, here[0], there[0])
  }
}

function appliedEntry({ entries }: BookState, name: string): Entry | undefined {
  return entries?.find((entry) => entry.name === name && entry.state === 'applied')
}

function hasText({ checksum, otherChecksum }: Migration, known: string): boolean {
  return known === checksum || known === otherChecksum
}

function notEmpty(shard: string): ConfigError {
  return new ConfigError(
    'MIGRATION_BLOCKED',
    `Shard "${shard}" has tables and no record of migrations. Say which migrations it has already with resolveMigration(router, { migration, as: 'applied' }). Nothing was run.`,
    { details: { shard, reason: 'not-empty' } },
  )
}

function halfWay(shard: string, migration: string): ConfigError {
  return new ConfigError(
    'MIGRATION_BLOCKED',
    `Migration ${migration} stopped half way on shard "${shard}" in an earlier run. Mend the shard by hand, then say what became of it with resolveMigration(router, { migration, as: 'applied' | 'rolled-back', shards: ['${shard}'] }). Nothing was run.`,
    { details: { shard, migration, reason: 'stopped' } },
  )
}

function twoTexts(migration: string, here: string, there: string): ConfigError {
  return new ConfigError(
    'MIGRATION_BLOCKED',
    `Migration ${migration} is to run on shard "${here}", and its text is no longer the one that ran on shard "${there}": the two would differ. Restore its text and write the change as another migration. Nothing was run.`,
    { details: { migration, shard: here, appliedOn: there, reason: 'edited' } },
  )
}
