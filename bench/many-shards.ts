import pg from 'pg'
import { startBenchCluster } from './bench-cluster.ts'
import { interleave } from './interleave.ts'
import type { BenchOptions } from './options.ts'
import type { Figure } from './report.ts'
import { spread } from './spread.ts'

const text = 'select "id", "total", "status" from "orders" where "tenant_id" = $1 and "id" = $2'
const shards = 8
const tenants = 400

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
  const most = 256
  try {
    const measured = await interleave(
      [
        { name: 'a pg.Pool for each primary, 256 callers', callers: most, run: byHand },
        ...[16, 64, most, 1024].map((callers) => ({
          name: `Shardline, ${callers} callers`,
          callers,
          run: () => router.pool.query(text, values()),
        })),
      ],
      { callers: most, roundMs, rounds },
    )
    record(`point select over ${shards} shards with a replica each`, measured)
    const [, ...routed] = measured
    // More callers than that are there to see whether it goes on: a better figure there is no collapse.
    const upToMost = routed.slice(0, 3)
    const ratios = (of: (typeof routed)[number] | undefined): number[] =>
      Array.from({ length: rounds }, (_, n) => {
        const best = Math.max(...upToMost.map((each) => each.rounds[n]?.throughput ?? Number.NaN))
        return (of?.rounds[n]?.throughput ?? Number.NaN) / best
      })
    return [
      {
        what: `${shards} shards × 2 nodes: throughput of ${most} callers against the best of up to ${most}`,
        value: spread(ratios(routed[2])),
        unit: '×',
        target: { relation: '≥', value: 0.95 },
      },
      {
        what: '  that of 1024 callers against it',
        value: spread(ratios(routed[3])),
        unit: '×',
        target: undefined,
      },
    ]
  } finally {
    await Promise.all([router.end(), ...[...pools.values()].map((pool) => pool.end())])
    await bench.stop()
  }
}
