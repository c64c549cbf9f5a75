import type { Router } from '@shardline/core'
import type { BenchCluster } from '../bench-cluster.ts'
import type { Peer } from './peer.ts'

/** `router.pool` with its defaults, to the first shard's primary alone. */
export function shardline(bench: BenchCluster, max: number): Promise<Peer> {
  return routed('Shardline', bench.router({ pool: { max } }, bench.oneServer))
}

/** The same with the replica, which takes reads. */
export function shardlineWithReplica(bench: BenchCluster, max: number): Promise<Peer> {
  return routed('Shardline, replica', bench.router({ pool: { max } }))
}

/** Without sharing of connections: what remains is routing and prepared statements. */
export function shardlineUnshared(bench: BenchCluster, max: number): Promise<Peer> {
  const settings = { pool: { max, multiplex: false } }
  return routed('Shardline, nothing shared', bench.router(settings, bench.oneServer))
}

async function routed(name: string, starting: Promise<Router>): Promise<Peer> {
  const router = await starting
  return { name, pool: router.pool, close: () => router.end() }
}
