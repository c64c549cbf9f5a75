import type { ClusterConfig } from '../config/cluster-config.ts'
import type { SessionFloors } from '../consistency/session-floors.ts'
import { TopologyError } from '../errors.ts'
import type { NodeHealth } from '../monitoring/node-health.ts'
import type { Staleness } from '../monitoring/staleness.ts'
import type { NodePool } from '../pool/node-pool.ts'
import type { Route } from '../routing/route.ts'
import { createSelector } from '../selection/selector.ts'

/** What is known of the nodes. */
export interface NodeKnowledge {
  readonly health: NodeHealth
  readonly floors: SessionFloors
  /** Undefined when replicas may be as far behind as they like. */
  readonly staleness: Staleness | undefined
}

/** The same object has to be passed every time: what was picked before is remembered by it. */
interface Shard {
  readonly name: string
  readonly primary: NodePool
  readonly replicas: readonly NodePool[]
}

export type ChooseNodes = (route: Route, shard: Shard) => readonly NodePool[]

/**
 * The nodes of a shard that may run a route's statement, best first. Throws TopologyError NO_NODE_AVAILABLE when a
 * workload finds no replica with its tag, or when nobody fresh enough is left.
 */
export function createNodeChoice(
  { reads }: ClusterConfig,
  { health, floors, staleness }: NodeKnowledge,
  { now, random }: { readonly now: () => number; readonly random: () => number },
): ChooseNodes {
  const select = createSelector({ balance: reads.balance, zone: reads.zone, now, random })
  const isAvailable = (pool: NodePool): boolean => health.isAvailable(pool)
  const isFresh = staleness === undefined ? undefined : (pool: NodePool): boolean => staleness.isWithin(pool)
  const hasOwnWrites = (pool: NodePool): boolean => floors.isReplicaEligible(pool.node.shard, pool.node.name)
  const isEligible = {
    eventual: isFresh,
    session: isFresh === undefined ? hasOwnWrites : (pool: NodePool) => hasOwnWrites(pool) && isFresh(pool),
    // Goes to the primary, whatever replicas have.
    strong: undefined,
  } as const
  const alone = new WeakMap<NodePool, readonly NodePool[]>()
  const only = (primary: NodePool): readonly NodePool[] => {
    const known = alone.get(primary) ?? [primary]
    alone.set(primary, known)
    return known
  }

  return (route, shard) => {
    if (route.role === 'primary') return only(shard.primary)
    const isConsistent = isEligible[route.consistency]
    const found = select(shard, { workload: route.workload, isAvailable, isConsistent })
    if (found.length === 0) throw noReplicaFor(route.workload, shard.name)
    if (staleness !== undefined && found.length === 1 && !isAvailable(shard.primary)) {
      // The primary is all that is left, and known to be away: the caller had better learn why nobody else is asked.
      const isSomebodyBehind = shard.replicas.some((pool) => !staleness.isWithin(pool))
      if (isSomebodyBehind) throw staleness.refusal(shard.name, shard.replicas)
    }
    return found
  }
}

function noReplicaFor(workload: string | undefined, shard: string): TopologyError {
  return new TopologyError(
    'NO_NODE_AVAILABLE',
    `No replica of shard "${shard}" carries the tag "${workload}" that the workload asks for. Tag one in defineCluster, or run the statement without the workload.`,
    { details: { shard, workload } },
  )
}
