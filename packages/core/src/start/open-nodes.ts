import type { ClusterConfig, NodeConfig } from '../config/cluster-config.ts'
import { NodePool, type PgModule } from '../pool/node-pool.ts'
import type { ShardNodes } from './contact-nodes.ts'

/** A pool for every node of the configuration, by shard; nothing is connected yet. */
export function openNodes(config: ClusterConfig, pg: PgModule): ReadonlyMap<string, ShardNodes> {
  const open = (node: NodeConfig): NodePool =>
    new NodePool({
      pg,
      node,
      clientConfig: node.clientConfig,
      options: { ...config.pool, prepare: config.prepare.isEnabled, maxPrepared: config.prepare.max },
    })
  return new Map(
    [...config.shards].map(([name, shard]) => [
      name,
      { name, keyspace: shard.keyspace, primary: open(shard.primary), replicas: shard.replicas.map(open) },
    ]),
  )
}
