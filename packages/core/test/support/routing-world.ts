import { readFileSync } from 'node:fs'
import { createAssignment, pinKeys } from '../../src/sharding/assignment.ts'
import { bucketCount, hashBucketOfKey, placedKey } from '../../src/sharding/canonical-key.ts'
import { MappedKeys } from '../../src/sharding/key-resolver.ts'
import { createShardMap, type ShardMap } from '../../src/sharding/shard-map.ts'
import { vectorCatalog, type ConstraintVectors } from './constraint-vectors.ts'
import type { RouteContext } from '../../src/routing/context.ts'
import type { RoutingInput } from '../../src/routing/input.ts'
import type { Route } from '../../src/routing/route.ts'
import type { KeyedPlacement } from '../../src/statement/catalog.ts'
import type { KeyspaceDescription, NodeDescription, ShardDescription } from '../../src/topology/topology.ts'

/** `vectors/routing.json`: keyspaces whose keys are pinned, so that a reader sees where they lie, and statements. */
interface RoutingVectors {
  readonly keyspaces: readonly {
    readonly name: string
    /** The first is the home of unsharded tables. */
    readonly shards: readonly string[]
    /** Shards by group and key. */
    readonly pins: Readonly<Record<string, Readonly<Record<string, string>>>>
  }[]
  readonly tables: ConstraintVectors['tables']
  readonly cases: readonly RoutingCase[]
}

interface RoutingCase {
  readonly topic: string
  readonly sql: string
  readonly values?: readonly unknown[]
  readonly context?: RouteContext
  /** As `describe` spells it; absent when the statement is refused. */
  readonly to?: string
  /** Error code. */
  readonly refused?: string
}

export const vectors = JSON.parse(
  readFileSync(new URL('../../vectors/routing.json', import.meta.url), 'utf8'),
) as RoutingVectors

export const catalog = vectorCatalog(vectors.tables)

/** Keyspaces are those of the vectors, or some of them in another order; the first is the default. */
export function routingInput(keyspaces = vectors.keyspaces): RoutingInput {
  const maps = new Map<string, ShardMap>()
  const tenantPlacements = new Map<string, KeyedPlacement[]>()
  for (const { name, shards, pins } of keyspaces) {
    let assignment = createAssignment(shards)
    const groups = new Map<string, KeyedPlacement>()
    for (const { keyspace, placement } of catalog.relations.values()) {
      if (keyspace === name && 'keyColumn' in placement && !groups.has(placement.group))
        groups.set(placement.group, placement)
    }
    for (const [group, placement] of groups) {
      const keys = Object.entries(pins[group] ?? {}).map(([written, shard]) => {
        const key = placedKey(placement, written, placement.keyType, { timeZone: 'UTC' })
        if (key === undefined) throw new Error(`${written} is no key of ${group}`)
        return { key, hashBucket: hashBucketOfKey(placement, key) & (bucketCount - 1), shard }
      })
      assignment = pinKeys(assignment, group, keys)
    }
    for (const group of groups.keys()) maps.set(group, createShardMap(group, assignment))
    const tenants = [...groups.values()].filter(({ strategy }) => strategy === 'tenant')
    if (tenants.length > 0) tenantPlacements.set(name, tenants)
  }
  return {
    topology: {
      version: 1,
      shards: new Map(
        keyspaces.flatMap(({ name, shards }) =>
          shards.map((shard) => [shard, shardOf(shard, name)] as const),
        ),
      ),
      keyspaces: new Map(
        keyspaces.map(({ name, shards }): [string, KeyspaceDescription] => [
          name,
          { name, shards, home: shards[0] ?? '' },
        ]),
      ),
    },
    keys: new MappedKeys(maps, { timeZone: 'UTC' }),
    consistency: 'session',
    tenantPlacements,
    defaultKeyspace: keyspaces[0]?.name ?? '',
    random: () => 0,
  }
}

function shardOf(name: string, keyspace: string): ShardDescription {
  const primary: NodeDescription = {
    name: `${name}/primary`,
    shard: name,
    role: 'primary',
    zone: undefined,
    tags: [],
    weight: 1,
  }
  return { name, keyspace, primary, replicas: [{ ...primary, name: `${name}/replica0`, role: 'replica' }] }
}

/**
 * Kind, role, shards and the rule that chose them: `single replica m0 shard-key`. `any:` stands before a shard that
 * stands for all, and `m0:0,2` are the rows that a shard gets; what is not the default follows.
 */
export function describeRoute(route: Route): string {
  const parts = [route.kind, route.role, shardsOf(route), route.placementReason.rule]
  if (route.consistency !== 'session') parts.push(`consistency=${route.consistency}`)
  if (route.workload !== undefined) parts.push(`workload=${route.workload}`)
  return parts.join(' ')
}

function shardsOf(route: Route): string {
  if (route.kind === 'single') return `${route.isAnyShard ? 'any:' : ''}${route.shard}`
  if (route.kind === 'split')
    return [...route.rowsByShard].map(([shard, rows]) => `${shard}:${rows.join(',')}`).join(' ')
  return route.shards.join(',')
}
