import { buildCatalogSettingApart } from '../catalog/build-catalog.ts'
import { catalogNotices, unusableTables, type CatalogNotice } from '../catalog/notices.ts'
import { describedRoutable, proveRoutable, type DescribedRoutable } from '../catalog/routable-columns.ts'
import type { CatalogDifference } from '../catalog/verify-catalogs.ts'
import type { ShardCatalog } from '../catalog/shard-catalog.ts'
import type { ClusterConfig } from '../config/cluster-config.ts'
import { createShardMaps } from '../config/shard-maps.ts'
import { topologyOf } from '../config/topology-of.ts'
import { createRouting, type RouteStatement } from '../routing/route-statement.ts'
import { MappedKeys } from '../sharding/key-resolver.ts'
import type { Catalog, KeyedPlacement } from '../statement/catalog.ts'
import { expectationOf } from './expectation.ts'

/**
 * Everything that decisions rest on, as of one reading of the catalogs: replaced as a whole, so that one statement
 * never sees half of an old and half of a new one.
 */
export interface Snapshot {
  readonly config: ClusterConfig
  readonly catalog: Catalog
  /** Tables that are set apart because the shards disagree about them: fatal at start, refused one by one later. */
  readonly differences: readonly CatalogDifference[]
  readonly notices: readonly CatalogNotice[]
  readonly keys: MappedKeys
  /** Tables that are described with routable ids, whether or not the servers have what it takes. */
  readonly withIds: readonly DescribedRoutable[]
  readonly route: RouteStatement
  /** What was read, so that a description that comes later can be judged without reading again. */
  readonly perShard: ReadonlyMap<string, ShardCatalog>
  readonly isReadCommittedByDefault: boolean
}

/** What a snapshot takes from outside, so that it stays a pure function of its inputs. */
export interface SnapshotEnvironment {
  readonly random: () => number
  /** `pg.defaults.parseInputDatesAsUTC` of the application's copy of `pg`. */
  readonly areDatesSentAsUtc: boolean
}

/** @throws ConfigError when the servers do not fit together, or a pinned key is no key. */
export function createSnapshot(
  config: ClusterConfig,
  perShard: ReadonlyMap<string, ShardCatalog>,
  version: number,
  environment: SnapshotEnvironment,
): Snapshot {
  const expectation = expectationOf(config)
  const { catalog: built, differences } = buildCatalogSettingApart(perShard, expectation, version)
  const described = expectation.keyspaces.flatMap(({ tables }) => [...tables.keys()])
  const maps = createShardMaps(config, keyedPlacements(built))
  const withIds = describedRoutable(built, expectation.keyspaces)
  const { catalog, notices: idNotices } = proveRoutable(built, withIds, perShard, maps)
  const keys = new MappedKeys(maps, {
    timeZone: catalog.timeZone,
    areDatesSentAsUtc: environment.areDatesSentAsUtc,
  })
  const [defaultKeyspace = ''] = config.keyspaces.keys()
  return {
    config,
    catalog,
    differences,
    notices: [
      ...unusableTables(catalog, described, differences),
      ...catalogNotices(catalog, perShard, expectation.keyspaces),
      ...idNotices,
    ],
    keys,
    withIds,
    perShard,
    isReadCommittedByDefault: [...perShard.values()].every(
      ({ settings }) => settings.defaultIsolation === 'read committed',
    ),
    route: createRouting({
      topology: topologyOf(config),
      keys,
      consistency: config.consistency,
      tenantPlacements: tenantPlacements(config, catalog),
      defaultKeyspace,
      random: environment.random,
    }),
  }
}

function keyedPlacements(catalog: Catalog): readonly KeyedPlacement[] {
  return [...catalog.relations.values()].flatMap(({ placement }) =>
    'keyColumn' in placement ? [placement] : [],
  )
}

/** Keyspaces without tenants are left out. */
function tenantPlacements(
  config: ClusterConfig,
  { relations }: Catalog,
): ReadonlyMap<string, readonly KeyedPlacement[]> {
  const byKeyspace = new Map<string, KeyedPlacement[]>()
  for (const { keyspace, placement } of relations.values()) {
    if (placement.strategy !== 'tenant') continue
    const known = byKeyspace.get(keyspace)
    if (known === undefined) byKeyspace.set(keyspace, [placement])
    else known.push(placement)
  }
  return new Map(
    [...config.keyspaces.keys()].flatMap((name) => {
      const placements = byKeyspace.get(name)
      return placements === undefined ? [] : [[name, onePerGroup(placements)] as const]
    }),
  )
}

/** The group's tables agree on family of the key; a tenant that is guarded anywhere in it is guarded. */
function onePerGroup(placements: readonly KeyedPlacement[]): readonly KeyedPlacement[] {
  const groups = new Map<string, KeyedPlacement>()
  for (const placement of placements) {
    const known = groups.get(placement.group)
    groups.set(placement.group, known?.isGuarded === true ? known : placement)
  }
  return [...groups.values()]
}
