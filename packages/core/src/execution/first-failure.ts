import { isAmongUnfinished, judge } from './failure.ts'
import { isServerError } from './server-error.ts'
import { insertPart } from './split-insert.ts'
import { namedShard } from './named-shard.ts'
import type { DatabaseError } from 'pg'
import type { Connection } from '../pool/connection.ts'
import type { SplitRoute } from '../routing/route.ts'
import type { Engine } from './engine.ts'
import type { Job } from './job.ts'

/** A probe must not wait long for other writers: what it finds out is only which of several errors is told. */
const lockTimeoutMs = 1_000

/** Cancelled, locked out, deadlocked, not serializable: these say nothing of the rows. */
const passing: ReadonlySet<string> = new Set(['57014', '55P03', '40P01', '40001'])

/**
 * The order in which PostgreSQL comes to complain about one INSERT, when it holds all rows: while it inserts row by
 * row (NOT NULL, CHECK, unique), about foreign keys at the end of the statement, about deferred constraints at COMMIT.
 */
type Phase = 0 | 1 | 2

interface Failure {
  readonly error: DatabaseError
  readonly phase: Phase
}

interface Failed extends Failure {
  /** Index in the VALUES list of the row that it is about. */
  readonly row: number
}

/**
 * The error that one PostgreSQL would have raised for an INSERT whose rows several shards have refused: that of the
 * first row in VALUES order. `error` is the one that was met first.
 *
 * Everything here is rolled back. What is wrong with the text or the values themselves, PostgreSQL says before it
 * inserts anything: planning the whole statement on one shard brings that out. Otherwise every shard's part is run
 * again to its own first error, and the row that causes it is the end of the shortest beginning of the part that fails
 * with it. Errors of AFTER triggers count as those of rows.
 */
export async function firstFailure(engine: Engine, job: Job<SplitRoute>, error: unknown): Promise<unknown> {
  if (!isAboutRows(error)) return error
  // A position is one in the part's text, and not in what the application wrote.
  if (!isAmongUnfinished(error) && error.position === undefined) return error
  try {
    return (await planningError(engine, job)) ?? (await earliest(engine, job)) ?? error
  } catch {
    // The rows were refused, whoever cannot be asked about it now.
    return error
  }
}

function isAboutRows(error: unknown): error is DatabaseError {
  return isServerError(error) && judge(error, false) === 'statement' && !passing.has(error.code ?? '')
}

const explain = 'EXPLAIN '

/**
 * What PostgreSQL says to the whole statement before it runs any of it; undefined when it would run it.
 * Rejects when no server can be asked.
 */
export async function planningError(
  engine: Engine,
  { statement, route, query }: Job<SplitRoute>,
): Promise<unknown> {
  const [shard = ''] = route.rowsByShard.keys()
  try {
    await engine.primary(shard).execute({
      text: explain + statement.text,
      values: query.values,
      rowMode: 'array',
      signal: query.signal,
      timeoutMs: query.timeoutMs,
    })
    return undefined
  } catch (error) {
    if (!isAboutRows(error)) throw error
    if (error.position !== undefined) error.position = String(Number(error.position) - explain.length)
    return namedShard(error, shard)
  }
}

async function earliest(engine: Engine, job: Job<SplitRoute>): Promise<DatabaseError | undefined> {
  let first: Failed | undefined
  for (const shard of job.route.rowsByShard.keys()) {
    const failed = await failureOn(engine, job, shard)
    if (failed === undefined) continue
    if (
      first === undefined ||
      failed.phase < first.phase ||
      (failed.phase === first.phase && failed.row < first.row)
    ) {
      first = failed
    }
  }
  return first?.error
}

/** What one shard has against its rows, and against which of them; undefined when it would take them all. */
async function failureOn(engine: Engine, job: Job<SplitRoute>, shard: string): Promise<Failed | undefined> {
  const rows = job.route.rowsByShard.get(shard) ?? []
  const pool = engine.primary(shard)
  const connection = pool.tryLease() ?? (await pool.lease({ signal: job.query.signal }))
  try {
    const whole = await tryRows(connection, job, rows)
    if (whole === undefined) return undefined
    let least = 1
    let most = rows.length
    while (least < most) {
      const middle = (least + most) >> 1
      const failure = await tryRows(connection, job, rows.slice(0, middle))
      if (failure !== undefined && isAlike(failure, whole)) most = middle
      else least = middle + 1
    }
    return { ...whole, error: namedShard(whole.error, shard), row: rows[most - 1] ?? 0 }
  } finally {
    pool.release(connection)
  }
}

/** Details may name values that differ from run to run (a serial id, the time). */
function isAlike(a: Failure, b: Failure): boolean {
  return a.phase === b.phase && a.error.code === b.error.code && a.error.constraint === b.error.constraint
}

/** Inserts the rows in a transaction of their own, which is rolled back whatever happens. */
async function tryRows(
  connection: Connection,
  { statement, query }: Job<SplitRoute>,
  rows: readonly number[],
): Promise<Failure | undefined> {
  const part = insertPart(statement, rows, Array.isArray(query.values) ? (query.values as unknown[]) : [])
  const limits = { signal: query.signal, timeoutMs: query.timeoutMs }
  let phase: Phase | undefined
  try {
    await connection.query({
      text: part.text,
      values: part.values,
      rowMode: 'array',
      preface: ['BEGIN READ WRITE', `SET LOCAL lock_timeout = ${lockTimeoutMs}`],
      ...limits,
    })
    phase = 2
    await connection.query({ text: 'SET CONSTRAINTS ALL IMMEDIATE', ...limits })
    return undefined
  } catch (error) {
    if (!isAboutRows(error)) throw error
    return { error, phase: phase ?? (error.code === '23503' ? 1 : 0) }
  } finally {
    if (!connection.isBroken && connection.transactionStatus !== 'I')
      await connection.query({ text: 'ROLLBACK' })
  }
}
