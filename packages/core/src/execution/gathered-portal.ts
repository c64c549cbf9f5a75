import { EventEmitter } from 'node:events'
import { StatementError } from '../errors.ts'
import type pg from 'pg'
import type { RawRow } from '../merge/row.ts'
import type { RowStream } from './row-stream.ts'

/** The messages that `pg` hands to objects with their own protocol, as pg-cursor and pg-query-stream read them. */
export interface PortalReader {
  submit(connection: unknown): unknown
  handleRowDescription?(message: { readonly fields: readonly pg.FieldDef[] }): void
  handleDataRow?(message: { readonly fields: RawRow }): void
  handlePortalSuspended?(connection: unknown): void
  handleCommandComplete?(message: { readonly text: string }, connection: unknown): void
  handleReadyForQuery?(connection: unknown): void
  handleError(error: unknown, connection?: unknown): void
}

/**
 * Plays the server to a cursor or query stream whose rows come from several shards: it takes the messages of the
 * extended protocol and answers them from a merged stream, so that batches, back-pressure and closing work as the
 * reader knows them.
 */
export class GatheredPortal extends EventEmitter {
  /** What `pg.Query` looks at on a connection. */
  readonly stream: object = {}
  readonly parsedStatements: Record<string, string> = {}
  readonly submittedNamedStatements: Record<string, string> = {}
  readonly #reader: PortalReader
  readonly #open: (values: readonly unknown[]) => Promise<RowStream>
  readonly #done: (error: unknown) => void
  #values: readonly unknown[] = []
  #stream: RowStream | undefined
  #buffered: RawRow[] = []
  #position = 0
  #count = 0
  #isExhausted = false
  #isDone = false
  /** Messages are answered one after the other, as on a wire. */
  #last: Promise<void> = Promise.resolve()

  constructor(
    reader: PortalReader,
    {
      open,
      done,
    }: {
      readonly open: (values: readonly unknown[]) => Promise<RowStream>
      readonly done: (error: unknown) => void
    },
  ) {
    super()
    this.#reader = reader
    this.#open = open
    this.#done = done
  }

  start(): void {
    if (
      typeof this.#reader.handleDataRow !== 'function' ||
      typeof this.#reader.handlePortalSuspended !== 'function'
    ) {
      this.#fail(
        new StatementError(
          'UNSUPPORTED_OPTION',
          'Only cursors and query streams can read from several shards. Run anything else on one shard: name the shard key, or use router.run({ shard }, …).',
        ),
      )
      return
    }
    this.#reader.submit(this)
  }

  parse(): void {}

  /** The simple protocol: all of it at once. */
  query(): void {
    this.describe()
    this.execute({})
    this.sync()
  }

  bind(config: { readonly values?: readonly unknown[] | null }): void {
    this.#values = config.values ?? []
  }

  describe(): void {
    this.#enqueue(async () => {
      this.#stream = await this.#open(this.#values)
      const message = { fields: this.#stream.fields }
      this.#reader.handleRowDescription?.(message)
      this.emit('rowDescription', message)
    })
  }

  execute(config: { readonly rows?: number | string | null }): void {
    const wanted = Number(config.rows ?? 0)
    this.#enqueue(() => this.#send(wanted > 0 ? wanted : Infinity))
  }

  flush(): void {}

  close(): void {
    this.#enqueue(async () => {
      await this.#stream?.return()
    })
  }

  sync(): void {
    this.#enqueue(async () => {
      await this.#stream?.return()
      this.#reader.handleReadyForQuery?.(this)
      this.emit('readyForQuery', { status: 'I' })
      this.#finish(undefined)
    })
  }

  end(): void {
    this.close()
    this.sync()
  }

  #enqueue(answer: () => Promise<void>): void {
    this.#last = this.#last.then(async () => {
      if (this.#isDone) return
      try {
        await answer()
      } catch (error) {
        this.#fail(error)
      }
    })
  }

  async #send(wanted: number): Promise<void> {
    const stream = this.#stream
    if (stream === undefined) return
    for (let sent = 0; sent < wanted; sent++) {
      const row = await this.#nextRow(stream)
      if (row === undefined) break
      this.#count++
      this.#reader.handleDataRow?.({ fields: row })
    }
    // As on a server: whether there is more shows only when more is asked for.
    if (this.#isExhausted) this.#reader.handleCommandComplete?.({ text: `SELECT ${this.#count}` }, this)
    else this.#reader.handlePortalSuspended?.(this)
  }

  async #nextRow(stream: RowStream): Promise<RawRow | undefined> {
    while (this.#position >= this.#buffered.length) {
      const next = await stream.next()
      if (next.done === true) {
        this.#isExhausted = true
        return undefined
      }
      this.#buffered = next.value
      this.#position = 0
    }
    return this.#buffered[this.#position++]
  }

  #fail(error: unknown): void {
    void this.#stream?.return()
    this.#reader.handleError(error, this)
    this.#finish(error)
  }

  #finish(error: unknown): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#done(error)
  }
}
