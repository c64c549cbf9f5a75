import type { Guard, Period, ReferenceTable, UnshardedTable } from '@shardline/core'
import type { KeyColumn, RoutableColumn, TimeColumn } from './column-types.ts'

/** How one table is sharded, in Drizzle's words: columns are given themselves, or by their keys in the table. */
export type TableModel<Key = AnyKey, Time = AnyTime, Routable = AnyRoutable> =
  | TenantModel<Key, Routable>
  | EntityModel<Key, Routable>
  | TimeModel<Time>
  | ReferenceTable
  | UnshardedTable

export type AnyKey = KeyColumn | string
export type AnyTime = TimeColumn | string
export type AnyRoutable = RoutableColumn | string

export interface GroupModel {
  /** Colocation group: rows of its tables with equal keys lie on one shard. */
  readonly group?: string | undefined
}

export interface TenantModel<Key = AnyKey, Routable = AnyRoutable> extends GroupModel {
  readonly strategy: 'tenant'
  readonly column: Key
  /** `required` refuses statements that do not prove a tenant. Default: the cluster's `guard`. */
  readonly guard?: Guard | undefined
  readonly routable?: readonly Routable[] | undefined
}

export interface EntityModel<Key = AnyKey, Routable = AnyRoutable> extends GroupModel {
  readonly strategy: 'entity'
  readonly column: Key
  readonly routable?: readonly Routable[] | undefined
}

export interface TimeModel<Time = AnyTime> extends GroupModel {
  readonly strategy: 'time'
  readonly column: Time
  readonly every: Period
}

export interface EntityModelOptions<Routable> extends GroupModel {
  /** Columns whose ids carry the bucket of the row's key: `routable: [t.id]`. Without it there are none. */
  readonly routable?: Routable | readonly Routable[] | undefined
}

export interface TenantModelOptions<Routable> extends EntityModelOptions<Routable> {
  /** `required` refuses statements that do not prove a tenant. Default: the cluster's `guard`. */
  readonly guard?: Guard | undefined
}

export interface TimeModelOptions extends GroupModel {
  /** Length of a period, in UTC; weeks are ISO weeks. Rows of one period lie on one shard. */
  readonly every: Period
}

/**
 * Rows lie on the shard of their tenant: `sharded(orders, (t) => tenant(t.tenantId, { routable: [t.id] }))`.
 * The column is NOT NULL and a scalar; anything else does not compile.
 */
export function tenant<const Key extends AnyKey, const Routable extends AnyRoutable = never>(
  column: Key,
  options: TenantModelOptions<Routable> = {},
): TenantModel<Key, NoInfer<Routable>> {
  const { routable, ...rest } = options
  return { strategy: 'tenant', column, ...rest, ...routableColumns(routable) }
}

/** Rows lie on the shard of their entity. Each table is a colocation group of its own unless a group is named. */
export function entity<const Key extends AnyKey, const Routable extends AnyRoutable = never>(
  column: Key,
  options: EntityModelOptions<Routable> = {},
): EntityModel<Key, NoInfer<Routable>> {
  const { routable, ...rest } = options
  return { strategy: 'entity', column, ...rest, ...routableColumns(routable) }
}

/** Rows lie on the shard of the period that their time falls into: `time(t.recordedAt, { every: 'month' })`. */
export function time<const Time extends AnyTime>(column: Time, options: TimeModelOptions): TimeModel<Time> {
  return { strategy: 'time', column, ...options }
}

function routableColumns<Routable>(given: Routable | readonly Routable[] | undefined): {
  readonly routable?: readonly Routable[]
} {
  if (given === undefined) return {}
  return { routable: Array.isArray(given) ? (given as readonly Routable[]) : [given as Routable] }
}
