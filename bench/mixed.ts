import { startBenchCluster } from './bench-cluster.ts'
import { createLoads } from './loads.ts'
import type { BenchOptions } from './options.ts'
import { plainPool, type Peer } from './peers/peer.ts'
import { throughPgBouncer } from './peers/poolers.ts'
import { shardline } from './peers/shardline.ts'
import { round, type Figure } from './report.ts'
import { spread } from './spread.ts'

const slow = 'select pg_sleep(0.2), "id" from "orders" where "tenant_id" = $1 and "id" = $2'
const callers = 64

/** The 99th percentile of point selects among which one statement in a hundred takes 200 ms. */
export async function mixedFigures({ rounds, scale }: BenchOptions): Promise<readonly Figure[]> {
  const bench = await startBenchCluster(1)
  const { point } = createLoads(bench)
  const [tenant] = bench.tenants
  const p99 = async ({ pool }: Peer): Promise<number> => {
    const took: number[] = []
    let left = Math.round(3000 * scale)
    const caller = async (): Promise<void> => {
      while (left > 0) {
        left -= 1
        if (left % 100 === 0) {
          await pool.query(slow, [tenant, 1])
          continue
        }
        const start = performance.now()
        await point(pool)
        took.push(performance.now() - start)
      }
    }
    await Promise.all(Array.from({ length: callers }, caller))
    return took.sort((a, b) => a - b)[Math.floor(took.length * 0.99)] ?? Number.NaN
  }
  const figures: Figure[] = []
  try {
    for (const max of [4, 10]) {
      const found = [
        plainPool(bench, max),
        await throughPgBouncer(bench, max),
        await shardline(bench, max),
      ] as const
      const peers = found.filter((peer) => peer !== undefined)
      const seen = new Map(peers.map((peer) => [peer.name, [] as number[]]))
      try {
        // Such a round takes seconds, whatever the machine: few must do.
        for (let turn = -1; turn < Math.min(rounds, 9); turn += 1) {
          for (const peer of peers) {
            const ms = await p99(peer)
            if (turn >= 0) seen.get(peer.name)?.push(ms)
          }
        }
      } finally {
        await Promise.all(peers.map((peer) => peer.close()))
      }
      const what = `p99 of point selects beside 1 % of 200 ms, ${callers} callers, ${max} connections`
      for (const [name, values] of seen)
        console.log(`${what}: ${round(spread(values).median)} ms with ${name}`)
      const plain = seen.get('pg.Pool') ?? []
      for (const peer of peers.slice(1)) {
        const ratios = (seen.get(peer.name) ?? []).map((ms, n) => ms / (plain[n] ?? Number.NaN))
        figures.push({
          what: `${what}: ${peer.name} against pg.Pool`,
          value: spread(ratios),
          unit: '×',
          target: peer.name === 'Shardline' ? { relation: '≤', value: 1 } : undefined,
        })
      }
    }
    return figures
  } finally {
    await bench.stop()
  }
}
