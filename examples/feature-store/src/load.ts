import type { Insertable, Kysely } from 'kysely'
import type { Database } from './tables.ts'

const rowsPerStatement = 500

/** Inserts rows in statements of a few hundred; `onProgress` hears how many are in. */
export async function load<Table extends keyof Database>(
  db: Kysely<Database>,
  table: Table,
  rows: readonly Insertable<Database[Table]>[],
  onProgress: (done: number) => void,
): Promise<void> {
  for (let at = 0; at < rows.length; at += rowsPerStatement) {
    const batch = rows.slice(at, at + rowsPerStatement)
    await db.insertInto(table).values(batch).execute()
    onProgress(at + batch.length)
  }
}
