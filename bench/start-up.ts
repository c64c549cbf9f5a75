import { startBenchCluster } from './bench-cluster.ts'
import type { BenchOptions } from './options.ts'
import { builtCore, firstAnswer } from './programs/run-program.ts'
import type { Figure } from './report.ts'
import { spread } from './spread.ts'

const ways = ['pg', 'shardline'] as const

/** From the start of a process to its first answer, and the part of it that is its own and not Node's. */
export async function startUpFigures({ rounds }: BenchOptions): Promise<readonly Figure[]> {
  const core = await builtCore()
  const bench = await startBenchCluster(1, 4)
  const seen = {
    pg: { whole: [] as number[], own: [] as number[] },
    shardline: { whole: [] as number[], own: [] as number[] },
  }
  try {
    // The first turn reads the files into the system's cache, and does not count.
    for (let turn = -1; turn < Math.min(rounds, 11); turn += 1) {
      for (const way of ways) {
        const { wholeMs, ownMs } = await firstAnswer(way, bench.urls[0] ?? '', { core })
        if (turn < 0) continue
        seen[way].whole.push(wholeMs)
        seen[way].own.push(ownMs)
      }
    }
  } finally {
    await bench.stop()
  }
  return ways.flatMap((way): Figure[] => {
    const name = way === 'pg' ? 'pg.Pool' : 'Shardline'
    return [
      {
        what: `start of a process to its first answer, ${name}`,
        value: spread(seen[way].whole),
        unit: 'ms',
        target: undefined,
      },
      {
        what: `from the first import to the first answer, ${name}`,
        value: spread(seen[way].own),
        unit: 'ms',
        target: undefined,
      },
    ]
  })
}
