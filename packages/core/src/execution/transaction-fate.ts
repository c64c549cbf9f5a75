import { isServerError } from './server-error.ts'
import type { NodePool } from '../pool/node-pool.ts'

/** `unknown`: the server has forgotten it, has never heard of it, or is no primary. */
export type TransactionFate = 'committed' | 'aborted' | 'in progress' | 'unknown'

/** What became of a transaction, by the primary's commit log (pg_xact_status). Rejects when it cannot be asked. */
export async function transactionFate(primary: NodePool, xid: string): Promise<TransactionFate> {
  try {
    const { rows } = await primary.execute({
      text: 'select case when pg_catalog.pg_is_in_recovery() then null else pg_catalog.pg_xact_status($1::xid8) end',
      values: [xid],
      rowMode: 'array',
    })
    const [[status] = []] = rows as unknown as (string | null)[][]
    return status === 'committed' || status === 'aborted' || status === 'in progress' ? status : 'unknown'
  } catch (error) {
    // 22023: "transaction ID … is in the future": another history than the one that the branch was prepared in.
    if (isServerError(error) && error.code === '22023') return 'unknown'
    throw error
  }
}

/** A string constant that means the same whatever standard_conforming_strings says. */
export function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`
  return text.includes('\\') ? `E${quoted}` : quoted
}
