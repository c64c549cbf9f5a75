import { isServerError } from './server-error.ts'
import type { Connection } from '../pool/connection.ts'
import type { NodePool } from '../pool/node-pool.ts'
import type { Decision } from './branch-name.ts'

/** `unknown`: the server has forgotten it, is no primary, or has another history in which the number was used again. */
export type TransactionFate = 'committed' | 'aborted' | 'in progress' | 'unknown'

const timelineText = 'substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8)'

/**
 * Names the open transaction so that its fate can be asked for later, whatever happens to the server.
 *
 * The number alone would not do: a server that crashes before anything of the transaction has reached its log starts
 * again with numbers that are too low, and uses this one a second time. So the log is flushed up to here first.
 * A commit that the server may forget would be no decision either: `synchronous_commit = off` is lifted.
 */
export async function nameDecision(pool: NodePool, connection: Connection): Promise<Decision> {
  // Only a message outside of the transaction's own is flushed at once; its record still carries the number.
  const canFlush = await hasFlushingMessage(connection)
  const { rows } = await connection.query({
    text: `select pg_catalog.pg_current_xact_id()::text, ${timelineText}, case when pg_catalog.current_setting('synchronous_commit') = 'off' then pg_catalog.set_config('synchronous_commit', 'local', true) end${
      canFlush ? ", pg_catalog.pg_logical_emit_message(false, 'shardline', '', true)" : ''
    }`,
    rowMode: 'array',
  })
  const [[xid, timeline] = []] = rows as unknown as string[][]
  if (xid === undefined || timeline === undefined) throw new TypeError('pg_current_xact_id gave no row')
  // Before PostgreSQL 17 only a commit flushes, and it has to be another one. Its own number is higher than ours.
  if (!canFlush) await pool.executeForHolders({ text: flushingCommit })
  return { xid, timeline }
}

const flushingCommit =
  "begin; set local synchronous_commit = local; select pg_catalog.pg_logical_emit_message(true, 'shardline', ''); commit"

const flushing = new WeakMap<Connection, boolean>()

async function hasFlushingMessage(connection: Connection): Promise<boolean> {
  let known = flushing.get(connection)
  if (known === undefined) {
    const { rows } = await connection.query({
      text: "select pg_catalog.current_setting('server_version_num')",
      rowMode: 'array',
    })
    const [[version] = []] = rows as unknown as string[][]
    flushing.set(connection, (known = Number(version) >= 170_000))
  }
  return known
}

/** What became of a transaction, by the primary's commit log (pg_xact_status). Rejects when it cannot be asked. */
export async function transactionFate(
  primary: NodePool,
  { xid, timeline }: Decision,
): Promise<TransactionFate> {
  try {
    const { rows } = await primary.executeForHolders({
      text: `select pg_catalog.pg_xact_status($1::xid8), ${timelineText}`,
      values: [xid],
      rowMode: 'array',
    })
    const [[status, current] = []] = rows as unknown as (string | null)[][]
    if (status === 'in progress' || status === 'aborted') return status
    // On another timeline it may be somebody else's transaction that was committed under this number.
    return status === 'committed' && current === timeline ? status : 'unknown'
  } catch (error) {
    // 22023: "transaction ID … is in the future". 55000: a standby, which has no current log position.
    if (isServerError(error) && (error.code === '22023' || error.code === '55000')) return 'unknown'
    throw error
  }
}

/** A string constant that means the same whatever standard_conforming_strings says. */
export function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`
  return text.includes('\\') ? `E${quoted}` : quoted
}
