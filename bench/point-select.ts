import pg from 'pg'
import { startBenchCluster } from './bench-cluster.ts'
import { interleave, type VariantFigures } from './interleave.ts'
import type { BenchOptions } from './options.ts'
import type { Figure } from './report.ts'

const text = 'select "id", "total", "status" from "orders" where "tenant_id" = $1 and "id" = $2'

/** Point selects through a RoutedPool and through a plain `pg.Pool` to the same server, for the same rows. */
export async function pointFigures({ rounds, roundMs, record }: BenchOptions): Promise<readonly Figure[]> {
  const bench = await startBenchCluster(2)
  const plain = new pg.Pool({ connectionString: bench.urls[0], max: 10 })
  const off = await bench.router({ prepare: { enabled: false } })
  const on = await bench.router({ prepare: { enabled: true } })
  let turn = 0
  const values = (): unknown[] => {
    turn += 1
    return [bench.tenants[turn % bench.tenants.length], 1 + (turn % 50)]
  }
  try {
    const figures: Figure[] = []
    for (const callers of [1, 16]) {
      const variants = await interleave(
        [
          { name: 'pg.Pool', run: () => plain.query(text, values()) },
          { name: 'RoutedPool, prepared off', run: () => off.pool.query(text, values()) },
          { name: 'RoutedPool, prepared on', run: () => on.pool.query(text, values()) },
        ],
        { callers, roundMs, rounds },
      )
      record(`point select, ${callers} ${callers === 1 ? 'caller' : 'callers'}`, variants)
      const [, withOff, withOn] = variants as [VariantFigures, VariantFigures, VariantFigures]
      figures.push(
        {
          what: `point select, prepared off, ${callers} callers, against pg.Pool`,
          value: withOff.ratio,
          unit: '×',
          target: { relation: '≥', value: 0.97 },
        },
        {
          what: `CPU added by routing, prepared off, ${callers} callers`,
          value: withOff.addedCpuMicros,
          unit: 'µs',
          target: { relation: '≤', value: 10 },
        },
        {
          what: `point select, prepared on, ${callers} callers, against pg.Pool`,
          value: withOn.ratio,
          unit: '×',
          target: { relation: '≥', value: 1.15 },
        },
      )
    }
    return figures
  } finally {
    await Promise.all([plain.end(), off.end(), on.end()])
    await bench.stop()
  }
}
