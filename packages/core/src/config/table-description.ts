import type { Period } from '../sharding/period.ts'

/**
 * How one table is sharded, as a user writes it: made by `tenant`, `entity`, `time`, `reference` and `unsharded`.
 * `Column` is the name of the shard-key column.
 */
export type TableDescription<Column extends string = string, Routable extends string = string> =
  | TenantTable<Column, Routable>
  | EntityTable<Column, Routable>
  | TimeTable<Column>
  | ReferenceTable
  | UnshardedTable

export interface GroupOptions {
  /** Colocation group: rows of its tables with equal keys lie on one shard. Tables of a group share strategy and key type. */
  readonly group?: string | undefined
}

export interface RoutableOptions<Routable extends string = string> {
  /**
   * Columns (bigint or uuid, NOT NULL) whose values carry the bucket of their row's shard key, so that a condition on them
   * proves the shard: a name or several. `router.install()` makes the database fill and check them. Default none.
   */
  readonly routable?: Routable | readonly Routable[] | undefined
}

interface RoutableColumns<Routable extends string> {
  readonly routable?: readonly Routable[] | undefined
}

export interface EntityOptions<Routable extends string = string>
  extends GroupOptions, RoutableOptions<Routable> {}

export interface TenantOptions<Routable extends string = string>
  extends GroupOptions, RoutableOptions<Routable> {
  /** `required` refuses statements that do not prove a tenant. Default: the cluster's `guard`. */
  readonly guard?: Guard | undefined
}

export interface TimeOptions extends GroupOptions {
  /** Length of a period, in UTC; weeks are ISO weeks. Rows of one period lie on one shard. */
  readonly every: Period
}

export type Guard = 'required' | 'off'

export interface TenantTable<Column extends string = string, Routable extends string = string>
  extends GroupOptions, RoutableColumns<Routable> {
  readonly strategy: 'tenant'
  readonly guard?: Guard | undefined
  readonly column: Column
}

export interface EntityTable<Column extends string = string, Routable extends string = string>
  extends GroupOptions, RoutableColumns<Routable> {
  readonly strategy: 'entity'
  readonly column: Column
}

export interface TimeTable<Column extends string = string> extends TimeOptions {
  readonly strategy: 'time'
  readonly column: Column
}

export interface ReferenceTable {
  readonly strategy: 'reference'
}

export interface UnshardedTable {
  readonly strategy: 'unsharded'
}

/**
 * Rows lie on the shard of their tenant. Tables of this strategy form one colocation group, `tenant`, unless
 * a group is named; tenants can be pinned to shards by the cluster's `directory`.
 */
export function tenant<const Column extends string, const Routable extends string = never>(
  column: Column,
  options: TenantOptions<Routable> = {},
): TenantTable<Column, NoInfer<Routable>> {
  const { routable, ...rest } = options
  return { strategy: 'tenant', column, ...rest, ...columnsOf(routable) }
}

/** Rows lie on the shard of their entity. Each table is a colocation group of its own unless a group is named. */
export function entity<const Column extends string, const Routable extends string = never>(
  column: Column,
  options: EntityOptions<Routable> = {},
): EntityTable<Column, NoInfer<Routable>> {
  const { routable, ...rest } = options
  return { strategy: 'entity', column, ...rest, ...columnsOf(routable) }
}

function columnsOf<Routable extends string>(
  routable: Routable | readonly Routable[] | undefined,
): RoutableColumns<Routable> {
  if (routable === undefined) return {}
  return { routable: typeof routable === 'string' ? [routable] : routable }
}

/** Rows lie on the shard of the period that their time falls into: `time('recorded_at', { every: 'month' })`. */
export function time<const Column extends string>(column: Column, options: TimeOptions): TimeTable<Column> {
  return { strategy: 'time', column, ...options }
}

/** The table is whole on every shard: reads go anywhere, writes go everywhere. */
export function reference(): ReferenceTable {
  return { strategy: 'reference' }
}

/** The table lives on the keyspace's home shard. Tables that are not described are unsharded as well. */
export function unsharded(): UnshardedTable {
  return { strategy: 'unsharded' }
}
