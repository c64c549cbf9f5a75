import type { DatabaseError } from 'pg'
import { MergeComplaint } from '../merge/merge-complaint.ts'
import type { PgModule } from '../pool/pg-module.ts'

/**
 * An error as PostgreSQL would have raised it, for what is known without asking a server: commands outside of a
 * transaction block, statements after an error in one, text that does not parse.
 */
export function serverError(
  pg: PgModule,
  complaint: { readonly code: string; readonly message: string; readonly position?: number },
): DatabaseError {
  const error = new pg.DatabaseError(complaint.message, complaint.message.length, 'error')
  error.severity = 'ERROR'
  error.code = complaint.code
  if (complaint.position !== undefined && complaint.position > 0) error.position = String(complaint.position)
  return error
}

/** An error of the merge, as the server's that it speaks for; any other as it is. */
export function asMergeError(pg: PgModule, error: unknown): unknown {
  return error instanceof MergeComplaint ? serverError(pg, error) : error
}

/** True for an error that a server sent: it carries the severity of an ErrorResponse. */
export function isServerError(error: unknown): error is DatabaseError {
  return (
    error instanceof Error && 'severity' in error && typeof (error as { code?: unknown }).code === 'string'
  )
}

/** What PostgreSQL says to a number of values that is not the statement's; for texts that are rewritten before it sees them. */
export function wrongCount(pg: PgModule, given: number, needed: number): DatabaseError {
  return serverError(pg, {
    code: '08P01',
    message: `bind message supplies ${given} parameters, but prepared statement "" requires ${needed}`,
  })
}
