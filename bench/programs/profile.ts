/**
 * Where the client's time goes, by whose code it is spent in: an ORM alone, and the same with Shardline over 2 shards × 2 nodes.
 *
 *   node bench/programs/profile.ts drizzle point 64      the ORM, the job, the callers
 *
 * Wall time of the thread, from V8's sampling profiler. Time in natively written functions counts for whoever called them.
 */
import { Session, type Profiler } from 'node:inspector'
import { startBenchCluster } from '../bench-cluster.ts'
import { drizzleAlone, drizzleOverShardline } from '../orms/drizzle.ts'
import { Walk, type Jobs } from '../orms/jobs.ts'
import { kyselyAlone, kyselyRouted } from '../orms/kysely.ts'
import { prismaAlone, prismaRouted } from '../orms/prisma.ts'
import { typeormAlone, typeormRouted } from '../orms/typeorm.ts'

const orms = {
  kysely: [kyselyAlone, kyselyRouted],
  drizzle: [drizzleAlone, drizzleOverShardline],
  typeorm: [typeormAlone, typeormRouted],
  prisma: [prismaAlone, prismaRouted],
} as const
const jobNames = ['point', 'list', 'relation', 'insert'] as const

/** Whose code a script is, by its address; the first that fits. */
const owners: readonly (readonly [owner: string, pattern: RegExp])[] = [
  ['Shardline', /\/packages\/[\w-]+\/(src|dist)\//],
  ['the ORM', /^wasm:|\/node_modules\/(kysely|drizzle-orm|typeorm|@prisma)\//],
  ['pg', /\/node_modules\/(pg|pg-[\w-]+|postgres-[\w-]+)\//],
  ['Node', /^node:/],
]
/** What V8 counts outside of scripts. */
const special = new Map([
  ['(idle)', 'waiting'],
  ['(garbage collector)', 'garbage collection'],
  ...['writev', 'writeBuffer', 'writeLatin1String', 'writeUtf8String'].map(
    (name) => [name, 'writing to sockets'] as const,
  ),
])
const rest = 'V8, the profiler, the rest'

const [ormName = '', jobName = '', callerCount = '64'] = process.argv.slice(2)
const makers = Object.entries(orms).find(([name]) => name === ormName)?.[1]
const job = jobNames.find((name) => name === jobName)
const callers = Number(callerCount)
if (makers === undefined || job === undefined || !(callers > 0)) {
  console.error(`Say an ORM (${Object.keys(orms).join(', ')}), a job (${jobNames.join(', ')}) and callers.`)
  process.exit(2)
}

const turns = 4
const operations = 5_000

const bench = await startBenchCluster(2, 100, { replicas: 1 })
const router = await bench.router()
const [alone, routed] = makers
const variants = [
  await alone(bench.urls[0] ?? '', new Walk(bench)),
  await routed(router, new Walk(bench)),
] as const
const session = new Session()
session.connect()
try {
  await post('Profiler.enable')
  const spent = variants.map(() => new Map<string, number>())
  for (const jobs of variants) await run(jobs, 4 * operations)
  for (let turn = 0; turn < turns; turn += 1) {
    for (const [index, jobs] of variants.entries()) {
      await post('Profiler.start')
      await run(jobs, operations)
      const { profile } = (await post('Profiler.stop')) as Profiler.StopReturnType
      addUp(profile, spent[index] as Map<string, number>)
    }
  }
  const names = [...new Set(spent.flatMap((each) => [...each.keys()]))]
  const micros = (index: number, name: string): number =>
    (spent[index]?.get(name) ?? 0) / (turns * operations)
  names.sort((a, b) => micros(0, b) + micros(1, b) - micros(0, a) - micros(1, a))
  console.log(`${ormName}, ${job}, ${callers} callers: µs per operation\n${''.padEnd(28)}  alone  Shardline`)
  for (const name of names) {
    console.log(
      `${name.padEnd(28)}${micros(0, name).toFixed(1).padStart(7)}${micros(1, name).toFixed(1).padStart(11)}`,
    )
  }
} finally {
  session.disconnect()
  await Promise.all(variants.map((jobs) => jobs.close()))
  await router.end()
  await bench.stop()
}

async function run(jobs: Jobs, count: number): Promise<void> {
  let left = count
  const caller = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      await jobs[job as (typeof jobNames)[number]]()
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
}

function post(method: 'Profiler.enable' | 'Profiler.start' | 'Profiler.stop'): Promise<unknown> {
  return new Promise((resolve, reject) => {
    session.post(method, (error, result) => (error === null ? resolve(result) : reject(error)))
  })
}

function addUp({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile, spent: Map<string, number>): void {
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])))
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const ownerOf = (id: number | undefined): string => {
    const frame = byId.get(id ?? -1)?.callFrame
    if (frame === undefined) return rest
    const own = special.get(frame.functionName)
    if (own !== undefined) return own
    if (frame.url === '') return ownerOf(parents.get(id ?? -1))
    return owners.find(([, pattern]) => pattern.test(frame.url))?.[0] ?? rest
  }
  for (const [index, id] of samples.entries()) {
    const owner = ownerOf(id)
    spent.set(owner, (spent.get(owner) ?? 0) + (timeDeltas[index] ?? 0))
  }
}
