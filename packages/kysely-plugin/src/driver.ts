import { CompiledQuery, IdentifierNode, RawNode, createQueryId } from 'kysely'
import type { DatabaseConnection, Driver, QueryCompiler, TransactionSettings } from 'kysely'
import type { Router } from '@shardline/core'
import { AbortedTransactionError } from './aborted-transaction.ts'
import { LeaseConnection } from './connection.ts'
import type { ShardlineDialectOptions } from './dialect-options.ts'

/** Kysely's own type of this is not exported by 0.28. */
interface Abortable {
  readonly signal?: AbortSignal | undefined
}

/** Kysely's driver over the router's pool: each connection is a lease, and every decision is the router's. */
export class ShardlineDriver implements Driver {
  readonly #router: Router
  readonly #options: ShardlineDialectOptions
  /** Connections that may have another lease. */
  readonly #spare: LeaseConnection[] = []
  #leasedCount = 0
  #whenIdle: (() => void) | undefined

  constructor(router: Router, options: ShardlineDialectOptions) {
    this.#router = router
    this.#options = options
  }

  async init(): Promise<void> {}

  async acquireConnection(options?: Abortable): Promise<LeaseConnection> {
    const lease = await this.#router.pool.connect()
    const spare = this.#spare.pop()
    const connection = spare?.over(lease) ?? new LeaseConnection(lease, this.#router)
    this.#leasedCount++
    const { onReserveConnection } = this.#options
    if (onReserveConnection === undefined) return connection
    try {
      await onReserveConnection(connection, options)
      return connection
    } catch (error) {
      // What the callback had already set on the session must not reach its next user.
      connection.discard()
      await this.releaseConnection(connection)
      throw error
    }
  }

  async beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    const { isolationLevel, accessMode } = settings
    const begin = isolationLevel === undefined && accessMode === undefined ? 'begin' : 'start transaction'
    const level = isolationLevel === undefined ? '' : ` isolation level ${isolationLevel}`
    const access = accessMode === undefined ? '' : ` ${accessMode}`
    await connection.executeQuery(CompiledQuery.raw(`${begin}${level}${access}`))
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    const { rows } = await connection.executeQuery<{ readonly command: string }>(CompiledQuery.raw('commit'))
    if (AbortedTransactionError !== undefined && rows[0]?.command === 'ROLLBACK') {
      throw new AbortedTransactionError()
    }
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    const lease = leased(connection)
    // The end of a killed session rolls it back; an error here would hide why it was killed.
    if (lease.isDiscarded) return
    try {
      await lease.executeQuery(CompiledQuery.raw('rollback'))
    } catch (error) {
      // Whatever state that session is in, nobody may inherit it.
      lease.discard()
      throw error
    }
  }

  async savepoint(
    connection: DatabaseConnection,
    name: string,
    compileQuery: QueryCompiler['compileQuery'],
  ): Promise<void> {
    await connection.executeQuery(compileQuery(savepointCommand('savepoint', name), createQueryId()))
  }

  async rollbackToSavepoint(
    connection: DatabaseConnection,
    name: string,
    compileQuery: QueryCompiler['compileQuery'],
  ): Promise<void> {
    await connection.executeQuery(compileQuery(savepointCommand('rollback to', name), createQueryId()))
  }

  async releaseSavepoint(
    connection: DatabaseConnection,
    name: string,
    compileQuery: QueryCompiler['compileQuery'],
  ): Promise<void> {
    await connection.executeQuery(compileQuery(savepointCommand('release', name), createQueryId()))
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    const lease = leased(connection)
    lease.release()
    if (!lease.isDiscarded) this.#spare.push(lease)
    this.#leasedCount--
    if (this.#leasedCount === 0) this.#whenIdle?.()
  }

  /** Waits, as `pg.Pool.end` does, until every connection is back; the router ends only when the options say so. */
  async destroy(): Promise<void> {
    if (this.#leasedCount > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve
      })
    }
    if (this.#options.endsRouter === true) await this.#router.end()
  }
}

function savepointCommand(command: string, name: string): RawNode {
  return RawNode.createWithChildren([RawNode.createWithSql(`${command} `), IdentifierNode.create(name)])
}

function leased(connection: DatabaseConnection): LeaseConnection {
  if (connection instanceof LeaseConnection) return connection
  throw new TypeError('This connection was not acquired from the dialect of @shardline/kysely-plugin')
}
