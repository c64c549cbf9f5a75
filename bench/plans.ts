import { startBenchCluster } from './bench-cluster.ts'
import { spread } from './spread.ts'
import type { BenchOptions } from './options.ts'
import { ormStatements } from './orm-statements.ts'
import { round, type Figure } from './report.ts'

/** What a text costs that was never seen before, and what it costs when it was. */
export async function planFigures({ rounds, scale }: BenchOptions): Promise<readonly Figure[]> {
  const bench = await startBenchCluster(2, 8)
  const router = await bench.router()
  try {
    let n = 0
    const perStatement: number[] = []
    const values = [1, 2, 3, 4, 5, 6]
    for (let turn = 0; turn < rounds * Math.round(40 * scale + 10); turn += 1) {
      for (const statement of ormStatements) {
        n += 1
        const text = statement(n)
        const start = process.hrtime.bigint()
        router.explain(text, values)
        const micros = Number(process.hrtime.bigint() - start) / 1000
        // The first passes are the optimising compiler's.
        if (turn >= 5) perStatement.push(micros)
      }
    }
    const hits: number[] = []
    const text = (ormStatements[2] as (n: number) => string)(0)
    for (let turn = 0; turn < rounds + 2; turn += 1) {
      const start = process.hrtime.bigint()
      for (let times = 0; times < 100_000; times += 1) router.explain(text, values)
      if (turn >= 2) hits.push(Number(process.hrtime.bigint() - start) / 100_000)
    }
    const sorted = [...perStatement].sort((a, b) => a - b)
    console.log(
      `plan miss over ${ormStatements.length} ORM statements: p50 ${round(sorted[Math.floor(sorted.length / 2)] ?? 0)} µs, p95 ${round(
        sorted[Math.floor(sorted.length * 0.95)] ?? 0,
      )} µs`,
    )
    return [
      {
        what: 'plan miss on ORM statements: parse, analyse, route',
        value: spread(perStatement),
        unit: 'µs',
        target: { relation: '≤', value: 250 },
      },
      { what: 'plan hit and route (explain)', value: spread(hits), unit: 'ns', target: undefined },
    ]
  } finally {
    await router.end()
    await bench.stop()
  }
}
