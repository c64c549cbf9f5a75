import { columnType } from './columns.ts'
import type { Decoded } from './compare-values.ts'
import { rankColumn, type Asking } from './ranking.ts'
import type { FieldFacts, MergeEnvironment, RawRow } from './row.ts'
import { identityOf, type TypeOrder } from './type-order.ts'

/** A hash key under which rows are the same when PostgreSQL holds their columns to be not distinct. */
export type Identity = (row: RawRow) => Decoded | null

export interface IdentityColumn {
  readonly column: number
  readonly oid: number
  /** Undefined when a shard has to be asked. */
  readonly order: TypeOrder | undefined
}

export function identityColumns(
  columns: readonly number[],
  isDeterministic: boolean,
  { fields, env }: { readonly fields: readonly FieldFacts[]; readonly env: MergeEnvironment },
): IdentityColumn[] {
  return columns.map((column) => {
    const oid = columnType(column, fields)
    return { column, oid, order: identityOf(oid, isDeterministic, env) }
  })
}

/** Fills in the columns that only a shard can compare, by their values in these rows. */
export function* rankIdentity(
  columns: readonly IdentityColumn[],
  rows: () => Iterable<RawRow>,
): Asking<Identity> {
  const orders: TypeOrder[] = []
  for (const { column, oid, order } of columns) {
    orders.push(order ?? (yield* rankColumn(rows(), column, { oid, collation: undefined })))
  }
  return identity(columns, orders)
}

function identity(columns: readonly IdentityColumn[], orders: readonly TypeOrder[]): Identity {
  const decode = (row: RawRow, index: number): Decoded | null => {
    const text = row[columns[index]?.column ?? 0]
    return text === null || text === undefined ? null : (orders[index]?.decode(text) ?? null)
  }
  if (columns.length === 1) return (row) => decode(row, 0)
  return (row) => {
    let key = ''
    for (let index = 0; index < columns.length; index++) key += part(decode(row, index))
    return key
  }
}

/** Self-delimiting, and different for different types: `s3:abc`, `n42;`, `_`. */
function part(value: Decoded | null): string {
  if (value === null) return '_'
  return typeof value === 'string' ? `s${value.length}:${value}` : `n${value};`
}
