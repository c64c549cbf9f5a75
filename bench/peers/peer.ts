import pg from 'pg'
import type { BenchCluster } from '../bench-cluster.ts'

/** One way from an application that uses `pg` to the same servers. */
export interface Peer {
  readonly name: string
  readonly pool: pg.Pool
  /** Of a pooler's processes, which run on this machine, too. */
  readonly cpuMs?: () => number
  close(): Promise<unknown>
}

export function plainPool(bench: BenchCluster, max: number): Peer {
  const pool = new pg.Pool({ connectionString: bench.urls[0], max })
  return { name: 'pg.Pool', pool, close: () => pool.end() }
}
