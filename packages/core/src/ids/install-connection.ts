import type { Connection } from '../pool/connection.ts'
import type { NodePool } from '../pool/node-pool.ts'
import { lockClass } from '../sharding/routable-sql.ts'

/** One statement's rows, whose columns are texts. */
export type Run = (
  text: string,
  values?: readonly string[],
) => Promise<readonly Readonly<Record<string, string>>[]>

/** A statement that waits for a table's lock makes every other one of that table wait behind it. */
const lockTimeoutMs = 3_000

const attempts = 5

/** A transaction of one installer at a time; tried again when a table's lock could not be had in time. */
export async function inTransaction(pool: NodePool, work: (run: Run) => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await withConnection(pool, (run) => transaction(run, work))
    } catch (error) {
      if ((error as { code?: unknown }).code !== '55P03' || attempt === attempts) throw error
    }
  }
}

/** A connection for the statements of `work`, which is closed when one fails. */
export async function withConnection<T>(pool: NodePool, work: (run: Run) => Promise<T>): Promise<T> {
  const connection = await pool.lease()
  try {
    const result = await work(runOn(connection))
    pool.release(connection)
    return result
  } catch (error) {
    pool.release(connection, error)
    throw error
  }
}

async function transaction(run: Run, work: (run: Run) => Promise<void>): Promise<void> {
  await run('begin')
  await run('set local statement_timeout = 0')
  await run(`select pg_catalog.pg_advisory_xact_lock(${lockClass}, 2)`)
  await run(`set local lock_timeout = ${lockTimeoutMs}`)
  await work(run)
  await run('commit')
}

function runOn(connection: Connection): Run {
  return async (text, values = []) =>
    (await connection.query({ text, values: [...values] })).rows as Record<string, string>[]
}
