import * as kysely from 'kysely'

const exported: object = kysely

/** Kysely's error for a COMMIT that PostgreSQL answered with ROLLBACK; undefined in the versions that had none. */
export const AbortedTransactionError =
  'AbortedTransactionError' in exported ? (exported.AbortedTransactionError as new () => Error) : undefined

/** The versions that have the error also show the command of COMMIT and ROLLBACK as a row. */
export const showsTransactionEnd = AbortedTransactionError !== undefined
