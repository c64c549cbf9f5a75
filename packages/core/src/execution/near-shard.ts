import { gather } from './gather.ts'
import { runRead } from './single.ts'
import type pg from 'pg'
import type { MergePlan } from '../statement/merge-plan.ts'
import type { MergeRoute } from '../routing/route.ts'
import type { Engine } from './engine.ts'
import type { Job } from './job.ts'

/**
 * Runs a read of several shards. Inside of an operation that has read one shard alone, what it looks up next by unique
 * values is most likely there as well: a foreign key leads to rows of the same server. That shard is then asked first, and an
 * answer with a row for every value is whole; otherwise all shards are asked as ever.
 */
export function readSeveral(engine: Engine, job: Job<MergeRoute>): Promise<pg.QueryResult> {
  const { plan, shards } = job.route
  if (plan.oneRowPerValue === undefined) return gather(engine, job)
  const near = engine.readShard()
  if (near === undefined || !shards.includes(near)) return gather(engine, job)
  const rows = rowsOfWhole(plan.oneRowPerValue, job.query.values ?? [])
  return rows === undefined || isUnlikely(plan) ? gather(engine, job) : readNear(engine, job, { near, rows })
}

async function readNear(
  engine: Engine,
  job: Job<MergeRoute>,
  { near, rows }: { readonly near: string; readonly rows: number },
): Promise<pg.QueryResult> {
  const { plan } = job.route
  const result = await runRead(engine, job, near)
  if (result.rows.length === rows) return result
  pauses.set(plan, triesLeftOut)
  return gather(engine, job)
}

/** How many rows an answer has that lacks none; undefined when that cannot be told. */
function rowsOfWhole(parameters: readonly number[], values: readonly unknown[]): number | undefined {
  const different = new Set<string>()
  for (const number of parameters) {
    const value = values[number - 1]
    // For these, `pg` sends what `String` says: equal values have equal text.
    switch (typeof value) {
      case 'string':
      case 'number':
      case 'bigint':
      case 'boolean':
        different.add(String(value))
        break
      default:
        return undefined
    }
  }
  return different.size
}

/** Where rows turn out to be elsewhere, the first question is in vain: it is left out for a while. */
const triesLeftOut = 15
const pauses = new WeakMap<MergePlan, number>()

function isUnlikely(plan: MergePlan): boolean {
  const left = pauses.get(plan) ?? 0
  if (left > 0) pauses.set(plan, left - 1)
  return left > 0
}
