import type { DescribedRoutable } from '../catalog/routable-columns.ts'
import {
  commonFunctions,
  constraintName,
  constraintSql,
  createFunctionSql,
  fillFunction,
  groupFunctions,
  idTrigger,
  quote,
} from '../sharding/routable-sql.ts'
import type { ShardMap } from '../sharding/shard-map.ts'

/** What `install` runs on a shard: the same text on every shard. */
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
  /** Counts the rows whose id does not carry their bucket. */
  readonly count: string
  readonly drop: string
  readonly add: string
  readonly validate: string
}

export function installScript(
  described: readonly DescribedRoutable[],
  maps: (each: DescribedRoutable) => ShardMap,
): InstallScript {
  const groups = new Map(described.map((each) => [each.placement.group, each]))
  return {
    common: [
      'create schema if not exists shardline',
      'grant usage on schema shardline to public',
      'create sequence if not exists shardline.ticks',
      ...commonFunctions.map(createFunctionSql),
      'revoke execute on function shardline.raise_ticks(bigint) from public',
      ...[...groups.values()].flatMap((each) =>
        groupFunctions(each.placement, maps(each)).map(createFunctionSql),
      ),
    ],
    tables: described.map(tableScript),
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

function tableScript({ placement, table }: DescribedRoutable): TableScript {
  const name = `${quote(table.schema)}.${quote(table.name)}`
  const fill = fillFunction(table)
  return {
    table: `${table.schema}.${table.name}`,
    trigger: [
      createFunctionSql(fill),
      `drop trigger if exists ${idTrigger} on ${name}`,
      `create trigger ${idTrigger} before insert on ${name} for each row execute function shardline.${quote(fill.name)}()`,
    ],
    columns: table.columns.map(({ name: column }) => {
      const constraint = constraintName(table.name, column)
      const condition = constraintSql(placement, column)
      return {
        column,
        constraint,
        count: `select count(*)::text as count from ${name} where not ${condition}`,
        drop: `alter table ${name} drop constraint if exists ${quote(constraint)}`,
        add: `alter table ${name} add constraint ${quote(constraint)} check (${condition}) not valid`,
        validate: `alter table ${name} validate constraint ${quote(constraint)}`,
      }
    }),
  }
}
