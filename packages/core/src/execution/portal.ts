import { queryClass } from '../pool/client-internals.ts'
import type pg from 'pg'
import type { RawRow } from '../merge/row.ts'
import type { Connection } from '../pool/connection.ts'
import type { PgModule } from '../pool/pg-module.ts'

export interface PortalQuery {
  readonly text: string
  readonly values?: readonly unknown[] | undefined
  /** Rows per round trip. */
  readonly batchSize: number
}

/** Rows of one statement in batches, in raw text, as fast as they are asked for. */
export interface Portal {
  /** Rejects with the statement's error. */
  readonly fields: Promise<readonly pg.FieldDef[]>
  /** The next batch, never empty; undefined after the last. */
  next(): Promise<RawRow[] | undefined>
  /** Resolves when the connection is free again; a batch that is on its way is waited for. */
  close(): Promise<void>
}

/** What `pg.Query` is asked to do differently; the messages are those of pg-protocol. */
interface PortalInternals extends pg.Submittable {
  submit: (connection: pg.Connection) => void
}

interface Wire {
  execute(config: { portal: string; rows: number }): void
  flush(): void
  close(message: { type: 'P'; name: string }): void
  sync(): void
}

/**
 * Opens a portal on a leased connection, which must run nothing else until it is closed.
 *
 * It builds on `pg.Query` with its `rows` option, so that values are written as `pg` writes them, and adds what that
 * option lacks: waiting between batches, and a Sync after an error.
 */
export function openPortal(pg: PgModule, connection: Connection, query: PortalQuery): Portal {
  const portal = new WaitingPortal()
  connection.client.query(portalStatement(pg, connection, query, portal))
  return portal
}

type Waiting = { resolve(rows: RawRow[] | undefined): void; reject(error: unknown): void }

/** The consumer's side; the statement tells it what comes in. */
class WaitingPortal implements Portal {
  readonly fields: Promise<readonly pg.FieldDef[]>
  #fieldsKnown: (fields: readonly pg.FieldDef[]) => void = () => {}
  #fieldsFailed: (error: unknown) => void = () => {}
  #rows: RawRow[] = []
  #state: 'running' | 'suspended' | 'ended' = 'running'
  #isFree = false
  #isClosing = false
  #failure: { readonly error: unknown } | undefined
  #waiting: Waiting | undefined
  #whenFree: (() => void)[] = []
  #wire: Wire | undefined
  #batchSize = 0

  constructor() {
    this.fields = new Promise((resolve, reject) => {
      this.#fieldsKnown = resolve
      this.#fieldsFailed = reject
    })
    this.fields.catch(() => {})
  }

  next(): Promise<RawRow[] | undefined> {
    if (this.#rows.length > 0 && this.#state !== 'running') return Promise.resolve(this.#take())
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error)
    if (this.#state === 'ended' || this.#isClosing) return Promise.resolve(undefined)
    const batch = new Promise<RawRow[] | undefined>((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
    if (this.#state === 'suspended') {
      this.#state = 'running'
      this.#wire?.execute({ portal: '', rows: this.#batchSize })
      this.#wire?.flush()
    }
    return batch
  }

  close(): Promise<void> {
    if (this.#isFree) return Promise.resolve()
    const freed = new Promise<void>((resolve) => this.#whenFree.push(resolve))
    if (!this.#isClosing) {
      this.#isClosing = true
      if (this.#state === 'suspended') this.#end()
    }
    return freed
  }

  described(fields: readonly pg.FieldDef[]): void {
    this.#fieldsKnown(fields)
  }

  came(row: RawRow): void {
    if (!this.#isClosing) this.#rows.push(row)
  }

  suspended(wire: Wire, batchSize: number): void {
    this.#wire = wire
    this.#batchSize = batchSize
    this.#state = 'suspended'
    if (this.#isClosing) this.#end()
    else this.#deliver()
  }

  /** All rows are there. */
  completed(): void {
    this.#state = 'ended'
    this.#fieldsKnown([])
  }

  failed(error: unknown): void {
    this.#state = 'ended'
    this.#rows = []
    this.#failure ??= { error }
    this.#fieldsFailed(error)
  }

  /** The server is ready for something else. */
  freed(): void {
    this.#state = 'ended'
    this.#isFree = true
    this.#fieldsKnown([])
    this.#deliver()
    for (const resolve of this.#whenFree.splice(0)) resolve()
  }

  #end(): void {
    this.#state = 'ended'
    this.#wire?.close({ type: 'P', name: '' })
    this.#wire?.sync()
  }

  #take(): RawRow[] {
    const rows = this.#rows
    this.#rows = []
    return rows
  }

  #deliver(): void {
    const waiting = this.#waiting
    if (waiting === undefined) return
    this.#waiting = undefined
    if (this.#rows.length > 0) waiting.resolve(this.#take())
    else if (this.#failure === undefined) waiting.resolve(undefined)
    else waiting.reject(this.#failure.error)
  }
}

function portalStatement(
  pg: PgModule,
  connection: Connection,
  { text, values, batchSize }: PortalQuery,
  portal: WaitingPortal,
): PortalInternals {
  const Query = queryClass(pg)
  return new (class PortalStatement extends Query {
    #isDone = false

    handleRowDescription(message: { readonly fields: readonly pg.FieldDef[] }): void {
      portal.described(message.fields)
    }

    handleDataRow(message: { readonly fields: RawRow }): void {
      portal.came(message.fields)
    }

    handlePortalSuspended(wire: unknown): void {
      portal.suspended(wire as Wire, batchSize)
    }

    override handleCommandComplete(_message: unknown, wire: pg.Connection): void {
      portal.completed()
      wire.sync()
    }

    override handleError(error: unknown, wire: pg.Connection): void {
      if (this.#isDone) return
      this.#isDone = true
      portal.failed(error)
      if (connection.isBroken) {
        portal.freed()
        return
      }
      // Without a Sync the server would ignore everything from here on.
      wire.sync()
      connection.whenReady(() => portal.freed())
    }

    override handleReadyForQuery(): void {
      if (this.#isDone) return
      this.#isDone = true
      portal.freed()
    }
  })({ text, values, rows: batchSize, queryMode: 'extended' })
}
