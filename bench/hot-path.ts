import pg from 'pg'
import { startBenchCluster, type BenchCluster } from './bench-cluster.ts'
import { interleave, type VariantFigures } from './interleave.ts'
import { createLoads } from './loads.ts'
import type { BenchOptions } from './options.ts'
import { runProgram } from './programs/run-program.ts'
import { round, type Figure } from './report.ts'
import type { Spread } from './spread.ts'

const connections = 10

/** Room for everything that a round allocates, so that nothing is collected while bytes are counted. */
const flags = ['--expose-gc', '--min-semi-space-size=128', '--max-semi-space-size=128']

interface InMemory {
  readonly steps: Readonly<Record<string, Spread>>
  readonly there: Spread
  readonly back: Spread
  readonly whole: readonly {
    readonly name: string
    readonly callers: number
    readonly cpuMicros: Spread
    readonly addedMicros: Spread
    readonly bytes: Spread
  }[]
}

/** What routing costs on a plan hit: step by step, whole with servers in memory, and whole with real ones. */
export async function hotPathFigures(options: BenchOptions): Promise<readonly Figure[]> {
  const bench = await startBenchCluster(2, 50, { replicas: 1 })
  try {
    const [first = '', second = ''] = bench.urls
    const urls = [first, bench.replicaUrl ?? '', second]
    const rounds = Math.min(options.rounds, 7)
    const found = (await runProgram('hot-path.ts', [String(rounds), ...urls], flags)) as InMemory
    console.log(printed(found))
    return [...figuresOf(found), ...(await againstPg(bench, options))]
  } finally {
    await bench.stop()
  }
}

function printed({ steps, there, back, whole }: InMemory): string {
  return [
    'nanoseconds a step, plan hit:',
    ...Object.entries(steps).map(([name, { median }]) => `${round(median).padStart(8)}  ${name}`),
    `${round(there.median).padStart(8)}  all of it, from the call to the pool`,
    `${round(back.median).padStart(8)}  from the pool's answer to the caller's promise`,
    '',
    'servers in memory:',
    ...whole.map(
      ({ name, callers, cpuMicros, bytes }) =>
        `${name.padEnd(20)} ${String(callers).padStart(3)} callers  ${round(cpuMicros.median)} µs  ${round(bytes.median)} bytes`,
    ),
    '',
  ].join('\n')
}

function figuresOf({ there, back, whole }: InMemory): Figure[] {
  return [
    { what: 'plan hit, from the call to the pool', value: there, unit: 'ns', target: undefined },
    { what: 'from the answer to the promise', value: back, unit: 'ns', target: undefined },
    ...whole
      .filter(({ name }) => !name.endsWith('pg.Pool'))
      .flatMap(({ name, callers, addedMicros, bytes }): Figure[] => [
        {
          what: `${name}, ${callers} callers, servers in memory: CPU added to pg.Pool's`,
          value: addedMicros,
          unit: 'µs',
          target: { relation: '≤', value: 10 },
        },
        { what: '  allocated', value: bytes, unit: 'bytes', target: undefined },
      ]),
  ]
}

/** The same with real servers: one shard's replica answers the reads of both, its primary the writes. */
async function againstPg(bench: BenchCluster, { rounds, roundMs, record }: BenchOptions): Promise<Figure[]> {
  const pool = { max: connections }
  const replica = new pg.Pool({ connectionString: bench.replicaUrl, ...pool })
  const primary = new pg.Pool({ connectionString: bench.urls[0], ...pool })
  const off = await bench.router({ pool, prepare: { enabled: false } })
  const on = await bench.router({ pool })
  const writing = await bench.router({ pool })
  const { point, insert } = createLoads(bench)
  const figures: Figure[] = []
  try {
    for (const callers of [1, 16]) {
      const reads = await interleave(
        [
          { name: 'pg.Pool', run: () => point(replica) },
          { name: 'prepared off', run: () => point(off.pool) },
          { name: 'prepared on', run: () => point(on.pool) },
        ],
        { callers, roundMs, rounds },
      )
      record(`point read on a replica, ${callers} callers, plan hit`, reads)
      const writes = await interleave(
        [
          { name: 'pg.Pool', run: () => insert(primary) },
          { name: 'prepared on', run: () => insert(writing.pool) },
        ],
        { callers, roundMs, rounds },
      )
      record(`insert on the primary, ${callers} callers, plan hit`, writes)
      figures.push(
        ...reads.slice(1).map((each) => added(`read, ${each.name}`, callers, each)),
        ...writes.slice(1).map((each) => added(`write, ${each.name}`, callers, each)),
      )
    }
    return figures
  } finally {
    await Promise.all([replica.end(), primary.end(), off.end(), on.end(), writing.end()])
  }
}

function added(what: string, callers: number, { addedCpuMicros }: VariantFigures): Figure {
  return {
    what: `${what}, ${callers} callers, real servers: CPU added to pg.Pool's`,
    value: addedCpuMicros,
    unit: 'µs',
    target: { relation: '≤', value: 10 },
  }
}
