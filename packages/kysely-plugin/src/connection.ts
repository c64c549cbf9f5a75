import type { CompiledQuery, DatabaseConnection, QueryResult } from 'kysely'
import { contextKey, type RouteContext, type RoutedClient, type Router } from '@shardline/core'
import { showsTransactionEnd } from './aborted-transaction.ts'
import { noteExecuted } from './executed.ts'
import { hintOf } from './hints.ts'

/** Kysely's own type of this is not exported by 0.28. */
interface Abortable {
  readonly signal?: AbortSignal | undefined
}

const COUNTED: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE'])

/**
 * One lease of the router's pool after the other, as Kysely sees a connection. The lease binds itself to a server when it
 * must. Kysely remembers every connection that it was given, and dresses each one when it logs; so they are few.
 */
export class LeaseConnection implements DatabaseConnection {
  #lease: RoutedClient
  readonly #router: Router
  /** The query that can be cancelled: Kysely runs one at a time on a connection. */
  #cancellable: AbortController | undefined
  #isDiscarded = false

  constructor(lease: RoutedClient, router: Router) {
    this.#lease = lease
    this.#router = router
  }

  /** Itself, over another lease than the one that was released; undefined when it was killed meanwhile. */
  over(lease: RoutedClient): this | undefined {
    if (this.#isDiscarded) return undefined
    this.#lease = lease
    return this
  }

  async executeQuery<R>(query: CompiledQuery, options?: Abortable): Promise<QueryResult<R>> {
    this.#assertUsable()
    noteExecuted(query.queryId)
    const hint = hintOf(query)
    const { command, rowCount, rows } = await (hint === undefined && options?.signal === undefined
      ? this.#lease.query(query.sql, query.parameters as unknown[])
      : this.#send(query, hint, options?.signal !== undefined))
    if (showsTransactionEnd && (command === 'ROLLBACK' || command === 'COMMIT')) {
      return { rows: [{ command } as R] }
    }
    const numAffectedRows = COUNTED.has(command) ? BigInt(rowCount ?? 0) : undefined
    return { numAffectedRows, rows: rows ?? [] } as QueryResult<R>
  }

  async *streamQuery<R>(
    query: CompiledQuery,
    chunkSize: number,
    options?: Abortable,
  ): AsyncIterableIterator<QueryResult<R>> {
    if (!Number.isInteger(chunkSize) || chunkSize <= 0) {
      throw new Error('chunkSize must be a positive integer')
    }
    this.#assertUsable()
    noteExecuted(query.queryId)
    const hint = hintOf(query)
    const signal = options?.signal
    const batches = this.#lease.stream(query.sql, query.parameters, { batchSize: chunkSize, signal })
    try {
      for (;;) {
        const batch = await this.#inContext(hint, () => batches.next())
        if (batch.done === true) return
        yield { rows: batch.value as R[] }
      }
    } catch (error) {
      // Kysely has already told its caller, and would print this one as an error in the background.
      if (signal?.aborted === true) return
      throw error
    } finally {
      await batches.return()
    }
  }

  /** Cancels on the servers that run the query. Kysely's own dialect would ask the one that the pool's options name. */
  async cancelQuery(): Promise<void> {
    this.#cancellable?.abort()
  }

  /** Cancels what runs, and never gives the session to anybody again: its servers see it end. */
  async killSession(): Promise<void> {
    this.discard()
    this.#cancellable?.abort()
  }

  get isDiscarded(): boolean {
    return this.#isDiscarded
  }

  /** Nothing more is sent, and releasing closes the connection instead of giving it back. */
  discard(): void {
    this.#isDiscarded = true
  }

  release(): void {
    if (this.#isDiscarded) this.#lease.release(true)
    else this.#lease.release()
  }

  async #send(query: CompiledQuery, hint: RouteContext | undefined, isCancellable: boolean) {
    const values = query.parameters as unknown[]
    if (!isCancellable) {
      const config = { text: query.sql, values, [contextKey]: hint }
      return await this.#lease.query(config)
    }
    const controller = new AbortController()
    this.#cancellable = controller
    try {
      const config = { text: query.sql, values, signal: controller.signal, [contextKey]: hint }
      return await this.#lease.query(config)
    } finally {
      this.#cancellable = undefined
    }
  }

  #inContext<T>(hint: RouteContext | undefined, act: () => T): T {
    return hint === undefined ? act() : this.#router.run(hint, act)
  }

  #assertUsable(): void {
    if (this.#isDiscarded) throw new Error('Postgres connection has been discarded')
  }
}
