import { TopologyError } from '../errors.ts'
import { isOutcomeUnknown, judge } from './failure.ts'
import { isServerError } from './server-error.ts'
import type pg from 'pg'
import type { NodePool } from '../pool/node-pool.ts'
import type { StatementDone } from '../pool/wire-statement.ts'
import type { SingleRoute } from '../routing/route.ts'
import type { Engine } from './engine.ts'
import type { Job } from './job.ts'

/** Runs a statement of one shard outside of any transaction; `done` is called once. */
export function runSingle(engine: Engine, job: Job<SingleRoute>, done: StatementDone): void {
  if (job.statement.role === 'primary') runOnPrimary(engine, job, done)
  else readThen(engine, job, job.route.shard, done)
}

/** A read on the best node, and on the next ones while the failure says that another node may do better. */
export function runRead(engine: Engine, job: Job, shard: string): Promise<pg.QueryResult> {
  return new Promise((resolve, reject) => {
    readThen(engine, job, shard, (error, result) => {
      if (result === undefined) reject(error)
      else resolve(result)
    })
  })
}

function readThen(engine: Engine, job: Job, shard: string, done: StatementDone): void {
  let nodes: readonly NodePool[]
  try {
    nodes = engine.candidates(job.route, shard)
  } catch (error) {
    done(error, undefined)
    return
  }
  const [first] = nodes
  if (first === undefined) {
    done(noNode(shard), undefined)
    return
  }
  job.observer?.asked(first)
  first.run(job.query, (error, result) => {
    if (result !== undefined || nodes.length === 1) done(error, result)
    else
      moveOn(engine, job, { nodes, failed: first, error }).then(
        (found) => done(undefined, found),
        (last: unknown) => done(last, undefined),
      )
  })
}

interface FailedRead {
  readonly nodes: readonly NodePool[]
  readonly failed: NodePool
  readonly error: unknown
}

async function moveOn(
  engine: Engine,
  job: Job,
  { nodes, failed, error }: FailedRead,
): Promise<pg.QueryResult> {
  let last = error
  let verdict = judge(error, failed.node.role === 'replica')
  let isRefusedAsWrite = isReadOnlyRefusal(error, failed)
  for (const node of nodes.slice(1)) {
    if (verdict === 'statement') break
    if (verdict === 'primary' && node.node.role !== 'primary') continue
    try {
      job.observer?.asked(node)
      const result = await node.execute(job.query)
      if (isRefusedAsWrite) {
        engine.learnPrimary(job.statement)
        engine.wrote(node.node.shard)
      }
      return result
    } catch (next) {
      if (isRefusedAsWrite && isOutcomeUnknown(next)) engine.wrote(node.node.shard)
      last = next
      verdict = judge(next, node.node.role === 'replica')
      isRefusedAsWrite ||= isReadOnlyRefusal(next, node)
      // What a standby refused as a write may have run on the primary: it is not a read any more.
      if (isRefusedAsWrite && node.node.role === 'primary') break
    }
  }
  throw last
}

function isReadOnlyRefusal(error: unknown, pool: NodePool): boolean {
  return pool.node.role === 'replica' && isServerError(error) && error.code === '25006'
}

function runOnPrimary(
  engine: Engine,
  { statement, route, query, observer }: Job<SingleRoute>,
  done: StatementDone,
): void {
  const { shard } = route
  const primary = engine.primary(shard)
  observer?.asked(primary)
  primary.run(query, (error, result) => {
    // Statements of the simple protocol may have done a part of their work before the error.
    if (result !== undefined || isOutcomeUnknown(error) || statement.kind === 'multiple') engine.wrote(shard)
    if (result === undefined || !statement.changesCatalog) done(error, result)
    else
      engine.refreshCatalog('ddl').then(
        () => done(undefined, result),
        (failure: unknown) => done(failure, undefined),
      )
  })
}

export function noNode(shard: string): TopologyError {
  return new TopologyError(
    'NO_NODE_AVAILABLE',
    `Shard "${shard}" has no node that may run the statement now.`,
    {
      details: { shard },
    },
  )
}
