import { ShardlineError, type RouteContext } from '@shardline/core'
import type { ShardlineDatabase } from '@shardline/drizzle-adapter'
import type { PgTransactionConfig } from 'drizzle-orm/pg-core'
import type pg from 'pg'
import type { Application, Operations, TransactionOptions } from '../application.ts'
import { describePostgresError } from '../harness/describe-error.ts'
import { DrizzleOperations, type Db, type Relational } from './operations.ts'

export class DrizzleApplication extends DrizzleOperations implements Application {
  readonly #pool: pg.Pool | undefined

  /** `pool` is the one to end, when it belongs to the application. */
  constructor(db: Db, relationalOf: (db: Db) => Relational, pool?: pg.Pool) {
    super(db, relationalOf)
    this.#pool = pool
  }

  transaction<T>(
    body: (transaction: Operations) => Promise<T>,
    { isolation, isReadOnly }: TransactionOptions = {},
  ): Promise<T> {
    const config: PgTransactionConfig = {}
    if (isolation !== undefined) config.isolationLevel = isolation
    if (isReadOnly !== undefined) config.accessMode = isReadOnly ? 'read only' : 'read write'
    const run = (tx: Db): Promise<T> => body(new DrizzleOperations(tx, this.relationalOf))
    return Object.keys(config).length === 0 ? this.db.transaction(run) : this.db.transaction(run, config)
  }

  hinted(context: RouteContext): Operations {
    const db = this.db as ShardlineDatabase<Record<string, unknown>>
    if (!('$context' in db)) return this
    const own =
      context.role === 'primary' && Object.keys(context).length === 1 ? db.$primary : db.$context(context)
    return new DrizzleOperations(own, this.relationalOf)
  }

  // oxlint-disable-next-line require-yield -- Drizzle has no streams over PostgreSQL
  async *streamOrders(): AsyncGenerator<never> {
    throw new Error('Drizzle has no streams over PostgreSQL')
  }

  prepareOrderById() {
    const prepared = this.prepared()
    return async (id: bigint) => (await prepared.execute({ id }))[0]
  }

  /** Drizzle's own error shows the statement and, in 0.45, its values; the database's is its cause. */
  describeError(error: unknown) {
    const cause = error instanceof Error && 'query' in error ? error.cause : undefined
    const described = describePostgresError(cause ?? error)
    if (cause === undefined) return described
    const { constructor, message } = error as Error
    // Which of two transactions PostgreSQL ends in a deadlock, and so whose values these are, is its own choice.
    const query = message.replace(/\nparams: .*/, '')
    const fields = { ...described.fields, wrapper: constructor.name, of: (cause as Error).message }
    return { ...described, message: query, fields }
  }

  refusalIn(error: unknown) {
    const cause = error instanceof Error ? error.cause : undefined
    return [error, cause].find((one) => one instanceof ShardlineError)
  }

  async end() {
    await this.#pool?.end()
  }
}
