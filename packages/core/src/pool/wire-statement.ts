import {
  canShapeResult,
  forgetParsed,
  queryClass,
  sendClose,
  sendExecution,
  shapeResult,
  syncsAfterBadValue,
} from './client-internals.ts'
import { markNeverSent } from './never-sent.ts'
import type pg from 'pg'
import type { PgModule } from './pg-module.ts'
import type { WireQuery } from './wire-query.ts'

export type StatementDone = (error: unknown, result: pg.QueryResult | undefined) => void

/** What a statement asks of the connection that it runs on. */
export interface StatementOwner {
  /** Counts the use of an automatic name. */
  usePrepared(name: string): void
  /** Names to be closed on the server along with this statement. */
  takeClosed(): string[] | undefined
  /** Calls back at the next ReadyForQuery, or at once when the connection is broken. */
  whenReady(callback: () => void): void
}

type WireStatement = pg.Submittable
export type WireStatementClass = new (
  owner: StatementOwner,
  query: WireQuery,
  automaticName: string | undefined,
  done: StatementDone,
) => WireStatement

const classes = new WeakMap<PgModule, WireStatementClass>()

/** The statement class over this copy of `pg`: its Query, so that results, type parsers and row modes are its own. */
export function wireStatementClass(pg: PgModule): WireStatementClass {
  const known = classes.get(pg)
  if (known !== undefined) return known
  const created = createClass(pg)
  classes.set(pg, created)
  return created
}

function createClass(pg: PgModule): WireStatementClass {
  const Query = queryClass(pg)
  const endsRoundTrip = syncsAfterBadValue(Query)
  const canShape = canShapeResult(Query)
  /**
   * Differs from `pg.Query` in three ways: names to be evicted are closed in the same packet; an error is handed over
   * only when the server is ready again, so that the transaction status is known and the connection can go on at
   * once; and values that cannot be written do not leave the connection half way.
   */
  return class WireStatement extends Query {
    readonly #owner: StatementOwner
    readonly #automaticName: string | undefined
    readonly #preface: readonly string[] | undefined
    /** Statements of the preface that the server has not completed. */
    #ahead = 0
    #isSubmitting = false
    #isAnswered = false
    #localError: unknown

    constructor(
      owner: StatementOwner,
      query: WireQuery,
      automaticName: string | undefined,
      done: StatementDone,
    ) {
      const { rowMode, types } = query
      const isShaped = rowMode !== undefined || types !== undefined
      if (isShaped && !canShape) super(toConfig(query, done))
      else {
        super(query.text, query.values, done)
        if (isShaped) shapeResult(this, rowMode, types)
        // `pg` would take the preface's ParseComplete for the named statement's own.
        if (query.preface === undefined) this.name = query.name
        this.binary = query.binary
        this.queryMode = query.queryMode
      }
      if (automaticName !== undefined) this.name = automaticName
      this.#owner = owner
      this.#automaticName = automaticName
      this.#preface = query.preface
    }

    // Behind a preface only the extended protocol will do: it has one Sync, so an error skips everything after it.
    override requiresPreparation(): boolean {
      return this.#ahead > 0 || super.requiresPreparation()
    }

    override handleCommandComplete(message: unknown, connection: pg.Connection): void {
      if (this.#ahead > 0) this.#ahead--
      else super.handleCommandComplete(message, connection)
    }

    override submit(connection: pg.Connection): Error | null {
      if (this.#automaticName !== undefined) this.#owner.usePrepared(this.#automaticName)
      const closed = this.#owner.takeClosed()
      if (closed === undefined && this.#preface === undefined) return this.#submit(connection)
      connection.stream.cork()
      try {
        for (const name of closed ?? []) {
          forgetParsed(connection, name)
          sendClose(connection, name)
        }
        for (const text of this.#preface ?? []) sendExecution(connection, text)
        this.#ahead = this.#preface?.length ?? 0
        return this.#submit(connection)
      } finally {
        connection.stream.uncork()
      }
    }

    #submit(connection: pg.Connection): Error | null {
      this.#isSubmitting = true
      try {
        const refused = super.submit(connection)
        if (this.#localError !== undefined && !endsRoundTrip) connection.sync()
        if (refused === null) return null
        this.#isAnswered = true
        return markNeverSent(refused)
      } finally {
        this.#isSubmitting = false
      }
    }

    override handleError(error: unknown, connection: pg.Connection): void {
      if (this.#isSubmitting) {
        this.#localError = error
        return
      }
      if (this.#automaticName !== undefined) hideName(error, this.#automaticName)
      if (this.#isAnswered) super.handleError(error, connection)
      else this.#owner.whenReady(() => super.handleError(error, connection))
    }

    override handleReadyForQuery(connection: pg.Connection): void {
      this.#isAnswered = true
      if (this.#localError === undefined) {
        super.handleReadyForQuery(connection)
        return
      }
      // Then `pg` has also closed the name, although it believes that it was parsed.
      if (endsRoundTrip && this.#automaticName !== undefined) forgetParsed(connection, this.#automaticName)
      super.handleError(markNeverSent(this.#localError), connection)
    }
  }
}

/** The application gave no name, so no message has one: 08P01 quotes it. */
function hideName(error: unknown, name: string): void {
  if (error instanceof Error && error.message.includes(name)) error.message = error.message.replace(name, '')
}

function toConfig(query: WireQuery, done: StatementDone): object {
  const { text, values, rowMode, types, binary, queryMode } = query
  // `pg` would take the preface's ParseComplete for the named statement's own.
  const name = query.preface === undefined ? query.name : undefined
  return { text, values, name, rowMode, types, binary, queryMode, callback: done }
}
