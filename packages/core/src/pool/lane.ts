import { corkSocket, setPipelining } from './client-internals.ts'
import { idleSoFar, waitedFor } from './waited.ts'
import type { Connection } from './connection.ts'
import type { PlanDuration } from './plan-duration.ts'
import type { StatementDone } from './wire-statement.ts'
import type { WireQuery } from './wire-query.ts'

/** A read that shares a connection with others. */
export interface SharedStatement {
  readonly query: WireQuery
  readonly duration: PlanDuration
  readonly done: StatementDone
  /** Runs of it that may still answer: it is run a second time when it is stuck behind another one. */
  attempts: number
  isAnswered: boolean
}

/** What happened to a lane's statement; the lane has let go of it. */
export interface LaneListener {
  answered(lane: Lane, statement: SharedStatement, error: unknown, result: unknown): void
  /** The connection broke while this statement stood behind the one that ran. */
  strandedBehind(lane: Lane, statement: SharedStatement): void
}

/**
 * One connection that statements share: each is sent without waiting for the answers to those before it, each with a Sync
 * of its own, so that an error ends with its statement. The server runs them one after the other.
 */
export class Lane {
  readonly connection: Connection
  /** Takes no more statements: a caller waits for the connection. */
  isDraining = false
  /** Steady clock: since when the server can have been busy with the first statement. */
  headSince = 0
  /** `idleSoFar` at that moment. */
  #idleBefore = 0
  /** What is on the lane, by each plan's usual duration, milliseconds. */
  queuedMs = 0
  /** Those behind the first were run elsewhere, too. */
  isStuck = false

  readonly #listener: LaneListener
  readonly #onTheWay: SharedStatement[] = []
  #isCorked = false
  #hasLostHead = false

  /** The connection must be idle, and say `canPipeline`. */
  constructor(connection: Connection, listener: LaneListener) {
    this.connection = connection
    this.#listener = listener
    setPipelining(connection.client, true)
  }

  get depth(): number {
    return this.#onTheWay.length
  }

  send(statement: SharedStatement): void {
    const isFirst = this.#onTheWay.length === 0
    this.#onTheWay.push(statement)
    const { usualMs } = statement.duration
    this.queuedMs += usualMs
    this.#cork()
    this.connection.run(statement.query, (error, result) => this.#leave(statement, usualMs, error, result))
    if (!isFirst) return
    this.headSince = this.connection.sentAt
    this.#idleBefore = idleSoFar()
  }

  /** Everything behind the statement that runs, which may be run elsewhere: all of it is reads. */
  behindHead(): readonly SharedStatement[] {
    return this.#onTheWay.slice(1)
  }

  /** No statement is left; the connection goes back to one caller at a time. */
  close(): void {
    this.#uncork()
    setPipelining(this.connection.client, false)
  }

  #leave(statement: SharedStatement, estimateMs: number, error: unknown, result: unknown): void {
    const now = this.connection.answeredAt
    // A statement that was never sent is answered before those that were sent ahead of it.
    const index = this.#onTheWay[0] === statement ? 0 : this.#onTheWay.indexOf(statement)
    if (index === 0) this.#onTheWay.shift()
    else this.#onTheWay.splice(index, 1)
    this.queuedMs = this.#onTheWay.length === 0 ? 0 : Math.max(this.queuedMs - estimateMs, 0)
    if (index === 0) {
      if (error === undefined) statement.duration.learn(waitedFor(now - this.headSince, this.#idleBefore))
      this.headSince = now
      this.#idleBefore = idleSoFar()
      this.isStuck = false
    }
    if (error !== undefined && this.connection.isBroken) {
      if (this.#hasLostHead) {
        this.#listener.strandedBehind(this, statement)
        return
      }
      this.#hasLostHead = true
    }
    this.#listener.answered(this, statement, error, result)
  }

  // Callers come in bursts, one for each answer in a packet: what they send goes out in one packet, too.
  #cork(): void {
    if (this.#isCorked) return
    this.#isCorked = true
    corkSocket(this.connection.client, true)
    process.nextTick(() => this.#uncork())
  }

  #uncork(): void {
    if (!this.#isCorked) return
    this.#isCorked = false
    corkSocket(this.connection.client, false)
  }
}
