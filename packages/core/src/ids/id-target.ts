import type { DescribedRoutable } from '../catalog/routable-columns.ts'
import { ConfigError, StatementError } from '../errors.ts'
import { bucketCount } from '../sharding/canonical-key.ts'
import type { MappedKeys } from '../sharding/key-resolver.ts'
import { findRelation, relationKey, type Catalog, type KeyedPlacement } from '../statement/catalog.ts'

/**
 * Whose id it is to be: a tenant's, or that of a row of a table with a shard key. Left out inside
 * `router.run({ tenant })`, it is that tenant's.
 */
export type IdTarget =
  | { readonly tenant: string | number | bigint }
  | { readonly table: string; readonly key: string | number | bigint }

/** What of a snapshot decides on the bucket. */
export interface IdKnowledge {
  readonly catalog: Catalog
  readonly keys: MappedKeys
  readonly withIds: readonly DescribedRoutable[]
}

/** The bucket that the id has to carry, and the shard that holds it. */
export function resolveIdTarget(
  target: IdTarget,
  { catalog, keys, withIds }: IdKnowledge,
): { readonly bucket: number; readonly shard: string } {
  const placement = 'table' in target ? placementOf(target.table, catalog) : tenantPlacement(catalog)
  const key = 'table' in target ? target.key : target.tenant
  let found = keys.bucketOf(placement, key)
  // Until every constraint of the group knows of a pin, it takes the bucket from before, which stays true for good.
  if (found !== undefined && found.bucket >= bucketCount && !isInstalled(placement.group, catalog, withIds))
    found = keys.hashBucketOf(placement, key)
  if (found !== undefined) return found
  throw new StatementError(
    'SHARD_KEY_VALUE',
    `The key given for an id is no value of type ${placement.keyType}, which "${placement.keyColumn}" has.`,
  )
}

function isInstalled(group: string, { relations }: Catalog, withIds: readonly DescribedRoutable[]): boolean {
  return withIds
    .filter(({ placement }) => placement.group === group)
    .every(({ table, problems }) => {
      const proved = relations.get(relationKey(table.schema, table.name))?.routable
      const isProved = (name: string) => proved?.has(name) === true && proved.get(name)?.via === undefined
      return problems.length === 0 && table.columns.every(({ name }) => isProved(name))
    })
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
