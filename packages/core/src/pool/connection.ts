import {
  backendPid,
  canPipeline,
  destroySocket,
  isUsable,
  onceReadyForQuery,
  setRef,
  takeQueryTimeout,
  transactionStatusReader,
} from './client-internals.ts'
import { cancelRunning } from './cancel.ts'
import { markNeverSent } from './never-sent.ts'
import { brokenConnection, queryTimeout } from './pool-errors.ts'
import { preparedNames } from './prepared-names.ts'
import { PreparedStatements } from './prepared-statements.ts'
import { isStalePlan } from './stale-plan.ts'
import { wireStatementClass } from './wire-statement.ts'
import type pg from 'pg'
import type { TransactionStatus } from './client-internals.ts'
import type { PgModule } from './pg-module.ts'
import type { PoolCounters } from './pool-counters.ts'
import type { StatementDone, StatementOwner, WireStatementClass } from './wire-statement.ts'
import type { WireQuery } from './wire-query.ts'
import type { NodeLoad } from '../topology/node-load.ts'
import type { NodeDescription } from '../topology/topology.ts'

/** How long a cancel request may take, and a cancelled statement afterwards, before the socket is destroyed. */
const cancelTimeoutMs = 2_000

/** What a connection shares with its pool. */
export interface ConnectionSetting {
  readonly pg: PgModule
  readonly node: NodeDescription
  readonly config: pg.ClientConfig
  readonly load: NodeLoad
  readonly counters: PoolCounters
  /** 0 when automatic prepared statements are off. */
  readonly maxPrepared: number
}

/** Command tags, as `pg` cuts them, after which a text may mean other types than before. */
const ddlTags: ReadonlySet<string> = new Set(['ALTER', 'CREATE', 'DROP', 'IMPORT'])

/**
 * One physical connection, in one caller's hands at a time.
 *
 * Statements of this package go through `query` or `run`; for LISTEN, cursors and streams use `client`, which never
 * emits an unhandled `error`.
 */
export class Connection implements StatementOwner {
  readonly client: pg.Client
  readonly node: NodeDescription
  /** Steady clock, milliseconds. */
  readonly openedAt: number
  /** The pool's book-keeping. */
  uses = 0
  idleSince = 0
  /**
   * Steady clock, milliseconds: when the last statement was sent, and when the last answer came. Whoever runs statements here
   * reads them instead of the clock, of which a look costs as much as finding the plan, its route and its node.
   */
  sentAt = 0
  answeredAt = 0
  place: 'leased' | 'idle' | 'removed' = 'leased'
  /** False behind a pooler, which may give each statement another server. */
  mayBeShared = true

  readonly #setting: ConnectionSetting
  readonly #WireStatement: WireStatementClass
  readonly #prepared: PreparedStatements | undefined
  readonly #timeoutMs: number | undefined
  readonly #readStatus: () => TransactionStatus
  #isBroken = false
  /** Not for another caller, although this one may finish with it. */
  #isRetired = false
  #cancelling: Promise<void> | undefined
  #whenReady: (() => void) | undefined

  /** `client` must have connected. */
  constructor(
    client: pg.Client,
    setting: ConnectionSetting,
    onBreak: (error: Error, connection: Connection) => void,
  ) {
    this.client = client
    this.node = setting.node
    this.openedAt = performance.now()
    this.#setting = setting
    this.#WireStatement = wireStatementClass(setting.pg)
    this.#prepared = setting.maxPrepared > 0 ? new PreparedStatements(setting.maxPrepared) : undefined
    this.#timeoutMs = takeQueryTimeout(client)
    this.#readStatus = transactionStatusReader(client)
    // One failure often comes as several events: the server's farewell, the socket's error, its end.
    const lost = (error: Error): void => {
      const wasBroken = this.#isBroken
      this.#isBroken = true
      this.#settle()
      if (!wasBroken) onBreak(error, this)
    }
    client.on('error', lost)
    client.on('end', () => lost(new Error('Connection terminated')))
  }

  /** `T` inside a transaction, `E` inside a failed one, `I` otherwise, as of the last answer. */
  get transactionStatus(): TransactionStatus {
    return this.#readStatus()
  }

  /** False once anything happened after which no other caller should get this connection. */
  get isReusable(): boolean {
    return !this.#isBroken && !this.#isRetired && this.#readStatus() === 'I' && isUsable(this.client)
  }

  get isBroken(): boolean {
    return this.#isBroken || !isUsable(this.client)
  }

  /** True when statements can be sent ahead on it from now on. */
  get canPipeline(): boolean {
    return this.mayBeShared && canPipeline(this.client)
  }

  /** The server process behind it, for diagnosis. */
  get backendPid(): number | null {
    return backendPid(this.client)
  }

  /** Automatic prepared statements that it holds. */
  get preparedCount(): number {
    return this.#prepared?.size ?? 0
  }

  /** Runs one statement; see WireQuery for what the promise rejects with. */
  query(query: WireQuery): Promise<pg.QueryResult> {
    return new Promise((resolve, reject) => {
      this.run(query, (error, result) => {
        if (result === undefined) reject(error)
        else resolve(result)
      })
    })
  }

  /** As `query`, without a promise: `done` is called once, when the connection can take the next statement. */
  run(query: WireQuery, done: StatementDone): void {
    const { signal } = query
    const timeoutMs = query.timeoutMs ?? this.#timeoutMs
    if (signal === undefined && timeoutMs === undefined) this.#send(query, false, done)
    else if (signal?.aborted === true) done(markNeverSent(signal.reason), undefined)
    else this.#sendGuarded(query, { signal, timeoutMs }, done)
  }

  /**
   * Asks the server to cancel what this connection runs. Resolves when the request was delivered or given up; the
   * statement itself then fails with SQLSTATE 57014, or ends as if nothing had happened.
   */
  cancel(): Promise<void> {
    // Behind a pooler the signal may come after the answer, and hit the next caller's statement.
    this.#isRetired = true
    this.#cancelling ??= cancelRunning(this.#setting.pg, this.client, {
      config: this.#setting.config,
      timeoutMs: cancelTimeoutMs,
    }).finally(() => {
      this.#cancelling = undefined
    })
    return this.#cancelling
  }

  /** Lets the present caller finish, and no other have it. */
  retire(): void {
    this.#isRetired = true
  }

  /** Ends the socket at once; whatever runs fails. */
  destroy(): void {
    this.#isBroken = true
    destroySocket(this.client)
  }

  /** Says goodbye to the server, and destroys the socket when that takes longer than `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    if (this.#isBroken) {
      destroySocket(this.client)
      return
    }
    const deadline = setTimeout(() => destroySocket(this.client), timeoutMs)
    try {
      await this.client.end()
    } finally {
      clearTimeout(deadline)
    }
  }

  /** Whether this socket alone keeps the process alive. */
  setRef(isKeepingAlive: boolean): void {
    setRef(this.client, isKeepingAlive)
  }

  usePrepared(name: string): void {
    this.#prepared?.use(name)
  }

  takeClosed(): string[] | undefined {
    return this.#prepared?.takeClosed()
  }

  whenReady(callback: () => void): void {
    if (this.isBroken) {
      callback()
      return
    }
    this.#whenReady = callback
    onceReadyForQuery(this.client, () => this.#settle())
  }

  #settle(): void {
    const callback = this.#whenReady
    if (callback === undefined) return
    this.#whenReady = undefined
    callback()
  }

  #send(query: WireQuery, isRepeated: boolean, done: StatementDone): void {
    if (this.isBroken) {
      done(brokenConnection(this.node), undefined)
      return
    }
    const name =
      query.mayPrepare === true &&
      this.#prepared !== undefined &&
      query.name === undefined &&
      query.preface === undefined
        ? preparedNames.nameOf(query.text)
        : undefined
    const { load } = this.#setting
    const sentAt = performance.now()
    this.sentAt = sentAt
    load.started()
    const statement = new this.#WireStatement(this, query, name, (error, result) => {
      const now = performance.now()
      this.answeredAt = now
      if (result !== undefined) {
        load.finished(now, now - sentAt)
        this.#noticeDiscarded(result)
        // `pg` passes null, not undefined.
        done(undefined, result)
        return
      }
      load.abandoned()
      if (name !== undefined && isStalePlan(error)) {
        this.#prepared?.forget(name)
        if (!isRepeated && this.#readStatus() === 'I') {
          this.#setting.counters.healed++
          this.#send(query, true, done)
          return
        }
      }
      done(error, undefined)
    })
    this.client.query(statement)
  }

  // DISCARD ALL, DEALLOCATE ALL and DEALLOCATE name leave the server without statements that we believe it has, and DDL
  // leaves it with statements that are not what their texts would be now.
  #noticeDiscarded(result: pg.QueryResult): void {
    if (this.#prepared === undefined) return
    if (Array.isArray(result)) for (const one of result as pg.QueryResult[]) this.#noticeDiscarded(one)
    else if (result.command === 'DISCARD' || result.command === 'DEALLOCATE') this.#prepared.forgetAll()
    else if (ddlTags.has(result.command)) preparedNames.renew()
  }

  #sendGuarded(
    query: WireQuery,
    guard: { readonly signal: AbortSignal | undefined; readonly timeoutMs: number | undefined },
    done: StatementDone,
  ): void {
    const { signal, timeoutMs } = guard
    let isDone = false
    let abortDeadline: NodeJS.Timeout | undefined
    const finish: StatementDone = (error, result) => {
      if (isDone) return
      isDone = true
      clearTimeout(deadline)
      clearTimeout(abortDeadline)
      signal?.removeEventListener('abort', abort)
      done(error, result)
    }
    const deadline =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            const cancelled = this.cancel()
            this.#isBroken = true
            void cancelled.then(() => destroySocket(this.client))
            finish(queryTimeout(this.node, timeoutMs), undefined)
          }, timeoutMs)
    const abort = (): void => {
      void this.cancel()
      abortDeadline = setTimeout(() => {
        this.destroy()
        finish(signal?.reason, undefined)
      }, 2 * cancelTimeoutMs)
    }
    signal?.addEventListener('abort', abort, { once: true })
    this.#send(query, false, (error, result) => {
      // A late cancel would hit the connection's next statement.
      const cancelling = this.#cancelling
      const outcome = error !== undefined && signal?.aborted === true ? signal.reason : error
      if (cancelling === undefined) finish(outcome, result)
      else void cancelling.then(() => finish(outcome, result))
    })
  }
}
