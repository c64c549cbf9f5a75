import type { NodeDescription, ShardDescription, Topology } from '../topology/topology.ts'
import type { ClusterConfig, NodeConfig } from './cluster-config.ts'

/** The servers of a configuration as the first topology snapshot. */
export function topologyOf(config: ClusterConfig): Topology {
  const shards = new Map<string, ShardDescription>()
  for (const shard of config.shards.values()) {
    shards.set(shard.name, {
      name: shard.name,
      keyspace: shard.keyspace,
      primary: describe(shard.primary),
      replicas: shard.replicas.map(describe),
    })
  }
  return {
    version: 1,
    shards,
    keyspaces: new Map(
      [...config.keyspaces.values()].map(({ name, assignment, home }) => [
        name,
        { name, shards: assignment.shards, home },
      ]),
    ),
  }
}

function describe({ name, shard, role, zone, tags, weight }: NodeConfig): NodeDescription {
  return { name, shard, role, zone, tags, weight }
}
