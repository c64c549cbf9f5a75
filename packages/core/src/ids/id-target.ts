import { ConfigError, StatementError } from '../errors.ts'
import type { MappedKeys } from '../sharding/key-resolver.ts'
import { findRelation, type Catalog, type KeyedPlacement } from '../statement/catalog.ts'

/**
 * Whose id it is to be: a tenant's, or that of a row of a table with a shard key. Left out inside
 * `router.run({ tenant })`, it is that tenant's.
 */
export type IdTarget =
  | { readonly tenant: string | number | bigint }
  | { readonly table: string; readonly key: string | number | bigint }

/** The bucket that the id has to carry, and the shard that holds it. */
export function resolveIdTarget(
  target: IdTarget,
  catalog: Catalog,
  keys: MappedKeys,
): { readonly bucket: number; readonly shard: string } {
  const placement = 'table' in target ? placementOf(target.table, catalog) : tenantPlacement(catalog)
  const found = keys.bucketOf(placement, 'table' in target ? target.key : target.tenant)
  if (found !== undefined) return found
  throw new StatementError(
    'SHARD_KEY_VALUE',
    `The key given for an id is no value of type ${placement.keyType}, which "${placement.keyColumn}" has.`,
  )
}

function placementOf(table: string, catalog: Catalog): KeyedPlacement {
  const [schema, name] = table.includes('.') ? table.split('.') : [undefined, table]
  const placement = findRelation(catalog, schema, name ?? '')?.placement
  if (placement !== undefined && 'keyColumn' in placement && placement.strategy !== 'time') return placement
  throw new ConfigError(
    'CONFIG_INVALID',
    `"${table}" is no table with the tenant or entity strategy, so its rows have no bucket that an id could carry.`,
  )
}

function tenantPlacement(catalog: Catalog): KeyedPlacement {
  const byGroup = new Map<string, KeyedPlacement>()
  for (const { placement } of catalog.relations.values()) {
    if (placement.strategy === 'tenant') byGroup.set(placement.group, placement)
  }
  const [only] = byGroup.values()
  if (only !== undefined && byGroup.size === 1) return only
  throw new ConfigError(
    'CONFIG_INVALID',
    only === undefined
      ? 'There is no table with the tenant strategy. Name the table and its key: router.id({ table, key }).'
      : `Tenants are in several colocation groups (${[...byGroup.keys()].join(', ')}). Name the table and its key: router.id({ table, key }).`,
  )
}
