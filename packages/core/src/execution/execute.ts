import { observeStatement } from '../telemetry/statement-trace.ts'
import { gather } from './gather.ts'
import { runSingle } from './single.ts'
import { writeShards } from './write-shards.ts'
import type pg from 'pg'
import type { WireQuery } from '../pool/wire-query.ts'
import type { MergeRoute, Route, SingleRoute, SplitRoute, WriteAllRoute } from '../routing/route.ts'
import type { Statement } from '../statement/statement.ts'
import type { Engine } from './engine.ts'
import type { Job } from './job.ts'

/** Runs a decided statement outside of any transaction of the caller. */
export function execute(
  engine: Engine,
  statement: Statement,
  route: Route,
  query: WireQuery,
): Promise<pg.QueryResult> {
  const observer = observeStatement(statement, route)
  const answer = dispatch(engine, { statement, route, query, observer })
  if (observer === undefined) return answer
  return answer.then(
    (result) => {
      observer.ended(result.rowCount)
      return result
    },
    (error: unknown) => {
      observer.failed(error)
      throw error
    },
  )
}

function dispatch(engine: Engine, job: Job): Promise<pg.QueryResult> {
  switch (job.route.kind) {
    case 'single':
      return runSingle(engine, job as Job<SingleRoute>)
    case 'merge':
      return gather(engine, job as Job<MergeRoute>)
    case 'write-all':
    case 'split':
      return writeShards(engine, job as Job<WriteAllRoute | SplitRoute>)
  }
}
