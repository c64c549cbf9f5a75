import { ShardlineError } from '../errors.ts'
import { isSocketFailure } from '../pool/pool-errors.ts'
import { wasNeverSent } from '../pool/never-sent.ts'
import { isServerError } from './server-error.ts'

/**
 * What a failed attempt says about running the statement again (FIELD-NOTES §12).
 *
 * - `statement`: the server judged the statement; another server would say the same.
 * - `elsewhere`: this node could not do it; another one may, and a read loses nothing by trying.
 * - `primary`: a standby cannot do it by nature; the primary may, and nothing happened on the standby.
 */
export type Verdict = 'statement' | 'elsewhere' | 'primary'

/** A standby's answers to what it cannot do: writes, sequences, locks, serializable snapshots, recovery functions. */
const beyondStandby: ReadonlySet<string> = new Set(['25006', '55000', 'XX000', '0A000', '25000'])

/** Names that a standby may not have replayed yet: tables, columns, functions, schemas, types. */
const notReplayed: ReadonlySet<string> = new Set(['42P01', '42703', '42883', '42704', '3F000', '26000'])

/** Shutting down, starting, out of connections, and cancelled by recovery (40001 and 40P01 on a standby). */
const nodeTrouble: ReadonlySet<string> = new Set([
  '57P01',
  '57P02',
  '57P03',
  '57P05',
  '53300',
  '08006',
  '08007',
])

export function judge(error: unknown, isStandby: boolean): Verdict {
  if (isServerError(error)) {
    const { code } = error
    if (code === undefined) return 'statement'
    if (nodeTrouble.has(code)) return 'elsewhere'
    if (!isStandby) return 'statement'
    if (code === '40001' || code === '40P01') return 'elsewhere'
    return beyondStandby.has(code) || notReplayed.has(code) ? 'primary' : 'statement'
  }
  if (error instanceof ShardlineError) {
    // A client that waited too long for an answer will not gain by waiting again for as long.
    return error.family === 'topology' && error.code !== 'QUERY_TIMEOUT' && error.code !== 'POOL_ENDED'
      ? 'elsewhere'
      : error.code === 'NODE_ROLE_MISMATCH'
        ? 'elsewhere'
        : 'statement'
  }
  return isSocketFailure(error) || wasNeverSent(error) ? 'elsewhere' : 'statement'
}

/** True when a write that failed so may have happened all the same: the answer was lost, not the statement. */
export function isOutcomeUnknown(error: unknown): boolean {
  if (wasNeverSent(error)) return false
  if (isServerError(error)) return error.code === '57P01' || error.code === '08007' || error.code === '57P02'
  return isSocketFailure(error) || (error instanceof ShardlineError && error.code === 'QUERY_TIMEOUT')
}

const amongUnfinished = new WeakSet<object>()

/** Marks the failure of one shard's part of a write, met while other parts had not succeeded, and returns it. */
export function markAmongUnfinished<E>(error: E): E {
  if (typeof error === 'object' && error !== null) amongUnfinished.add(error)
  return error
}

/** True when another shard's part may have failed as well, had it not been cut short. */
export function isAmongUnfinished(error: unknown): boolean {
  return typeof error === 'object' && error !== null && amongUnfinished.has(error)
}
