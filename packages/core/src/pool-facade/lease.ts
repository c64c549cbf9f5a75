import { AsyncLocalStorage } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import { StatementError } from '../errors.ts'
import { toRefusal } from '../execution/decide.ts'
import { GatheredPortal } from '../execution/gathered-portal.ts'
import { openRowStream } from '../execution/row-stream.ts'
import { answering } from './answer.ts'
import { LeaseEvents } from './lease-events.ts'
import { isSubmitted, toRequest } from './request.ts'
import { Session } from './session.ts'
import { rowsOf } from './streaming.ts'
import type pg from 'pg'
import type { Engine } from '../execution/engine.ts'
import type { PortalReader } from '../execution/gathered-portal.ts'
import type { Connection } from '../pool/connection.ts'
import type { LeaseOwner } from './lease-events.ts'
import type { QueryCallback, RequestConfig, Submitted } from './request.ts'
import type { StreamOptions } from './streaming.ts'

/**
 * What `pool.connect()` gives: a `pg.PoolClient` for an application, a session over the cluster inside. It has a
 * connection only while it needs one.
 *
 * Statements run one after the other, in the order in which they were given.
 */
export class Lease extends EventEmitter {
  readonly #engine: Engine
  readonly #session: Session
  readonly #events: LeaseEvents
  /** Statements that wait for their turn. */
  #queue: (() => void)[] | undefined
  #isBusy = false
  #isReleased = false
  #isEnded = false
  #releaseError: unknown
  #types: pg.CustomTypesConfig | undefined

  constructor(engine: Engine, owner: LeaseOwner) {
    super()
    this.#engine = engine
    this.#events = new LeaseEvents(this, engine.pg, owner)
    this.#session = new Session(engine, this.#events)
  }

  /** For a single server: as with `pg`, a lease is a connection from the start. */
  bindEagerly(): Promise<void> {
    return this.#session.bindEagerly()
  }

  query(query: unknown, values?: unknown, callback?: unknown): unknown {
    if (query === null || query === undefined) {
      throw new TypeError('Client was passed a null or undefined query')
    }
    if (isSubmitted(query)) return this.#submit(query, typeof values === 'function' ? values : callback)
    const config = query as string | RequestConfig
    const given = (typeof values === 'function' ? values : callback) ?? (config as RequestConfig).callback
    const parameters = typeof values === 'function' ? undefined : (values as readonly unknown[] | undefined)
    if (given === undefined) return answering((done) => this.#start(config, parameters, done))
    if (typeof given !== 'function') throw new TypeError('callback is not a function')
    this.#start(config, parameters, (error, result) => {
      // Some answers need no server; callbacks are called later all the same.
      process.nextTick(given, error === undefined ? null : error, result)
    })
    return undefined
  }

  /** Rows in batches, as they come; see RoutedPool.stream. */
  stream<R extends pg.QueryResultRow = pg.QueryResultRow>(
    text: string,
    values?: readonly unknown[],
    options: StreamOptions = {},
  ): AsyncGenerator<R[], void, undefined> {
    return rowsOf<R>(this.#engine, { ...options, types: options.types ?? this.#types }, async (batchSize) => {
      await this.#turn()
      try {
        const stream = await this.#session.stream(
          { text, values, signal: options.signal, context: options.context },
          batchSize,
        )
        return { stream, done: () => this.#next() }
      } catch (error) {
        this.#next()
        throw toRefusal(this.#engine, error)
      }
    })
  }

  /** As `pg`'s: `true` or an error closes the connection instead of giving it back. */
  release(error?: unknown): void {
    if (this.#isReleased) {
      throw new Error('Release called on client which has already been released to the pool.')
    }
    this.#isReleased = true
    this.#releaseError = error
    if (!this.#isBusy) this.#session.end(error)
    // What runs is given up, too.
    else if (error) this.#session.connection?.destroy()
  }

  /** Cancels on the server what the lease runs there. */
  async cancel(): Promise<void> {
    await this.#session.connection?.cancel()
  }

  connect(callback?: (error: Error) => void): Promise<void> | undefined {
    const error = new Error('Client has already been connected. You cannot reuse a client.')
    if (callback === undefined) return Promise.reject(error)
    process.nextTick(callback, error)
    return undefined
  }

  /** Closes the connection that it is bound to; the lease has to be released all the same. */
  end(callback?: () => void): Promise<void> | undefined {
    this.#isEnded = true
    const ended = this.#session.connection?.client.end() ?? Promise.resolve()
    if (callback === undefined) return ended
    ended.then(callback, callback)
    return undefined
  }

  getTransactionStatus(): 'I' | 'T' | 'E' {
    return this.#session.transactionStatus
  }

  escapeIdentifier(text: string): string {
    return this.#engine.pg.escapeIdentifier(text)
  }

  escapeLiteral(text: string): string {
    return this.#engine.pg.escapeLiteral(text)
  }

  /** For this lease alone; the connections it uses keep theirs. */
  setTypeParser(...args: Parameters<pg.ClientBase['setTypeParser']>): void {
    this.#types ??= new this.#engine.pg.TypeOverrides(this.#engine.types) as pg.CustomTypesConfig
    ;(this.#types as unknown as pg.ClientBase).setTypeParser(...args)
  }

  getTypeParser(...args: Parameters<pg.ClientBase['getTypeParser']>): unknown {
    const types: TypeParsers = this.#types ?? this.#engine.types ?? this.#engine.pg.types
    return types.getTypeParser(...args)
  }

  /** The server process behind it; null while it is bound to none. */
  get processID(): number | null {
    return this.#session.connection?.backendPid ?? null
  }

  get host(): string | undefined {
    return this.#session.connection?.client.host
  }

  get port(): number | undefined {
    return this.#session.connection?.client.port
  }

  get database(): string | undefined {
    return this.#session.connection?.client.database
  }

  get user(): string | undefined {
    return this.#session.connection?.client.user
  }

  /** The node it is bound to, for explaining and diagnosis. */
  get boundNode(): string | undefined {
    return this.#session.connection?.node.name
  }

  ref(): void {}
  unref(): void {}

  override on(event: string | symbol, listener: (...args: never[]) => void): this {
    super.on(event, listener as (...args: unknown[]) => void)
    const connection = this.#session?.connection
    if (connection !== undefined) this.#events.forward(event, connection)
    return this
  }

  override addListener(event: string | symbol, listener: (...args: never[]) => void): this {
    return this.on(event, listener)
  }

  #start(
    config: string | RequestConfig,
    values: readonly unknown[] | undefined,
    done: (error: unknown, result: unknown) => void,
  ): void {
    const request = toRequest(config, values)
    if (this.#types !== undefined && request.types === undefined) request.types = this.#types
    const run = (): void => {
      if (this.#isReleased && this.#releaseError) {
        this.#finish(done, releasedLease(), undefined)
        return
      }
      if (this.#isEnded) {
        this.#finish(done, new Error('Client was closed and is not queryable'), undefined)
        return
      }
      this.#session.run(request, (error, result) => this.#finish(done, error, result))
    }
    if (this.#isReleased) done(releasedLease(), undefined)
    // Its turn comes when somebody else's answer arrives, and that is somebody else's context.
    else if (this.#isBusy) (this.#queue ??= []).push(AsyncLocalStorage.bind(run))
    else {
      this.#isBusy = true
      run()
    }
  }

  #finish(done: (error: unknown, result: unknown) => void, error: unknown, result: unknown): void {
    try {
      done(error, result)
    } finally {
      this.#next()
    }
  }

  /** Waits until everything that was given before has run; `#next` must follow. */
  #turn(): Promise<void> {
    if (this.#isReleased) return Promise.reject(releasedLease())
    if (!this.#isBusy) {
      this.#isBusy = true
      return Promise.resolve()
    }
    return new Promise((resolve) => (this.#queue ??= []).push(resolve))
  }

  #next(): void {
    const run = this.#queue?.shift()
    if (run !== undefined) {
      run()
      return
    }
    this.#isBusy = false
    if (this.#isReleased) this.#session.end(this.#releaseError)
    else if (this.listenerCount('drain') > 0) this.emit('drain')
  }

  #submit(submitted: Submitted, callback: unknown): Submitted {
    if (submitted.callback === undefined && typeof callback === 'function') {
      submitted.callback = callback as QueryCallback
    }
    void this.#runSubmitted(submitted)
    return submitted
  }

  async #runSubmitted(submitted: Submitted): Promise<void> {
    const stopWatching = watchForClose(submitted)
    try {
      await this.#turn()
    } catch (error) {
      submitted.handleError(error)
      return
    }
    const { text = submitted.cursor?.text, values = submitted.cursor?.values } = submitted
    const result = submitted._result
    if (result !== undefined) result._types ??= this.#types ?? this.#engine.types
    try {
      if (text === undefined && !this.#engine.isSingleNode) throw hiddenText()
      const borrowed = await this.#session.borrow(
        {
          text: text ?? '',
          values: Array.isArray(values) ? values : undefined,
          signal: undefined,
          context: undefined,
        },
        false,
      )
      if (stopWatching()) {
        if (borrowed.kind === 'connection') await borrowed.settle(undefined)
        this.#next()
      } else if (borrowed.kind === 'connection') this.#hand(submitted, borrowed)
      else {
        const { statement, route } = borrowed
        const reader = submitted as unknown as PortalReader
        const open = (bound: readonly unknown[]): ReturnType<typeof openRowStream> =>
          openRowStream(
            this.#engine,
            { statement, route, query: { text: text ?? '', values: bound }, observer: undefined },
            100,
          )
        new GatheredPortal(reader, { open, done: () => this.#next() }).start()
      }
    } catch (error) {
      submitted.handleError(toRefusal(this.#engine, error))
      this.#next()
    }
  }

  /** Puts it on the connection, and goes on when the server has answered to the end. */
  #hand(
    submitted: Submitted,
    { connection, settle }: { readonly connection: Connection; readonly settle: (error: unknown) => unknown },
  ): void {
    const onReady = submitted.handleReadyForQuery?.bind(submitted)
    const onError = submitted.handleError.bind(submitted)
    let isDone = false
    const done = async (error: unknown): Promise<void> => {
      if (isDone) return
      isDone = true
      try {
        await settle(error)
      } finally {
        this.#next()
      }
    }
    submitted.handleReadyForQuery = (wire: unknown): void => {
      onReady?.(wire)
      void done(undefined)
    }
    let wasSent = true
    const submit = submitted.submit.bind(submitted)
    submitted.submit = (wire: pg.Connection): ReturnType<typeof submit> => {
      const refusal: unknown = submit(wire)
      wasSent = !(refusal instanceof Error)
      return refusal as ReturnType<typeof submit>
    }
    submitted.handleError = (error: unknown, wire?: unknown): void => {
      onError(error, wire)
      if (wasSent) connection.whenReady(() => void done(error))
      // Of what was never sent the server says nothing; `pg` is ready as soon as it has told the error.
      else setImmediate(() => void done(error))
    }
    connection.client.query(submitted)
  }
}

/**
 * An object may be closed while it waits for a server: a cursor then finds no connection to close, and would stay
 * open on the one that it gets. The returned function ends the watch and says whether that has happened.
 */
function watchForClose(submitted: Submitted): () => boolean {
  const target = submitted.cursor ?? submitted
  const { close } = target
  if (close === undefined) return () => false
  const own = Object.getOwnPropertyDescriptor(target, 'close')
  let isClosed = false
  Object.defineProperty(target, 'close', {
    configurable: true,
    value: (...args: unknown[]): unknown => {
      isClosed = true
      return close.apply(target, args)
    },
  })
  return () => {
    if (own === undefined) Reflect.deleteProperty(target, 'close')
    else Object.defineProperty(target, 'close', own)
    return isClosed
  }
}

/** The look-up of `pg.types`, of a client and of a query's `types`. */
interface TypeParsers {
  getTypeParser(...args: unknown[]): unknown
}

function releasedLease(): StatementError {
  return new StatementError(
    'SESSION_STATE',
    "The lease was released; its connection may be somebody else's by now. Take another one with pool.connect().",
  )
}

function hiddenText(): StatementError {
  return new StatementError(
    'UNSUPPORTED_OPTION',
    'The object given to query() does not show the text of its statement (`text` or `cursor.text`), so nothing proves where it belongs. Run it in router.run({ shard }, …) on a client of that shard.',
  )
}
