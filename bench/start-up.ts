import { startBenchCluster } from './bench-cluster.ts'
import type { BenchOptions } from './options.ts'
import { builtCore, firstAnswer } from './programs/run-program.ts'
import type { Figure } from './report.ts'
import { spread } from './spread.ts'

const ways = [
  { way: 'pg', name: 'pg.Pool' },
  { way: 'shardline', name: 'Shardline' },
] as const

/** From the start of a process to its first answer, the part of it that is its own and not Node's, and to its end. */
export async function startUpFigures({ rounds }: BenchOptions): Promise<readonly Figure[]> {
  const core = await builtCore()
  const bench = await startBenchCluster(1, 4)
  const seen = ways.map(() => ({ whole: [] as number[], own: [] as number[], end: [] as number[] }))
  try {
    // The first turn reads the files into the system's cache, and does not count.
    for (let turn = -1; turn < Math.min(rounds, 11); turn += 1) {
      for (const [index, { way }] of ways.entries()) {
        const start = performance.now()
        const { wholeMs, ownMs } = await firstAnswer(way, bench.urls[0] ?? '', { core })
        if (turn < 0) continue
        seen[index]?.whole.push(wholeMs)
        seen[index]?.own.push(ownMs)
        // Node ends only when the compiler's threads have: a short program waits for what it will not use.
        seen[index]?.end.push(performance.now() - start)
      }
    }
  } finally {
    await bench.stop()
  }
  return ways.flatMap(({ name }, index): Figure[] => {
    const figure = (what: string, values: readonly number[] = []): Figure => ({
      what: `${what}, ${name}`,
      value: spread(values),
      unit: 'ms',
      target: undefined,
    })
    return [
      figure('start of a process to its first answer', seen[index]?.whole),
      figure('from the first import to the first answer', seen[index]?.own),
      figure('start to end of a process that only gets that answer', seen[index]?.end),
    ]
  })
}
