import { StatementError } from '../errors.ts'
import type { Statement } from '../statement/statement.ts'
import type { KeyResolution, RoutingInput } from './input.ts'
import type { TenantPin } from './tenant-pin.ts'

/** Undefined means every shard. */
export type ShardNames = readonly string[] | undefined

/** What a part of a statement says by itself of its shards and keys. */
export interface PartShards {
  readonly shards: ShardNames
  readonly isById?: boolean | undefined
  readonly keys?: readonly string[] | undefined
  readonly near?: string | undefined
}

export interface PlacedParts {
  readonly own: readonly PartShards[]
  /** The shards of the parts, with all that bounds them. */
  readonly bounded: readonly ShardNames[]
  readonly input: RoutingInput
  readonly pin: TenantPin | undefined
}

/**
 * What an UPDATE gives to the shard key or to a routable id has to leave its rows where they are: the key they have, or
 * one of their shard where only an id says which rows are meant.
 *
 * @throws StatementError SHARD_KEY_UPDATE
 */
export function refuseMoves(
  { placement }: Statement,
  values: readonly unknown[],
  { own, bounded, input, pin }: PlacedParts,
): void {
  for (const { table, column, placement: place, set, part } of placement.assignments) {
    const rows = bounded[part]
    if (rows?.length === 0) continue
    const tenant = place.strategy === 'tenant' ? pin?.keyFor(place) : undefined
    const next = input.keys.resolve(place, set, values, tenant === undefined ? undefined : pin?.shard)
    const keys = tenant === undefined ? own[part]?.keys : [tenant]
    if (column === place.keyColumn ? isKeyKept(next, rows, keys) : isIdAtHome(next, rows)) continue
    throw new StatementError(
      'SHARD_KEY_UPDATE',
      `The statement gives "${column}" of "${table}" a value that belongs to another place than the rows it updates. Leave it out, or delete the row and insert it anew.`,
      { details: { table, column } },
    )
  }
}

function isKeyKept(next: KeyResolution, rows: ShardNames, keys: readonly string[] | undefined): boolean {
  if (next.kind === 'all') return false
  const [key, ...others] = next.keys ?? []
  if (key === undefined || others.length > 0) return false
  if (keys !== undefined) return keys.length === 1 && keys[0] === key
  return rows?.length === 1 && rows[0] === next.shards[0]
}

/** NULL, and ids that cannot be read, are for the column's own constraints to judge. */
function isIdAtHome(next: KeyResolution, rows: ShardNames): boolean {
  if (next.kind === 'all' || next.shards.length === 0) return true
  return rows !== undefined && rows.every((shard) => next.shards.includes(shard))
}
