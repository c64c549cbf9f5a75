import { DatabaseError, type RoutedClient } from '@shardline/core'
import type { MigrationBook } from './migration-book.ts'
import type { Migration } from './migration-folder.ts'

/** One shard's lease under the lock, and its book. */
export interface ShardSession {
  readonly shard: string
  readonly client: RoutedClient
  readonly book: MigrationBook
}

/** A statement of the script refuses to run in a transaction, or may not end the one that it is in. */
const needsNoTransaction: ReadonlySet<unknown> = new Set(['25001', '2D000'])

/**
 * Runs one migration on one shard and writes it into the book, both in one transaction: whatever happens, the book
 * says what is there. A script that cannot run in a transaction is sent by itself, as Prisma sends every script.
 * @throws DatabaseError MIGRATION_FAILED; `details.isRolledBack` says whether nothing of it is left
 */
export async function applyMigration(session: ShardSession, migration: Migration): Promise<void> {
  const { client, book } = session
  let id: string | undefined
  try {
    await client.query('begin')
    id = await book.begin(migration)
    await client.query(migration.script)
    // A script that rolls back takes the entry along.
    if (!(await book.finish(id))) await book.markApplied(migration)
    if (client.getTransactionStatus() !== 'I') await client.query('commit')
  } catch (error) {
    const isRolledBack = await rollBack(session, id, error)
    if (isRolledBack === true && needsNoTransaction.has(codeOf(error))) await applyAlone(session, migration)
    else throw await failed(session, migration, { error, isRolledBack })
  }
}

/** Without a transaction around it: what it has done when it fails stays, and so does its entry. */
async function applyAlone(session: ShardSession, migration: Migration): Promise<void> {
  const { client, book } = session
  const id = await book.begin(migration)
  try {
    await client.query(migration.script)
  } catch (error) {
    // Among other statements it still is in a transaction, the one that PostgreSQL puts around a text.
    const isRolledBack = needsNoTransaction.has(codeOf(error))
    if (isRolledBack) await book.markRolledBack(id)
    await book.fail(id, messageOf(error)).catch(() => undefined)
    throw await failed(session, migration, { error, isRolledBack, isNoted: true })
  }
  await book.finish(id)
}

/** Whether nothing of the migration is left; undefined when the server cannot be asked. */
async function rollBack(
  { client, book }: ShardSession,
  id: string | undefined,
  error: unknown,
): Promise<boolean | undefined> {
  try {
    if (client.getTransactionStatus() !== 'I') await client.query('rollback')
    // The entry was written first: it is there only if the script, or a COMMIT whose answer was lost, has kept it.
    const state = id === undefined ? 'gone' : await book.fail(id, messageOf(error))
    return state === 'applied' ? undefined : state === 'gone'
  } catch {
    return undefined
  }
}

interface Failure {
  readonly error: unknown
  readonly isRolledBack: boolean | undefined
  /** True when the book has an entry of this attempt already. */
  readonly isNoted?: boolean
}

async function failed(
  { shard, book }: ShardSession,
  migration: Migration,
  { error, isRolledBack, isNoted = false }: Failure,
): Promise<DatabaseError> {
  if (isRolledBack === true && !isNoted) {
    await book.noteRolledBack(migration, messageOf(error)).catch(() => undefined)
  }
  const code = codeOf(error)
  return new DatabaseError(
    'MIGRATION_FAILED',
    `Migration ${migration.name} failed on shard "${shard}" (${String(code)}). ${whatIsLeft(isRolledBack, code)}`,
    { cause: error, details: { migration: migration.name, shard, code, isRolledBack } },
  )
}

function whatIsLeft(isRolledBack: boolean | undefined, code: unknown): string {
  if (isRolledBack === undefined)
    return 'The connection was lost; whether the migration is applied is in the book of that shard, where the next run reads it.'
  if (!isRolledBack)
    return 'What it had done by then is not rolled back: mend the shard by hand, and say so with resolveMigration().'
  if (needsNoTransaction.has(code))
    return 'It was rolled back. A statement that cannot run in a transaction has to be alone in its migration.'
  return 'It was rolled back there: mend the cause and run it again.'
}

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown } | undefined)?.code
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
