import { waitFor, type Cluster, type PgNode } from '@shardline/local-cluster'
import pg from 'pg'

/** SQL of the suite itself, past any router, over connections that are kept: most of a scenario's time would go into new ones. */
export class DirectConnections {
  readonly #pools = new Map<string, pg.Pool>()

  async run(url: string, text: string, values?: readonly unknown[]): Promise<pg.QueryResult> {
    let pool = this.#pools.get(url)
    if (pool === undefined) {
      pool = new pg.Pool({ connectionString: url, max: 2 })
      // Servers are stopped under it.
      pool.on('error', () => undefined)
      this.#pools.set(url, pool)
    }
    return pool.query(text, values?.slice())
  }

  /** Resolves when every running replica has replayed what its primary has written. */
  async waitForReplay({ shards }: Cluster): Promise<void> {
    const wait = async (primary: PgNode, replicas: readonly PgNode[]) => {
      const { rows } = await this.run(primary.url, 'select pg_current_wal_lsn()::text as lsn')
      const [{ lsn } = { lsn: '' }] = rows as { lsn: string }[]
      const hasReplayed = async (replica: PgNode): Promise<boolean> => {
        const answer = await this.run(replica.url, 'select pg_last_wal_replay_lsn() >= $1::pg_lsn as done', [
          lsn,
        ])
        return (answer.rows as { done: boolean }[])[0]?.done === true
      }
      for (const replica of replicas) {
        if (replica.isRunning) await waitFor(`${replica.name} to replay`, () => hasReplayed(replica))
      }
    }
    await Promise.all(shards.map(({ primary, replicas }) => wait(primary, replicas)))
  }

  async end(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.end()))
  }
}
