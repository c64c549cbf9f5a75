import { observeStatement, type StatementObserver } from '../telemetry/statement-trace.ts'
import { planQuery, type PlannedQuery } from './decide.ts'
import { readSeveral } from './near-shard.ts'
import { runSingle } from './single.ts'
import { writeShards } from './write-shards.ts'
import type pg from 'pg'
import type { NodePool } from '../pool/node-pool.ts'
import type { StatementDone } from '../pool/wire-statement.ts'
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
  return observer === undefined ? answer : report(observer, answer)
}

/** As `execute`, for callers that have no use for a promise: `done` is called once. */
export function executeThen(
  engine: Engine,
  { statement, route, query }: Omit<Job, 'observer'>,
  done: StatementDone,
): void {
  const observer = observeStatement(statement, route)
  const job = { statement, route, query, observer }
  if (observer === undefined && route.kind === 'single') {
    runSingle(engine, job as Job<SingleRoute>, done)
    return
  }
  const answer = dispatch(engine, job)
  ;(observer === undefined ? answer : report(observer, answer)).then(
    (result) => done(undefined, result),
    (error: unknown) => done(error, undefined),
  )
}

/** Runs a statement on the only server there is, which judges it alone. */
export function executeDirectly(
  engine: Engine,
  pool: NodePool,
  query: PlannedQuery,
): Promise<pg.QueryResult> {
  const observer = observeDirectly(engine, query)
  if (observer === undefined) return pool.execute(query)
  observer.asked(pool)
  return report(observer, pool.execute(query))
}

/** Plans a statement for the only server: which says no more than whether it is worth preparing. */
export function observeDirectly(engine: Engine, query: PlannedQuery): StatementObserver | undefined {
  try {
    return observeStatement(planQuery(engine, query), undefined)
  } catch {
    // What cannot be analysed is sent as it is.
    return undefined
  }
}

function report(observer: StatementObserver, answer: Promise<pg.QueryResult>): Promise<pg.QueryResult> {
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
      return new Promise((resolve, reject) => {
        runSingle(engine, job as Job<SingleRoute>, (error, result) => {
          if (result === undefined) reject(error)
          else resolve(result)
        })
      })
    case 'merge':
      return readSeveral(engine, job as Job<MergeRoute>)
    case 'write-all':
    case 'split':
      return writeShards(engine, job as Job<WriteAllRoute | SplitRoute>)
  }
}
