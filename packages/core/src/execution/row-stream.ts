import { StatementError } from '../errors.ts'
import { visibleFields } from '../merge/columns.ts'
import { mergeStream } from '../merge/merge-stream.ts'
import { judge } from './failure.ts'
import { ownText, shardQueries } from './gather.ts'
import { namedShard } from './named-shard.ts'
import { ownPosition } from './own-position.ts'
import { openPortal } from './portal.ts'
import { asMergeError } from './server-error.ts'
import { agreedFields } from './shard-fields.ts'
import { shardOrder } from './shard-order.ts'
import { noNode } from './single.ts'
import type pg from 'pg'
import type { RawRow } from '../merge/row.ts'
import type { Connection } from '../pool/connection.ts'
import type { NodePool } from '../pool/node-pool.ts'
import type { WireQuery } from '../pool/wire-query.ts'
import type { MergeRoute, SingleRoute } from '../routing/route.ts'
import type { Engine } from './engine.ts'
import type { Job } from './job.ts'

/** Raw rows in batches, and what their columns are. */
export interface RowStream extends AsyncIterator<RawRow[], void, undefined> {
  readonly fields: readonly pg.FieldDef[]
  next(): Promise<IteratorResult<RawRow[], void>>
  /** Frees the servers, also when nothing was read; needless after the last batch and after an error. */
  return(): Promise<IteratorResult<RawRow[], void>>
}

export const defaultBatchSize = 100

/** Opens a read on one shard or on several, outside of any transaction of the caller. */
export function openRowStream(engine: Engine, job: Job, batchSize: number): Promise<RowStream> {
  const { route } = job
  if (route.kind === 'single') return streamOne(engine, job as Job<SingleRoute>, batchSize)
  if (route.kind === 'merge') return streamMerged(engine, job as Job<MergeRoute>, batchSize)
  throw new StatementError(
    'UNSUPPORTED_OPTION',
    'A write that concerns several shards has its result only when all of them have written. Run it with query().',
  )
}

/** Rows of a statement on one connection; `freed` is called when the connection can run something else. */
export async function streamOn(
  engine: Engine,
  connection: Connection,
  {
    query,
    batchSize,
    freed,
  }: { readonly query: WireQuery; readonly batchSize: number; readonly freed: (error: unknown) => void },
): Promise<RowStream> {
  const portal = openPortal(engine.pg, connection, { ...query, batchSize })
  const unlisten = cancelOnAbort(query.signal, connection)
  let closing: Promise<void> | undefined
  const close = (error?: unknown): Promise<void> => {
    closing ??= portal.close().then(() => {
      unlisten()
      freed(error)
    })
    return closing
  }
  let fields: readonly pg.FieldDef[]
  try {
    fields = await portal.fields
  } catch (error) {
    await close(error)
    throw query.signal?.aborted === true ? query.signal.reason : error
  }
  return {
    fields,
    async next() {
      let rows: RawRow[] | undefined
      try {
        rows = await portal.next()
      } catch (error) {
        await close(error)
        throw query.signal?.aborted === true ? query.signal.reason : error
      }
      if (rows !== undefined) return { done: false, value: rows }
      await close()
      return ended
    },
    async return() {
      await close()
      return ended
    },
  }
}

const ended: IteratorResult<never, void> = { done: true, value: undefined }

/** Cancels on the server; the portal then fails as its statement does. */
function cancelOnAbort(signal: AbortSignal | undefined, connection: Connection): () => void {
  if (signal === undefined) return () => {}
  const abort = (): void => void connection.cancel()
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  return () => signal.removeEventListener('abort', abort)
}

async function streamOne(engine: Engine, job: Job<SingleRoute>, batchSize: number): Promise<RowStream> {
  const { shard } = job.route
  if (job.statement.role === 'replica') {
    return openOnOne(engine, job, { nodes: engine.candidates(job.route, shard), batchSize, freed: () => {} })
  }
  return openOnOne(engine, job, {
    nodes: [engine.primary(shard)],
    batchSize,
    freed: () => engine.wrote(shard),
  })
}

interface OpeningOptions {
  readonly nodes: readonly NodePool[]
  readonly batchSize: number
  readonly freed: () => void
  /** A connection to the first node, when there is one already. */
  readonly leased?: Connection | undefined
}

/** Opens it on the first node that can; once rows flow, a failure is the caller's. */
async function openOnOne(
  engine: Engine,
  { query, observer }: Pick<Job, 'query' | 'observer'>,
  { nodes, batchSize, freed, leased }: OpeningOptions,
): Promise<RowStream> {
  let ready = leased
  let failure: { readonly error: unknown } | undefined
  let mustBePrimary = false
  for (const pool of nodes) {
    if (mustBePrimary && pool.node.role !== 'primary') continue
    try {
      observer?.asked(pool)
      const connection = ready ?? pool.tryLease() ?? (await pool.lease({ signal: query.signal }))
      ready = undefined
      return await streamOn(engine, connection, {
        query,
        batchSize,
        freed: () => {
          freed()
          pool.release(connection)
        },
      })
    } catch (error) {
      failure = { error }
      const verdict = judge(error, pool.node.role === 'replica')
      if (verdict === 'statement') break
      mustBePrimary ||= verdict === 'primary'
    }
  }
  throw failure === undefined ? noNode('') : failure.error
}

/** A merge gives rows of several shards at once, and groups all at the end. */
async function* inBatches(
  batches: AsyncIterable<RawRow[]>,
  size: number,
): AsyncGenerator<RawRow[], void, undefined> {
  for await (const rows of batches) {
    for (let at = 0; at < rows.length; at += size)
      yield rows.length <= size ? rows : rows.slice(at, at + size)
  }
}

async function streamMerged(engine: Engine, job: Job<MergeRoute>, batchSize: number): Promise<RowStream> {
  const { plan, shards } = job.route
  const { signal } = job.query
  const queryOf = shardQueries(engine, job, signal)
  const parts = shards.map((shard) => ({ shard, query: queryOf(shard) }))
  const opening: Promise<RowStream>[] = []
  for (const { shard, query } of parts) {
    const nodes = engine.candidates(job.route, shard)
    // Streams hold their connections: taken in one order, two of them never wait for each other.
    const leased = nodes[0]?.tryLease() ?? (await nodes[0]?.lease({ signal }).catch(() => undefined))
    const stream = openOnOne(engine, { ...job, query }, { nodes, batchSize, freed: () => {}, leased })
    stream.catch(() => {})
    opening.push(stream)
  }
  const outcomes = await Promise.allSettled(opening)
  const streams = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  const closeAll = (): Promise<unknown> => Promise.allSettled(streams.map((stream) => stream.return()))
  try {
    for (const [index, { shard, query }] of parts.entries()) {
      const outcome = outcomes[index]
      if (outcome?.status === 'rejected') {
        throw namedShard(ownPosition(outcome.reason, ownText(job), query.text ?? plan.text), shard)
      }
    }
    const [first] = shards
    if (first === undefined) throw noNode('')
    const fields = agreedFields(engine, shards, streams)
    const values = job.query.values ?? []
    const env = shardOrder(engine, first, engine.candidates(job.route, first)[0] ?? engine.primary(first))
    const merged = inBatches(mergeStream(plan, fields, streams, values, env), batchSize)
    return {
      fields: visibleFields(plan, fields),
      next: () =>
        merged.next().catch((error: unknown) => {
          throw asMergeError(engine.pg, error)
        }),
      async return() {
        // A generator that was never started would not run its own clean-up.
        await merged.return()
        await closeAll()
        return ended
      },
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}
