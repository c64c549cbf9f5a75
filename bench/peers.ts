import { startBenchCluster, type BenchCluster } from './bench-cluster.ts'
import { against, interleave, type VariantFigures } from './interleave.ts'
import { createLoads, type Loads } from './loads.ts'
import type { BenchOptions } from './options.ts'
import { namingPool, plainPool, type Peer } from './peers/peer.ts'
import { throughPgBouncer, throughPgpool } from './peers/poolers.ts'
import { shardline, shardlineUnshared, shardlineWithReplica } from './peers/shardline.ts'
import type { Figure } from './report.ts'

interface Run {
  readonly load: keyof Loads
  readonly title: string
  readonly callers: readonly number[]
}

const runs: readonly Run[] = [
  { load: 'point', title: 'point select', callers: [1, 16, 64, 256] },
  { load: 'mostlyReads', title: '90 % reads, 10 % inserts', callers: [1, 64] },
  { load: 'list', title: 'list of 50', callers: [1, 64] },
  { load: 'relation', title: 'relation, two statements', callers: [1, 64] },
  { load: 'insert', title: 'insert', callers: [1, 64] },
]

/**
 * An application that uses `pg`, over everything that may stand between it and its servers: nothing, a pooler, or
 * Shardline. All have the same statements and the same number of connections; each has its users' defaults.
 */
export async function peerFigures(options: BenchOptions): Promise<readonly Figure[]> {
  const bench = await startBenchCluster(1, 400, { replicas: 1 })
  try {
    return [
      ...(await compare(bench, 10, runs, options)),
      ...(await compare(bench, 4, [{ ...(runs[0] as Run), callers: [64] }], options)),
    ]
  } finally {
    await bench.stop()
  }
}

async function compare(
  bench: BenchCluster,
  max: number,
  wanted: readonly Run[],
  { rounds, roundMs, record }: BenchOptions,
): Promise<readonly Figure[]> {
  const found = [
    plainPool(bench, max),
    namingPool(bench, max),
    await throughPgBouncer(bench, max),
    await throughPgpool(bench, max),
    await shardlineUnshared(bench, max),
    await shardline(bench, max),
    await shardlineWithReplica(bench, max),
  ]
  const peers = found.filter((peer) => peer !== undefined)
  const loads = createLoads(bench)
  const figures: Figure[] = []
  try {
    for (const { load, title, callers } of wanted) {
      for (const count of callers) {
        const measured = await interleave(
          peers.map((peer) => ({
            name: peer.name,
            run: () => loads[load](peer.pool),
            ...(peer.cpuMs && { poolerCpuMs: peer.cpuMs }),
          })),
          { callers: count, roundMs, rounds },
        )
        const name = `${title}, ${count} ${count === 1 ? 'caller' : 'callers'}, ${max} connections`
        record(name, measured)
        figures.push(...judge(name, load, count, measured))
      }
    }
  } finally {
    await Promise.all(peers.map((peer: Peer) => peer.close()))
  }
  return figures
}

/** What the comparison says of the targets. */
function judge(
  name: string,
  load: keyof Loads,
  callers: number,
  measured: readonly VariantFigures[],
): readonly Figure[] {
  const named = (peer: string): VariantFigures | undefined => measured.find((each) => each.name === peer)
  const plain = named('pg.Pool') as VariantFigures
  const own = named('Shardline') as VariantFigures
  const figures: Figure[] = [
    { what: `${name}: against pg.Pool`, value: own.ratio, unit: '×', target: targetOf(load, callers) },
  ]
  if (load === 'point' && callers === 64) {
    const naming = named('pg.Pool, named statements') as VariantFigures
    figures.push({
      what: `${name}: against pg.Pool with named statements`,
      value: against(own, naming, 'throughput'),
      unit: '×',
      target: undefined,
    })
    figures.push({
      what: `${name}: client CPU against pg.Pool`,
      value: against(own, plain, 'cpuMicros'),
      unit: '×',
      target: { relation: '≤', value: 0.6 },
    })
  }
  // Each pooler against Shardline with the same servers behind it.
  for (const [pooler, ours] of [
    ['pg.Pool, PgBouncer', own],
    ['pg.Pool, pgpool-II', named('Shardline, replica') as VariantFigures],
  ] as const) {
    const theirs = named(pooler)
    if (theirs === undefined) continue
    const way = pooler.slice('pg.Pool, '.length)
    if (theirs.poolerCpuMicros !== undefined)
      figures.push({
        what: `${name}: CPU of ${way} itself`,
        value: theirs.poolerCpuMicros,
        unit: 'µs',
        target: undefined,
      })
    figures.push(
      {
        what: `${name}: throughput against ${way}`,
        value: against(ours, theirs, 'throughput'),
        unit: '×',
        target: { relation: '≥', value: 1 },
      },
      {
        what: `${name}: p50 against ${way}`,
        value: against(ours, theirs, 'p50Ms'),
        unit: '×',
        target: { relation: '≤', value: 1 },
      },
    )
  }
  return figures
}

function targetOf(load: keyof Loads, callers: number): Figure['target'] {
  if (load === 'insert') return { relation: '≥', value: 1 }
  if (load !== 'point') return undefined
  if (callers === 1) return { relation: '≥', value: 1.15 }
  return callers === 64 ? { relation: '≥', value: 1.7 } : undefined
}
