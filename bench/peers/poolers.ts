import { LocalClusterError, startPgBouncer, startPgpool, type Pooler } from '@shardline/local-cluster'
import pg from 'pg'
import type { BenchCluster } from '../bench-cluster.ts'
import type { Peer } from './peer.ts'

/** `pg.Pool` through PgBouncer to the primary: transaction pooling, as many connections on either side. */
export function throughPgBouncer(bench: BenchCluster, max: number): Promise<Peer | undefined> {
  return through('pg.Pool, PgBouncer', max, () =>
    startPgBouncer({ url: bench.urls[0] ?? '' }, { default_pool_size: max }),
  )
}

/** `pg.Pool` through pgpool-II, which sends reads to primary and replica: each session to the one it drew at its start. */
export function throughPgpool(bench: BenchCluster, max: number): Promise<Peer | undefined> {
  return through('pg.Pool, pgpool-II', max, () =>
    startPgpool([{ url: bench.urls[0] ?? '' }, { url: bench.replicaUrl ?? '' }]),
  )
}

async function through(
  name: string,
  max: number,
  start: () => Promise<Pooler | undefined>,
): Promise<Peer | undefined> {
  const pooler = await startOrSkip(start)
  if (pooler === undefined) return undefined
  const pool = new pg.Pool({ connectionString: pooler.url, max })
  return {
    name,
    pool,
    cpuMs: () => pooler.cpuMs(),
    close: async () => {
      await pool.end()
      await pooler.stop()
    },
  }
}

/** A suite of tests must not pass in silence where a pooler is missing; a comparison is one without it, and says so. */
async function startOrSkip(start: () => Promise<Pooler | undefined>): Promise<Pooler | undefined> {
  try {
    return await start()
  } catch (error) {
    if (!(error instanceof LocalClusterError) || error.code !== 'POOLER_MISSING') throw error
    console.error(`SKIPPED: ${error.message}`)
    return undefined
  }
}
