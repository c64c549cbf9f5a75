import type pg from 'pg'

/** The application's own copy of `pg`, handed over at start; its classes are the ones applications check for. */
export type PgModule = typeof pg
