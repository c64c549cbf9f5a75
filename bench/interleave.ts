/**
 * Runs variants of one job turn by turn in one process, so that a machine whose speed drifts drifts for all of them,
 * and compares them round by round.
 */
export interface Variant {
  readonly name: string
  /** One unit of work. */
  run(): Promise<unknown>
}

export interface LoadShape {
  readonly callers: number
  /** Units of work per round and variant. */
  readonly operations: number
  readonly rounds: number
}

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export interface VariantFigures {
  readonly name: string
  /** Operations per second. */
  readonly throughput: Spread
  /** Client CPU per operation, microseconds (user and system). */
  readonly cpuMicros: Spread
  /** Throughput over that of the first variant, round by round. */
  readonly ratio: Spread
  /** Client CPU per operation beyond that of the first variant, microseconds, round by round. */
  readonly addedCpuMicros: Spread
}

interface Round {
  readonly throughput: number
  readonly cpuMicros: number
}

export async function interleave(
  variants: readonly Variant[],
  shape: LoadShape,
): Promise<readonly VariantFigures[]> {
  const rounds = variants.map((): Round[] => [])
  // The first two rounds warm up connections, caches and the optimising compiler, and do not count.
  for (let round = -2; round < shape.rounds; round += 1) {
    for (let turn = 0; turn < variants.length; turn += 1) {
      const index = (turn + Math.max(round, 0)) % variants.length
      const figures = await runRound(variants[index] as Variant, shape)
      if (round >= 0) rounds[index]?.push(figures)
    }
  }
  const base = rounds[0] ?? []
  return variants.map((variant, index) => {
    const own = rounds[index] ?? []
    return {
      name: variant.name,
      throughput: spread(own.map((each) => each.throughput)),
      cpuMicros: spread(own.map((each) => each.cpuMicros)),
      ratio: spread(own.map((each, n) => each.throughput / (base[n]?.throughput ?? Number.NaN))),
      addedCpuMicros: spread(own.map((each, n) => each.cpuMicros - (base[n]?.cpuMicros ?? Number.NaN))),
    }
  })
}

async function runRound(variant: Variant, { callers, operations }: LoadShape): Promise<Round> {
  let left = operations
  const caller = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      await variant.run()
    }
  }
  const cpu = process.cpuUsage()
  const start = process.hrtime.bigint()
  await Promise.all(Array.from({ length: callers }, caller))
  const nanos = Number(process.hrtime.bigint() - start)
  const used = process.cpuUsage(cpu)
  return { throughput: (operations / nanos) * 1e9, cpuMicros: (used.user + used.system) / operations }
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  const median =
    sorted.length % 2 === 1
      ? (sorted[Math.floor(middle)] ?? Number.NaN)
      : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
  return { median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN }
}
