import type { Refusal } from './statement.ts'

/** Thrown inside the planner, turned into its result by `planMerge`. */
export class PlanRefused extends Error {
  override readonly name = 'PlanRefused'
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.message)
    this.refusal = refusal
  }
}

const scatterWayOut = 'Name the shard key in the WHERE clause so that one shard answers'

/**
 * @param construct in SQL's words
 * @param wayOut what else would be allowed, without the full stop; the shard key is always offered
 */
export function refuse(construct: string, wayOut?: string): never {
  const offered = wayOut === undefined ? scatterWayOut : `${scatterWayOut}, or ${wayOut}`
  throw new PlanRefused({
    code: 'UNSUPPORTED_SCATTER',
    construct,
    message: `${construct} cannot be finished over several shards. ${offered}.`,
  })
}

/** The text could not be changed with certainty. */
export function refuseRewrite(): never {
  refuse(
    'This spelling of ORDER BY, GROUP BY, LIMIT or an aggregate',
    'select every column that is ordered or grouped by, under a name of its own',
  )
}
