import pg from 'pg'
import { startBenchCluster } from './bench-cluster.ts'
import { against, interleave, type VariantFigures } from './interleave.ts'
import type { BenchOptions } from './options.ts'
import type { Figure } from './report.ts'

const text = 'select "id", "total", "status" from "orders" where "tenant_id" = $1 and "id" = $2'
const shards = 8
const tenants = 400
const crowds = [16, 64, 256, 1024]

/** Point selects over all tenants of 8 shards with a replica each, by ever more callers: throughput must not collapse. */
export async function manyShardsFigures({
  rounds,
  roundMs,
  record,
}: BenchOptions): Promise<readonly Figure[]> {
  const bench = await startBenchCluster(shards, tenants, { replicas: 1 })
  const router = await bench.router()
  const pools = new Map(
    bench.urls.map((url, n) => [`s${n}`, new pg.Pool({ connectionString: url, max: 10 })]),
  )
  const poolOf = Array.from({ length: tenants }, (_, n) => {
    const { route } = router.explain(text, [n + 1, 1])
    return pools.get(route.kind === 'single' ? route.shard : '') as pg.Pool
  })
  let turn = 0
  const values = (): [tenant: number, id: number] => {
    turn += 1
    return [1 + (turn % tenants), 1 + (turn % 50)]
  }
  const byHand = (): Promise<unknown> => {
    const own = values()
    return (poolOf[own[0] - 1] as pg.Pool).query(text, own)
  }
  try {
    const measured = await interleave(
      [
        { name: 'a pg.Pool for each primary, 256 callers', callers: 256, run: byHand },
        ...crowds.map((callers) => ({
          name: `Shardline, ${callers} callers`,
          callers,
          run: () => router.pool.query(text, values()),
        })),
      ],
      { callers: 256, roundMs, rounds },
    )
    record(`point select over ${shards} shards with a replica each`, measured)
    const routed = measured.slice(1)
    return [256, 1024].map((callers): Figure => {
      const upTo = routed.filter((_, index) => (crowds[index] ?? 0) <= callers)
      const own = upTo.at(-1) as VariantFigures
      const best = upTo.reduce((one, other) =>
        other.throughput.median > one.throughput.median ? other : one,
      )
      return {
        what: `${shards} shards × 2 nodes: throughput of ${callers} callers against the best of as many and fewer`,
        value: against(own, best, 'throughput'),
        unit: '×',
        // More callers than the target speaks of are there to see whether it goes on.
        target: callers === 256 ? { relation: '≥', value: 0.95 } : undefined,
      }
    })
  } finally {
    await Promise.all([router.end(), ...[...pools.values()].map((pool) => pool.end())])
    await bench.stop()
  }
}
