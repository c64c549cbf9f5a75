import { startBenchCluster } from './bench-cluster.ts'
import type { BenchOptions } from './options.ts'
import { builtCore, firstAnswer, runProgram } from './programs/run-program.ts'
import type { Figure } from './report.ts'
import { spread } from './spread.ts'

// In processes of their own with an exposed collector, so that nothing else's garbage is counted.
const flags = ['--expose-gc']

/** What a process holds after its first answer, and what 10,000 plans add to it. */
export async function memoryFigures({ rounds }: BenchOptions): Promise<readonly Figure[]> {
  const core = await builtCore()
  const bench = await startBenchCluster(2, 8)
  const figures: Figure[] = []
  try {
    for (const way of ['pg', 'shardline'] as const) {
      const seen = []
      for (let turn = 0; turn < Math.min(rounds, 5); turn += 1)
        seen.push(await firstAnswer(way, bench.urls[0] ?? '', { core, flags }))
      const name = way === 'pg' ? 'pg.Pool' : 'Shardline'
      figures.push(
        {
          what: `memory of a process at rest, ${name}`,
          value: spread(seen.map((each) => each.rssMiB)),
          unit: 'MiB',
          target: undefined,
        },
        {
          what: `JavaScript heap at rest, ${name}`,
          value: spread(seen.map((each) => each.heapMiB)),
          unit: 'MiB',
          target: undefined,
        },
      )
    }
    const plans = (await runProgram('plan-memory.ts', bench.urls, flags)) as number[]
    figures.push({
      what: 'heap that 10,000 cached plans add',
      value: spread(plans),
      unit: 'MiB',
      target: undefined,
    })
    return figures
  } finally {
    await bench.stop()
  }
}
