import pg from 'pg'
import { startBenchCluster } from './bench-cluster.ts'
import { interleave, type VariantFigures } from './interleave.ts'
import { spread } from './spread.ts'
import type { BenchOptions } from './options.ts'
import type { Figure } from './report.ts'

const text = 'select tenant_id, id, total from orders order by total desc, tenant_id, id limit 50'

/**
 * A sorted page over four shards, against the same statement on each shard alone: with the servers on this machine,
 * where four of them share its cores with the client, and with a network's way between client and servers.
 */
export async function scanFigures(options: BenchOptions): Promise<readonly Figure[]> {
  return [...(await measure(options, 0)), ...(await measure(options, 2))]
}

async function measure(
  { rounds, roundMs, record }: BenchOptions,
  latencyMs: number,
): Promise<readonly Figure[]> {
  const bench = await startBenchCluster(4, 200, { latencyMs })
  const router = await bench.router()
  const shards = bench.urls.map((url) => new pg.Pool({ connectionString: url, max: 4 }))
  const way = latencyMs === 0 ? 'all on one machine' : `${latencyMs} ms each way`
  try {
    const variants = await interleave(
      [
        ...shards.map((pool, index) => ({ name: `shard ${index} alone`, run: () => pool.query(text) })),
        { name: 'four shards, merged', run: () => router.pool.query(text) },
      ],
      { callers: 1, roundMs, rounds },
    )
    record(`order by … limit 50, 1 caller, ${way}`, variants)
    const merged = variants.at(-1) as VariantFigures
    const slowest = Math.min(...variants.slice(0, -1).map((each) => each.throughput.median))
    // Time of the merged statement in times of the slowest shard's own.
    const ratio = (value: number): number => slowest / value
    return [
      {
        what: `ORDER BY … LIMIT 50 over 4 shards, time against the slowest shard alone, ${way}`,
        value: spread([merged.throughput.min, merged.throughput.median, merged.throughput.max].map(ratio)),
        unit: '×',
        target: { relation: '≤', value: 1.3 },
      },
    ]
  } finally {
    await Promise.all([router.end(), ...shards.map((pool) => pool.end())])
    await bench.stop()
  }
}
