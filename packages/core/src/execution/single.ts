import { TopologyError } from '../errors.ts'
import { isOutcomeUnknown, judge } from './failure.ts'
import { isServerError } from './server-error.ts'
import type pg from 'pg'
import type { NodePool } from '../pool/node-pool.ts'
import type { SingleRoute } from '../routing/route.ts'
import type { Engine } from './engine.ts'
import type { Job } from './job.ts'

/** Runs a statement of one shard outside of any transaction. */
export function runSingle(engine: Engine, job: Job<SingleRoute>): Promise<pg.QueryResult> {
  if (job.statement.role === 'primary') return runOnPrimary(engine, job)
  return runRead(engine, job, job.route.shard)
}

/** A read on the best node, and on the next ones while the failure says that another node may do better. */
export function runRead(engine: Engine, job: Job, shard: string): Promise<pg.QueryResult> {
  const nodes = engine.candidates(job.route, shard)
  const [first] = nodes
  if (first === undefined) return Promise.reject(noNode(shard))
  job.observer?.asked(first)
  const attempt = first.execute(job.query)
  return nodes.length === 1
    ? attempt
    : attempt.catch((error: unknown) => moveOn(engine, job, { nodes, failed: first, error }))
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

async function runOnPrimary(engine: Engine, job: Job<SingleRoute>): Promise<pg.QueryResult> {
  const { statement, observer } = job
  const { shard } = job.route
  const primary = engine.primary(shard)
  observer?.asked(primary)
  let result: pg.QueryResult
  try {
    result = await primary.execute(job.query)
  } catch (error) {
    // Statements of the simple protocol may have done a part of their work before the error.
    if (isOutcomeUnknown(error) || statement.kind === 'multiple') engine.wrote(shard)
    throw error
  }
  engine.wrote(shard)
  if (statement.changesCatalog) await engine.refreshCatalog('ddl')
  return result
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
