/**
 * Runs variants of one job turn by turn in one process, so that a machine whose speed drifts drifts for all of them,
 * and compares them round by round.
 */
import { spread, type Spread } from './spread.ts'

export interface Variant {
  readonly name: string
  /** One unit of work. */
  run(): Promise<unknown>
  /** CPU that a process other than client and servers has used for this variant so far, milliseconds: a pooler's. */
  readonly poolerCpuMs?: () => number
  /** Instead of the shape's. */
  readonly callers?: number
}

export interface LoadShape {
  readonly callers: number
  /** Units of work per round and variant; or as many as there is time for. */
  readonly operations?: number
  /** How long a round of a variant lasts. */
  readonly roundMs?: number
  readonly rounds: number
}

export interface Round {
  /** Operations per second. */
  readonly throughput: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Client CPU per operation, microseconds (user and system). */
  readonly cpuMicros: number
  /** The same of a pooler's processes. */
  readonly poolerCpuMicros: number | undefined
}

export interface VariantFigures {
  readonly name: string
  readonly throughput: Spread
  readonly p50Ms: Spread
  readonly p99Ms: Spread
  readonly cpuMicros: Spread
  readonly poolerCpuMicros: Spread | undefined
  /** Throughput over that of the first variant, round by round. */
  readonly ratio: Spread
  /** Client CPU per operation beyond that of the first variant, microseconds, round by round. */
  readonly addedCpuMicros: Spread
  readonly rounds: readonly Round[]
}

/** One figure of a variant over the same figure of another one, round by round. */
export function against(
  own: VariantFigures,
  base: VariantFigures,
  figure: 'throughput' | 'p50Ms' | 'p99Ms' | 'cpuMicros',
): Spread {
  return spread(own.rounds.map((round, n) => round[figure] / (base.rounds[n]?.[figure] ?? Number.NaN)))
}

/**
 * Rounds of each variant that warm up connections, caches and the optimising compiler, and do not count. A process burns CPU on
 * compiling for some ten thousand operations, and most for the variant with the most code.
 */
const warmUp = 8

export async function interleave(
  variants: readonly Variant[],
  shape: LoadShape,
): Promise<readonly VariantFigures[]> {
  const rounds = variants.map((): Round[] => [])
  for (let round = -warmUp; round < shape.rounds; round += 1) {
    for (const index of orderOf(round, variants.length)) {
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
      p50Ms: spread(own.map((each) => each.p50Ms)),
      p99Ms: spread(own.map((each) => each.p99Ms)),
      cpuMicros: spread(own.map((each) => each.cpuMicros)),
      poolerCpuMicros: variant.poolerCpuMs && spread(own.map((each) => each.poolerCpuMicros ?? Number.NaN)),
      ratio: spread(own.map((each, n) => each.throughput / (base[n]?.throughput ?? Number.NaN))),
      addedCpuMicros: spread(own.map((each, n) => each.cpuMicros - (base[n]?.cpuMicros ?? Number.NaN))),
      rounds: own,
    }
  })
}

/** Each round begins with another variant, and every second one runs backwards: none has always the same one before it. */
function orderOf(round: number, count: number): readonly number[] {
  const order = Array.from({ length: count }, (_, turn) => (turn + round + warmUp * count) % count)
  return round % 2 === 0 ? order : order.toReversed()
}

async function runRound(variant: Variant, shape: LoadShape): Promise<Round> {
  const most = shape.operations ?? Number.POSITIVE_INFINITY
  const took: number[] = []
  let begun = 0
  const start = performance.now()
  const end = start + (shape.roundMs ?? Number.POSITIVE_INFINITY)
  const caller = async (): Promise<void> => {
    for (let at = performance.now(); begun < most && at < end;) {
      begun += 1
      await variant.run()
      const done = performance.now()
      took.push(done - at)
      at = done
    }
  }
  const cpu = process.cpuUsage()
  const poolerMs = variant.poolerCpuMs?.()
  await Promise.all(Array.from({ length: variant.callers ?? shape.callers }, caller))
  const ms = performance.now() - start
  const used = process.cpuUsage(cpu)
  const count = took.length
  const sorted = Float64Array.from(took).sort()
  return {
    throughput: (count / ms) * 1000,
    p50Ms: sorted[Math.floor(count * 0.5)] ?? Number.NaN,
    p99Ms: sorted[Math.floor(count * 0.99)] ?? Number.NaN,
    cpuMicros: (used.user + used.system) / count,
    poolerCpuMicros:
      poolerMs === undefined ? undefined : (((variant.poolerCpuMs?.() ?? 0) - poolerMs) * 1000) / count,
  }
}
