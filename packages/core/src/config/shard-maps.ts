import { ConfigError } from '../errors.ts'
import { bucketCount, hashBucketOfKey, placedKey } from '../sharding/canonical-key.ts'
import { pinKeys, type Assignment } from '../sharding/assignment.ts'
import { createShardMap, type ShardMap } from '../sharding/shard-map.ts'
import type { KeyedPlacement } from '../statement/catalog.ts'
import type { KeyType } from '../statement/key-type.ts'
import { isKeyed, type ClusterConfig, type KeyspaceConfig } from './cluster-config.ts'

/**
 * Where keys lie, by colocation group. The placements come from the catalog, because how a pinned key is spelled
 * depends on the type of its column.
 * @throws ConfigError CONFIG_INVALID for a pinned key that is no value of its group's key type
 */
export function createShardMaps(
  config: ClusterConfig,
  placements: Iterable<KeyedPlacement>,
): ReadonlyMap<string, ShardMap> {
  const byGroup = new Map<string, KeyedPlacement>()
  for (const placement of placements) {
    const known = byGroup.get(placement.group)
    if (known === undefined || isNarrower(known.keyType, placement.keyType))
      byGroup.set(placement.group, placement)
  }
  const maps = new Map<string, ShardMap>()
  for (const keyspace of config.keyspaces.values()) {
    const assignment = withDirectory(keyspace, byGroup)
    for (const table of keyspace.tables.values()) {
      if (isKeyed(table)) maps.set(table.group, createShardMap(table.group, assignment))
    }
  }
  return maps
}

/** A pinned key may be too large for the narrower integers of some of its group's tables. */
function isNarrower(known: KeyType, other: KeyType): boolean {
  const widths: readonly KeyType[] = ['int2', 'int4', 'int8']
  return widths.includes(known) && widths.indexOf(other) > widths.indexOf(known)
}

function withDirectory(
  keyspace: KeyspaceConfig,
  placements: ReadonlyMap<string, KeyedPlacement>,
): Assignment {
  let assignment = keyspace.assignment
  for (const [group, pins] of keyspace.directory) {
    const placement = placements.get(group)
    if (placement === undefined) continue
    const keys = [...pins].map(([written, shard]) => {
      const key = placedKey(placement, written, placement.keyType, {})
      if (key === undefined) {
        throw new ConfigError('CONFIG_INVALID', `A key in directory.${group} is no value of type ${placement.keyType}, which "${placement.keyColumn}" has.`) // prettier-ignore
      }
      return { key, hashBucket: hashBucketOfKey(placement, key) & (bucketCount - 1), shard }
    })
    assignment = pinKeys(assignment, group, keys)
  }
  return assignment
}
