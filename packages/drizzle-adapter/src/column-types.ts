import type { PgTable } from 'drizzle-orm/pg-core'

/** A column that can be a shard key: NOT NULL, and a scalar. `Table` is the name of the table it must belong to. */
export type KeyColumn<Table extends string = string> = ColumnWith<KeyValue, Table>

/** A column that can be the key of the time strategy: a timestamp or a date, NOT NULL. */
export type TimeColumn<Table extends string = string> = ColumnWith<Date | string, Table>

/** A column that can hold routable ids: NOT NULL, and a `bigint` or `uuid` that JavaScript reads without loss. */
export type RoutableColumn<Table extends string = string> = ColumnWith<string | bigint, Table>

type KeyValue = string | number | bigint | Date

interface ColumnWith<Value, Table extends string> {
  /** Of types only, as in Drizzle. */
  readonly _: { readonly notNull: true; readonly data: Value; readonly tableName: Table }
}

/** The name of a table, as its type has it. */
export type NameOf<Table extends PgTable> = Table['_']['name']

/** The keys under which a table has columns like `Column`. */
export type KeysOf<Table extends PgTable, Column> = {
  [Key in keyof Table['_']['columns'] & string]: Table['_']['columns'][Key] extends Column ? Key : never
}[keyof Table['_']['columns'] & string]
