import { DatabaseError } from '../errors.ts'
import type { MergePlan, SortKey } from '../statement/merge-plan.ts'
import { columnIndex, columnType } from './columns.ts'
import type { CompareDecoded, Decoded } from './compare-values.ts'
import { rankColumn, type Asking } from './ranking.ts'
import type { FieldFacts, MergeEnvironment, RawRow } from './row.ts'
import { orderOf, type TypeOrder } from './type-order.ts'

/** A row with its sort columns decoded, once. */
export interface Keyed {
  readonly row: RawRow
  readonly keys: readonly (Decoded | null)[]
}

export interface SortColumn {
  readonly column: number
  readonly oid: number
  readonly key: SortKey
  /** Undefined when a shard has to be asked. */
  readonly order: TypeOrder | undefined
}

export function sortColumns(
  plan: MergePlan,
  fields: readonly FieldFacts[],
  env: MergeEnvironment,
): SortColumn[] {
  return plan.order.map((key) => {
    const column = columnIndex(key.column, plan, fields)
    const oid = columnType(column, fields)
    return { column, oid, key, order: orderOf(oid, key.collation, env) }
  })
}

/** The plan's ORDER BY, ready to decode and compare rows. */
export interface SortOrder {
  keysOf(row: RawRow): Keyed
  compare(left: Keyed, right: Keyed): number
}

/** Fills in the columns that only a shard can order, by their values in these rows. */
export function* rankSortOrder(
  columns: readonly SortColumn[],
  rows: () => Iterable<RawRow>,
): Asking<SortOrder> {
  const orders: TypeOrder[] = []
  for (const { column, oid, key, order } of columns) {
    orders.push(order ?? (yield* rankColumn(rows(), column, { oid, collation: key.collation })))
  }
  return sortOrder(columns, orders)
}

function sortOrder(columns: readonly SortColumn[], orders: readonly TypeOrder[]): SortOrder {
  const indices = columns.map((column) => column.column)
  const compares: CompareDecoded[] = orders.map((order) => order.compare)
  const signs = columns.map(({ key }) => (key.isDescending ? -1 : 1))
  const nullSigns = columns.map(({ key }) => (key.isNullsFirst ? -1 : 1))
  return {
    keysOf(row) {
      const keys: (Decoded | null)[] = []
      for (let index = 0; index < indices.length; index++) {
        const text = row[indices[index] ?? 0]
        keys.push(text === null || text === undefined ? null : (orders[index]?.decode(text) ?? null))
      }
      return { row, keys }
    },
    compare(left, right) {
      for (let index = 0; index < indices.length; index++) {
        const a = left.keys[index] ?? null
        const b = right.keys[index] ?? null
        if (a === b) continue
        if (a === null) return nullSigns[index] ?? 1
        if (b === null) return -(nullSigns[index] ?? 1)
        const order = compares[index]?.(a, b) ?? 0
        if (order !== 0) return order * (signs[index] ?? 1)
      }
      return 0
    },
  }
}

/** A shard's stream contradicts the order in which PostgreSQL must have sent it. */
export function disorder(): DatabaseError {
  return new DatabaseError(
    'SHARDS_DISAGREE',
    'A shard sent rows in an order that differs from the one expected of its types and collations. Compare collation versions (pg_database_collation_actual_version) and enum labels of the shards; then router.refresh().',
  )
}
