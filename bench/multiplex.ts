import pg from 'pg'
import { startBenchCluster } from './bench-cluster.ts'
import { interleave, type VariantFigures } from './interleave.ts'
import type { BenchOptions } from './options.ts'
import { printVariants, type Figure } from './report.ts'

const text = 'select "id", "total", "status" from "orders" where "tenant_id" = $1 and "id" = $2'
const slow = 'select pg_sleep(0.2), "id" from "orders" where "tenant_id" = $1 and "id" = $2'

/** Reads that share connections, against the same number of connections of a plain `pg.Pool`. */
export async function multiplexFigures({ rounds, scale }: BenchOptions): Promise<readonly Figure[]> {
  const bench = await startBenchCluster(1)
  let turn = 0
  const values = (): unknown[] => {
    turn += 1
    return [bench.tenants[turn % bench.tenants.length], 1 + (turn % 50)]
  }
  const figures: Figure[] = []
  try {
    for (const max of [4, 10]) {
      const plain = new pg.Pool({ connectionString: bench.urls[0], max })
      const off = await bench.router({ pool: { max, multiplex: false } })
      const on = await bench.router({ pool: { max } })
      try {
        for (const callers of max === 10 ? [1, 64] : [64]) {
          const variants = await interleave(
            [
              { name: 'pg.Pool', run: () => plain.query(text, values()) },
              { name: 'router.pool, nothing shared', run: () => off.pool.query(text, values()) },
              { name: 'router.pool', run: () => on.pool.query(text, values()) },
            ],
            { callers, operations: Math.round(8000 * scale), rounds },
          )
          const title = `point select, ${callers} in flight, ${max} connections`
          console.log(printVariants(title, variants))
          const [base, , shared] = variants as [VariantFigures, VariantFigures, VariantFigures]
          figures.push({
            what: `${title}, against pg.Pool`,
            value: shared.ratio,
            unit: '×',
            target: { relation: '≥', value: callers === 1 ? 1.15 : 1.7 },
          })
          if (callers > 1) {
            figures.push({
              what: '  its client CPU, against that of pg.Pool',
              value: over(shared.cpuMicros, base.cpuMicros.median),
              unit: '×',
              target: { relation: '≤', value: 0.6 },
            })
          }
        }
        figures.push(await slowNeighbours(max, { plain, on: on.pool, values, rounds, scale }))
      } finally {
        await Promise.all([plain.end(), off.end(), on.end()])
      }
    }
    return figures
  } finally {
    await bench.stop()
  }
}

interface Mixed {
  readonly plain: pg.Pool
  readonly on: pg.Pool
  readonly values: () => unknown[]
  readonly rounds: number
  readonly scale: number
}

/** The 99th percentile of point selects among which one statement in a hundred takes 200 ms. */
async function slowNeighbours(max: number, { plain, on, values, rounds, scale }: Mixed): Promise<Figure> {
  const ratios: number[] = []
  const seen = { plain: [] as number[], on: [] as number[] }
  for (let round = -1; round < rounds; round += 1) {
    const took = {
      plain: await p99(plain, values, Math.round(3000 * scale)),
      on: await p99(on, values, Math.round(3000 * scale)),
    }
    if (round < 0) continue
    ratios.push(took.on / took.plain)
    seen.plain.push(took.plain)
    seen.on.push(took.on)
  }
  const sorted = ratios.sort((a, b) => a - b)
  const middle = (of: number[]): number => of.toSorted((a, b) => a - b)[of.length >> 1] ?? Number.NaN
  console.log(
    `mixed load, ${max} connections: p99 of point selects ${middle(seen.plain).toFixed(1)} ms with pg.Pool, ${middle(seen.on).toFixed(1)} ms with router.pool`,
  )
  return {
    what: `p99 beside 1 % of 200 ms statements, 64 in flight, ${max} connections, against pg.Pool`,
    value: { median: middle(sorted), min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN },
    unit: '×',
    target: { relation: '≤', value: 1 },
  }
}

async function p99(pool: pg.Pool, values: () => unknown[], operations: number): Promise<number> {
  const took: number[] = []
  let left = operations
  const caller = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      if (left % 100 === 0) {
        await pool.query(slow, values())
        continue
      }
      const start = performance.now()
      await pool.query(text, values())
      took.push(performance.now() - start)
    }
  }
  await Promise.all(Array.from({ length: 64 }, caller))
  return took.sort((a, b) => a - b)[Math.floor(took.length * 0.99)] ?? Number.NaN
}

function over(
  { median, min, max }: { readonly median: number; readonly min: number; readonly max: number },
  base: number,
): { readonly median: number; readonly min: number; readonly max: number } {
  return { median: median / base, min: min / base, max: max / base }
}
