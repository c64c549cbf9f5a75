import type { Router } from '@shardline/core'
import { startBenchCluster, type BenchCluster } from './bench-cluster.ts'
import { interleave, type VariantFigures } from './interleave.ts'
import type { BenchOptions } from './options.ts'
import { drizzleAlone, drizzleOverShardline, drizzleSplit } from './orms/drizzle.ts'
import { Walk, type Jobs } from './orms/jobs.ts'
import { kyselyAlone, kyselyRouted, kyselySplit } from './orms/kysely.ts'
import { prismaAlone, prismaRouted, prismaSplit } from './orms/prisma.ts'
import { typeormAlone, typeormRouted, typeormSplit } from './orms/typeorm.ts'
import type { Figure } from './report.ts'

const loads = [
  { job: 'point', title: 'point select', isRead: true },
  { job: 'list', title: 'list of 50', isRead: true },
  { job: 'relation', title: 'relation load', isRead: true },
  { job: 'insert', title: 'insert', isRead: false },
  { job: 'mostlyReads', title: '90 % reads, 10 % inserts', isRead: false },
] as const

/** What each ORM must reach with 64 callers on reads; with one caller it is 1. */
const targets = { Kysely: 1.4, Drizzle: 1.4, TypeORM: 1.2, Prisma: 1.1 }

/** What stands behind Shardline: the server that the ORM alone has, or all of them. */
const sizes = ['one server', '2 shards × 2 nodes'] as const

/** Each ORM alone, with its own way to use a replica, and with Shardline: the same queries on the same rows. */
export async function ormFigures(options: BenchOptions): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  const bench = await startBenchCluster(2, 100, { replicas: 1 })
  try {
    for (const [orm, target] of Object.entries(targets)) {
      const routers = [await bench.router({}, bench.oneServer), await bench.router()]
      try {
        figures.push(...(await compare(orm, target, await variantsOf(orm, bench, routers), options)))
      } finally {
        await Promise.all(routers.map((router) => router.end()))
      }
    }
  } finally {
    await bench.stop()
  }
  return figures
}

async function variantsOf(
  orm: string,
  bench: BenchCluster,
  routers: readonly Router[],
): Promise<readonly Jobs[]> {
  const primary = bench.urls[0] ?? ''
  const replica = bench.replicaUrl ?? ''
  const walk = () => new Walk(bench)
  const routed = async (make: (router: Router, walk: Walk) => Jobs | Promise<Jobs>): Promise<Jobs[]> =>
    Promise.all(
      routers.map(async (router, index) => {
        const jobs = await make(router, walk())
        return { ...jobs, name: `${jobs.name}, ${sizes[index]}` }
      }),
    )
  switch (orm) {
    case 'Kysely':
      return [
        kyselyAlone(primary, walk()),
        kyselySplit(primary, replica, walk()),
        ...(await routed(kyselyRouted)),
      ]
    case 'Drizzle':
      return [
        drizzleAlone(primary, walk()),
        drizzleSplit(primary, replica, walk()),
        ...(await routed(drizzleOverShardline)),
      ]
    case 'TypeORM':
      return [
        await typeormAlone(primary, walk()),
        await typeormSplit(primary, replica, walk()),
        ...(await routed(typeormRouted)),
      ]
    default:
      return [
        prismaAlone(primary, walk()),
        prismaSplit(primary, replica, walk()),
        ...(await routed(prismaRouted)),
      ]
  }
}

function jobOf(jobs: Jobs, job: (typeof loads)[number]['job']): () => Promise<unknown> {
  if (job !== 'mostlyReads') return () => jobs[job]()
  let turn = 0
  return () => {
    turn += 1
    return turn % 10 === 0 ? jobs.insert() : jobs.point()
  }
}

async function compare(
  orm: string,
  target: number,
  variants: readonly Jobs[],
  { rounds, roundMs, record }: BenchOptions,
): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  for (const { job, title, isRead } of loads) {
    for (const callers of [1, 64]) {
      const measured = await interleave(
        variants.map((jobs) => ({ name: jobs.name, run: jobOf(jobs, job) })),
        { callers, roundMs, rounds },
      )
      const people = callers === 1 ? '1 caller' : `${callers} callers`
      record(`${orm}, ${title}, ${people}`, measured)
      const value = isRead && callers > 1 ? target : 1
      for (const [index, size] of sizes.entries()) {
        figures.push({
          what: `${orm} with Shardline, ${size}, against ${orm} alone, ${title}, ${people}`,
          value: (measured[index + 2] as VariantFigures).ratio,
          unit: '×',
          target: { relation: '≥', value },
        })
      }
    }
  }
  await Promise.all(variants.map((jobs) => jobs.close()))
  return figures
}
