import type { PgTable } from 'drizzle-orm/pg-core'
import type { KeyColumn, KeysOf, NameOf, RoutableColumn, TimeColumn } from './column-types.ts'
import type { TableModel } from './table-model.ts'

/** What may be said of `Table`: its own columns, and only those that can be keys. */
export type ModelOf<Table extends PgTable> = TableModel<
  KeyColumn<NameOf<Table>> | KeysOf<Table, KeyColumn>,
  TimeColumn<NameOf<Table>> | KeysOf<Table, TimeColumn>,
  RoutableColumn<NameOf<Table>> | KeysOf<Table, RoutableColumn>
>

// Found again by another copy of this package; not enumerable, so that nobody takes it for a column.
const modelKey = Symbol.for('shardline.drizzle.model')

const annotated = new Set<PgTable>()

/**
 * Says where a table's rows live, and returns the same table:
 * `export const orders = sharded(pgTable('orders', { … }), (t) => tenant(t.tenantId))`.
 *
 * The table keeps its type, and every tool of Drizzle sees it as before. `drizzle(router, { schema })` reads what is
 * said here. A column of another table, one that may be null or one that is no scalar does not compile.
 */
export function sharded<Table extends PgTable>(
  table: Table,
  describe: (table: Table) => ModelOf<Table>,
): Table {
  const model: TableModel = describe(table)
  Object.defineProperty(table, modelKey, { value: Object.freeze(model), configurable: true })
  annotated.add(table)
  return table
}

export function modelOf(table: PgTable): TableModel | undefined {
  return (table as { readonly [modelKey]?: TableModel })[modelKey]
}

/** Every table of this process that `sharded` has seen. */
export function annotatedTables(): ReadonlySet<PgTable> {
  return annotated
}
