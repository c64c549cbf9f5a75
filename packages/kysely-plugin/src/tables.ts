import type { SelectType } from 'kysely'
import type { EntityTable, ReferenceTable, TenantTable, TimeTable, UnshardedTable } from '@shardline/core'

/** What `shardlinePlugin` takes: for each table of `DB`, by its name there, where its rows live. */
export type TablesOf<DB> = [DB] extends [never]
  ? { readonly 'name the database type first: shardlinePlugin<DB>(router, …)': never }
  : { readonly [T in keyof DB & string]?: TableOf<DB[T]> }

type TableOf<Table> =
  | TenantTable<KeyColumnOf<Table>, RoutableColumnOf<Table>>
  | EntityTable<KeyColumnOf<Table>, RoutableColumnOf<Table>>
  | TimeTable<TimeColumnOf<Table>>
  | ReferenceTable
  | UnshardedTable

/** Columns that can be a shard key: never null when selected, and a scalar. */
export type KeyColumnOf<Table> = ColumnOf<Table, string | number | bigint | Date>

/** Columns that can hold routable ids: never null when selected, and a bigint or a uuid as drivers read them. */
export type RoutableColumnOf<Table> = ColumnOf<Table, string | number | bigint>

/** Columns that can be the key of the time strategy, as drivers read timestamps and dates. */
export type TimeColumnOf<Table> = ColumnOf<Table, Date | string>

type ColumnOf<Table, Scalar> = {
  [C in keyof Table & string]: SelectType<Table[C]> extends Scalar ? C : never
}[keyof Table & string]
