import { StatementError } from '../errors.ts'
import type { Statement } from '../statement/statement.ts'

/**
 * Refuses on the pool what only means something to one session: its next statement would run on another connection,
 * and this one's state would meet somebody else.
 */
export function refuseUnleased(statement: Statement): void {
  const { transaction, isSessionChanging, pins, kind } = statement
  const isTransaction =
    transaction !== undefined &&
    transaction.command !== 'commit-prepared' &&
    transaction.command !== 'rollback-prepared'
  if (!isTransaction && !isSessionChanging) return
  const what = isTransaction
    ? transaction.command.replaceAll('-', ' ').toUpperCase()
    : `session state (${pins ?? kind})`
  throw new StatementError(
    'SESSION_STATE',
    `${what} belongs to one session, and the pool runs every statement in any of them. Take a lease with pool.connect(), run it there, and release the lease afterwards.`,
    { details: { kind, pins } },
  )
}
