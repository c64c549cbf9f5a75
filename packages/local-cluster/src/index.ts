export { startCluster, PgNode, type Cluster, type Shard } from './cluster.ts'
