import pg from 'pg'
import type { BenchCluster } from '../bench-cluster.ts'

/** What the loads use of a pool. */
export interface Queries {
  query<Row extends pg.QueryResultRow>(text: string, values: unknown[]): Promise<pg.QueryResult<Row>>
}

/** One way from an application that uses `pg` to the same servers. */
export interface Peer {
  readonly name: string
  readonly pool: Queries
  /** Of a pooler's processes, which run on this machine, too. */
  readonly cpuMs?: () => number
  close(): Promise<unknown>
}

export function plainPool(bench: BenchCluster, max: number): Peer {
  const pool = new pg.Pool({ connectionString: bench.urls[0], max })
  return { name: 'pg.Pool', pool, close: () => pool.end() }
}

/** What an application can do by itself: each statement has a name, so that a connection parses it once. */
export function namingPool(bench: BenchCluster, max: number): Peer {
  const pool = new pg.Pool({ connectionString: bench.urls[0], max })
  const names = new Map<string, string>()
  const nameOf = (text: string): string => {
    const known = names.get(text)
    if (known !== undefined) return known
    const name = `statement${names.size}`
    names.set(text, name)
    return name
  }
  return {
    name: 'pg.Pool, named statements',
    pool: { query: (text, values) => pool.query({ name: nameOf(text), text, values }) },
    close: () => pool.end(),
  }
}
