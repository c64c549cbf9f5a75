import type { DescribedRoutable } from '../catalog/routable-columns.ts'
import {
  commonFunctions,
  constraintName,
  constraintSql,
  createFunctionSql,
  fillFunction,
  idTrigger,
  latestTickSql,
  quote,
} from '../sharding/routable-sql.ts'
import type { ShardMap } from '../sharding/shard-map.ts'

/** What `install` runs on the shards of a keyspace: the same text on each of them. */
export interface InstallScript {
  /** Schema, clock and functions. */
  readonly common: readonly string[]
  readonly tables: readonly TableScript[]
}

export interface TableScript {
  /** `schema.table`. */
  readonly table: string
  readonly trigger: readonly string[]
  readonly columns: readonly ColumnScript[]
}

export interface ColumnScript {
  readonly column: string
  readonly constraint: string
  /** What the constraint says, as it is written after CHECK. */
  readonly condition: string
  /** The constraint's condition as the server prints it, where there is one of the name. */
  readonly read: string
  /** Counts the rows whose id does not carry their bucket. */
  readonly count: string
  /** The latest tick in the table's integer ids, of those up to a year ahead; undefined for uuids. */
  readonly latest: string | undefined
  readonly drop: string
  readonly add: string
  readonly validate: string
}

export function installScript(
  described: readonly DescribedRoutable[],
  mapOf: (each: DescribedRoutable) => ShardMap,
): InstallScript {
  return {
    common: [
      'create schema if not exists shardline',
      'grant usage on schema shardline to public',
      'create sequence if not exists shardline.ticks',
      ...commonFunctions.map(createFunctionSql),
      'revoke execute on function shardline.raise_ticks(bigint) from public',
    ],
    tables: described
      .filter(({ table }) => table.columns.length > 0)
      .map((each) => tableScript(each, mapOf(each))),
  }
}

/** The whole as one text, for those who run DDL themselves, with `psql` or a migration, on every shard. */
export function scriptText({ common, tables }: InstallScript): string {
  return [
    ...common,
    ...tables.flatMap(({ trigger, columns }) => [
      ...trigger,
      ...columns.flatMap(({ drop, add, validate }) => [drop, add, validate]),
    ]),
  ]
    .map((statement) => `${statement};\n`)
    .join('\n')
}

function tableScript({ placement, table }: DescribedRoutable, map: ShardMap): TableScript {
  const name = `${quote(table.schema)}.${quote(table.name)}`
  const fill = fillFunction(table, placement, map)
  return {
    table: `${table.schema}.${table.name}`,
    trigger: [
      createFunctionSql(fill),
      `drop trigger if exists ${idTrigger} on ${name}`,
      `create trigger ${idTrigger} before insert on ${name} for each row execute function shardline.${quote(fill.name)}()`,
    ],
    columns: table.columns.map((column) => {
      const constraint = constraintName(table.name, column.name)
      const condition = constraintSql(placement, column, map)
      return {
        column: column.name,
        constraint,
        condition,
        read: `select pg_catalog.pg_get_expr(conbin, conrelid) as condition from pg_catalog.pg_constraint
                where conrelid = ${literal(name)}::pg_catalog.regclass and conname = ${literal(constraint)} and contype = 'c'`,
        count: `select count(*)::text as count from ${name} where not (${condition})`,
        latest: column.format === 'int8' ? latestTickSql(name, quote(column.name)) : undefined,
        drop: `alter table ${name} drop constraint if exists ${quote(constraint)}`,
        add: `alter table ${name} add constraint ${quote(constraint)} check (${condition}) not valid`,
        validate: `alter table ${name} validate constraint ${quote(constraint)}`,
      }
    }),
  }
}

function literal(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}
