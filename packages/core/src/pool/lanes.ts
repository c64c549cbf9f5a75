import { Lane } from './lane.ts'
import { LongReads } from './long-reads.ts'
import { PlanDurations } from './plan-duration.ts'
import { idleSoFar, waitedFor } from './waited.ts'
import type { Connection } from './connection.ts'
import type { LaneListener, SharedStatement } from './lane.ts'
import type { PoolCounters } from './pool-counters.ts'
import type { StatementDone } from './wire-statement.ts'
import type { WireQuery } from './wire-query.ts'

/** No statement joins a lane that has this much to do, milliseconds, however few statements that is. */
const mostQueuedMs = 20
/** How long a lane's first statement may run before those behind it are run elsewhere, too. */
const stuckMs = 50
const watchMs = 25

/** What lanes ask of the pool whose connections they are. */
export interface LaneHost {
  readonly counters: PoolCounters
  /** An idle connection, or none. */
  tryLease(): Connection | undefined
  /** Whether the pool opens another connection rather than share one. */
  mayOpen(): boolean
  /** Waits for a lane's slot or a connection, in the order of arrival; then `open` is called, or `fail`. */
  waitShared(statement: SharedStatement, fail: (error: unknown) => void): void
  /** The statement that has waited longest for a slot, which it does not any more. */
  nextShared(): SharedStatement | undefined
  /** Callers that wait for a connection of their own. */
  ownWaiting(): number
  /** The error for a caller more than may wait; undefined while there is room. */
  refuseSurplus(): unknown
  /** The connection is idle again. */
  release(connection: Connection): void
  /** Runs a statement on a connection of its own, waiting for one when there is none. */
  runAlone(query: WireQuery, done: StatementDone): void
  isWorn(connection: Connection): boolean
}

/**
 * The connections of a node that statements share at this moment.
 *
 * Only reads come here (`WireQuery.mayShare`), so whatever goes wrong with a lane, every statement on it may be run again.
 */
export class Lanes implements LaneListener {
  readonly #host: LaneHost
  readonly #depth: number
  readonly #lanes = new Set<Lane>()
  readonly #durations = new PlanDurations()
  readonly #longReads: LongReads
  #watch: NodeJS.Timeout | undefined
  #watchDueAt = 0

  constructor(host: LaneHost, { depth, max }: { readonly depth: number; readonly max: number }) {
    this.#host = host
    this.#depth = depth
    this.#longReads = new LongReads(max)
  }

  /** Statements on their way, all lanes together. */
  get inFlight(): number {
    let count = 0
    for (const lane of this.#lanes) count += lane.depth
    return count
  }

  /** Connections that are shared now. */
  get size(): number {
    return this.#lanes.size
  }

  /** Long reads that let others go first. */
  get waitingCount(): number {
    return this.#longReads.waitingCount
  }

  /** Nothing new comes after this. */
  end(): void {
    this.#longReads.flush()
  }

  run(query: WireQuery, done: StatementDone): void {
    const duration = this.#durations.of(query.text)
    if (duration.isLong) {
      const refusal = this.#longReads.isFull ? this.#host.refuseSurplus() : undefined
      if (refusal !== undefined) {
        done(refusal, undefined)
        return
      }
      this.#longReads.admit(() =>
        this.#host.runAlone(query, (error, result) => {
          this.#longReads.ended()
          done(error, result)
        }),
      )
      return
    }
    if (duration.isShort) this.#longReads.sawShort()
    const idle = this.#host.tryLease()
    if (idle !== undefined && !(duration.isShort && idle.canPipeline)) {
      this.runOn(idle, query, done, duration)
      return
    }
    if (idle === undefined && !duration.isShort) {
      this.#host.runAlone(query, done)
      return
    }
    const statement: SharedStatement = { query, duration, done, attempts: 1, isAnswered: false }
    if (idle !== undefined) {
      this.open(idle, statement)
      return
    }
    if (this.#host.mayOpen()) this.#wait(statement)
    else this.#join(statement)
  }

  /** Starts to share a connection, which the pool has just handed out. */
  open(connection: Connection, statement: SharedStatement): void {
    // Another run of it was quicker.
    if (statement.isAnswered) {
      this.#host.release(connection)
      return
    }
    if (!connection.canPipeline) {
      this.runOn(
        connection,
        statement.query,
        (error, result) => this.#settle(statement, error, result),
        statement.duration,
      )
      return
    }
    const lane = new Lane(connection, this)
    this.#lanes.add(lane)
    lane.send(statement)
    // Whose turn has come takes along all who wait for a slot, before the connection goes on to those who want it alone:
    // they are short, and otherwise each would have its turn ahead of somebody, for a round trip of its own.
    this.#fill(lane)
    this.balance()
  }

  /** Runs a statement alone on a connection that the pool has handed out, and learns how long it takes. */
  runOn(
    connection: Connection,
    query: WireQuery,
    done: StatementDone,
    duration = this.#durations.of(query.text),
  ): void {
    const idleBefore = idleSoFar()
    connection.run(query, (error, result) => {
      if (error === undefined)
        duration.learn(waitedFor(connection.answeredAt - connection.sentAt, idleBefore))
      this.#host.release(connection)
      done(error, result)
    })
  }

  /**
   * Drains as many lanes as callers wait for a connection of their own, the emptiest first: new statements join the others,
   * so nobody waits for longer than one lane's depth, and sharing goes on beside it.
   */
  balance(): void {
    if (this.#lanes.size === 0) return
    const wanted = Math.min(this.#host.ownWaiting(), this.#lanes.size)
    let draining = 0
    for (const lane of this.#lanes) if (lane.isDraining) draining++
    for (; draining < wanted; draining++) {
      const lane = leastBusy(this.#lanes, (each) => !each.isDraining)
      if (lane === undefined) return
      lane.isDraining = true
    }
    for (const lane of this.#lanes) {
      if (draining <= wanted) return
      if (!lane.isDraining) continue
      lane.isDraining = false
      draining--
      this.#fill(lane)
    }
  }

  answered(lane: Lane, statement: SharedStatement, error: unknown, result: unknown): void {
    this.#settle(statement, error, result)
    this.#goOn(lane)
  }

  strandedBehind(lane: Lane, statement: SharedStatement): void {
    if (statement.isAnswered) statement.attempts--
    else {
      this.#host.counters.repeated++
      // Alone: a statement that breaks its server process shall not take the same ones with it again.
      this.#host.runAlone(statement.query, (error, result) => this.#settle(statement, error, result))
    }
    this.#goOn(lane)
  }

  #join(statement: SharedStatement): void {
    const idle = this.#host.tryLease()
    if (idle !== undefined) {
      this.open(idle, statement)
      return
    }
    const lane = leastBusy(this.#lanes, (each) => this.#hasRoom(each))
    if (lane === undefined) this.#wait(statement)
    else this.#share(lane, statement)
  }

  #wait(statement: SharedStatement): void {
    this.#host.waitShared(statement, (error) => this.#settle(statement, error, undefined))
  }

  #settle(statement: SharedStatement, error: unknown, result: unknown): void {
    statement.attempts--
    if (statement.isAnswered) return
    // Another run of it may still answer.
    if (result === undefined && statement.attempts > 0) return
    statement.isAnswered = true
    statement.done(error, result as never)
  }

  #goOn(lane: Lane): void {
    if (lane.isDraining) this.balance()
    this.#fill(lane)
    if (lane.depth > 0) {
      lane.connection.uses++
      return
    }
    this.#lanes.delete(lane)
    lane.close()
    this.#host.release(lane.connection)
  }

  /** Gives the lane to those who wait for a slot. */
  #fill(lane: Lane): void {
    while (this.#hasRoom(lane)) {
      const statement = this.#host.nextShared()
      if (statement === undefined) return
      if (!statement.isAnswered) this.#share(lane, statement)
    }
  }

  #share(lane: Lane, statement: SharedStatement): void {
    if (lane.depth > 0) this.#host.counters.shared++
    lane.send(statement)
    if (lane.depth > 1) this.#watchHeads()
  }

  #isOpen(lane: Lane): boolean {
    return !lane.isDraining && lane.connection.isReusable && !this.#host.isWorn(lane.connection)
  }

  #hasRoom(lane: Lane): boolean {
    return lane.depth < this.#depth && lane.queuedMs < mostQueuedMs && !lane.isStuck && this.#isOpen(lane)
  }

  #watchHeads(): void {
    if (this.#watch !== undefined) return
    this.#watchDueAt = performance.now() + watchMs
    this.#watch = setTimeout(() => {
      this.#watch = undefined
      this.#lookAtHeads()
    }, watchMs)
    this.#watch.unref()
  }

  #lookAtHeads(): void {
    const now = performance.now()
    // After a long turn of the event loop the answers lie in the sockets, and nothing is stuck but ourselves.
    const wasBlocked = now - this.#watchDueAt > watchMs
    let isBusy = false
    for (const lane of this.#lanes) {
      if (lane.depth < 2) continue
      isBusy = true
      if (!wasBlocked && !lane.isStuck && now - lane.headSince > stuckMs) this.#rescue(lane)
    }
    if (isBusy) this.#watchHeads()
  }

  #rescue(lane: Lane): void {
    lane.isStuck = true
    for (const statement of lane.behindHead()) {
      if (statement.isAnswered || statement.attempts > 1) continue
      statement.attempts++
      this.#host.counters.repeated++
      this.#join(statement)
    }
  }
}

function leastBusy(lanes: Iterable<Lane>, isEligible: (lane: Lane) => boolean): Lane | undefined {
  let least: Lane | undefined
  for (const lane of lanes) {
    if (!isEligible(lane)) continue
    if (
      least === undefined ||
      lane.queuedMs < least.queuedMs ||
      (lane.queuedMs === least.queuedMs && lane.depth < least.depth)
    ) {
      least = lane
    }
  }
  return least
}
