import { StatementError } from '../errors.ts'
import { visibleFields } from '../merge/columns.ts'
import { mergeRows } from '../merge/merge-rows.ts'
import { shardValues } from '../merge/row-counts.ts'
import { ownArrays } from '../routing/own-values.ts'
import { namedShard } from './named-shard.ts'
import { createOwnItems } from './own-items.ts'
import { ownPosition } from './own-position.ts'
import { rowsResult, wireText } from './result.ts'
import { agreedFields } from './shard-fields.ts'
import { asMergeError, wrongCount } from './server-error.ts'
import { shardOrder } from './shard-order.ts'
import { noNode, runRead } from './single.ts'
import type pg from 'pg'
import type { RawRow } from '../merge/row.ts'
import type { WireQuery } from '../pool/wire-query.ts'
import type { MergeRoute } from '../routing/route.ts'
import type { Engine } from './engine.ts'
import type { Job } from './job.ts'

/** Runs a read on all its shards at once and merges their raw rows into the result one PostgreSQL would give. */
export async function gather(engine: Engine, job: Job<MergeRoute>): Promise<pg.QueryResult> {
  const { route, query } = job
  const { plan, shards } = route
  const values = query.values ?? []
  const controller = new AbortController()
  const queryOf = shardQueries(engine, job, controller.signal)
  const abort = (): void => controller.abort(query.signal?.reason)
  if (query.signal?.aborted === true) abort()
  else query.signal?.addEventListener('abort', abort, { once: true })

  let results: pg.QueryResult[]
  try {
    results = await Promise.all(
      shards.map(async (shard) => {
        const own = queryOf(shard)
        try {
          return await runRead(engine, { ...job, query: own }, shard)
        } catch (error) {
          // The first failure is the statement's; the other shards need not go on.
          controller.abort()
          throw namedShard(ownPosition(error, ownText(job), own.text ?? plan.text), shard)
        }
      }),
    )
  } finally {
    query.signal?.removeEventListener('abort', abort)
  }
  const fields = agreedFields(engine, shards, results)
  const [first] = shards
  if (first === undefined) throw noNode('')
  const env = shardOrder(engine, first, engine.candidates(route, first)[0] ?? engine.primary(first))
  const shardRows = results.map((result) => result.rows as unknown as RawRow[])
  const rows = await merge(engine, () => mergeRows(plan, fields, shardRows, values, env))
  return rowsResult(
    engine.pg,
    { rowMode: query.rowMode, types: query.types ?? engine.types },
    { command: `SELECT ${rows.length}`, fields: visibleFields(plan, fields), rows },
  )
}

async function merge(engine: Engine, work: () => RawRow[] | Promise<RawRow[]>): Promise<RawRow[]> {
  try {
    return await work()
  } catch (error) {
    throw asMergeError(engine.pg, error)
  }
}

/** What the application wrote, comments and all. */
export function ownText({ statement, query }: Job<MergeRoute>): string {
  return query.text ?? statement.text
}

/** The query of each shard: the plan's text and values, with the keys of the shard, answered in raw text. */
export function shardQueries(
  engine: Engine,
  { statement, route, query }: Job<MergeRoute>,
  signal: AbortSignal | undefined,
): (shard: string) => WireQuery {
  const { plan, keys } = route
  const values = Array.isArray(query.values) ? (query.values as unknown[]) : []
  if (query.binary === true) {
    throw new StatementError(
      'UNSUPPORTED_OPTION',
      'Results of several shards are merged from their text form, so `binary: true` cannot be had. Leave it out, or name the shard key.',
    )
  }
  if (plan.parameters !== undefined && values.length !== statement.parameterCount) {
    throw wrongCount(engine.pg, values.length, statement.parameterCount)
  }
  const whole: WireQuery = {
    text: plan.text,
    values: shardValues(plan, values),
    rowMode: 'array',
    types: wireText,
    // A rewritten text is another statement than the one that the application named.
    name: plan.isRewritten ? undefined : query.name,
    mayPrepare: true,
    timeoutMs: query.timeoutMs,
    signal,
  }
  if (keys.length === 0) return () => whole
  const itemsOf = createOwnItems(plan, keys)
  return (shard) => {
    const own = shardValues(plan, ownArrays(keys, shard, values))
    const items = itemsOf?.(shard, own)
    return items === undefined ? { ...whole, values: own } : { ...whole, ...items, name: undefined }
  }
}
