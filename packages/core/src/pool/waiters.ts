import type { Connection } from './connection.ts'
import type { SharedStatement } from './lane.ts'

/** A caller that waits for a connection: exactly one of its functions is called, once. */
export interface Waiter {
  readonly serve: (connection: Connection) => void
  readonly fail: (error: unknown) => void
  /** Milliseconds of `performance.now()`; Infinity for no limit. */
  readonly expiresAt: number
  /** Set when a slot on a shared connection will do. */
  readonly shared?: SharedStatement | undefined
}

/**
 * Callers waiting for a connection, first come first served; anyone may leave the queue early.
 *
 * One timer serves all deadlines: in a busy pool every statement waits for a moment, and a timer for each would cost
 * more than the rest of the wait.
 */
export class Waiters {
  // A Set keeps the order of arrival and removes from the middle in constant time.
  readonly #queue = new Set<Waiter>()
  /** Those of them that a slot on a shared connection will do for. */
  readonly #sharing = new Set<Waiter>()
  readonly #onExpired: (waiter: Waiter) => void
  #timer: NodeJS.Timeout | undefined
  #timerAt = Number.POSITIVE_INFINITY

  /** `onExpired` is told of a caller that was taken out because its time was up. */
  constructor(onExpired: (waiter: Waiter) => void) {
    this.#onExpired = onExpired
  }

  get size(): number {
    return this.#queue.size
  }

  /** Callers that wait for a connection of their own. */
  get ownSize(): number {
    return this.#queue.size - this.#sharing.size
  }

  add(waiter: Waiter): void {
    this.#queue.add(waiter)
    if (waiter.shared !== undefined) this.#sharing.add(waiter)
    if (waiter.expiresAt < this.#timerAt) this.#watch(waiter.expiresAt)
  }

  /** Before all others; the queue is short whenever that matters. */
  addFirst(waiter: Waiter): void {
    const others = [...this.#queue]
    this.#queue.clear()
    this.#sharing.clear()
    this.add(waiter)
    for (const other of others) {
      this.#queue.add(other)
      if (other.shared !== undefined) this.#sharing.add(other)
    }
  }

  /** False when it had been served or removed already. */
  remove(waiter: Waiter): boolean {
    return this.#take(waiter)
  }

  /** Takes out the one that has waited longest. */
  shift(): Waiter | undefined {
    for (const waiter of this.#queue) {
      this.#take(waiter)
      return waiter
    }
    return undefined
  }

  /** Takes out the one that has waited longest for a slot on a shared connection. */
  shiftShared(): Waiter | undefined {
    for (const waiter of this.#sharing) {
      this.#take(waiter)
      return waiter
    }
    return undefined
  }

  #take(waiter: Waiter): boolean {
    if (waiter.shared !== undefined) this.#sharing.delete(waiter)
    return this.#queue.delete(waiter)
  }

  /** Forgets the deadlines; for the end of the pool, when nobody waits any more. */
  stop(): void {
    clearTimeout(this.#timer)
  }

  #watch(expiresAt: number): void {
    clearTimeout(this.#timer)
    this.#timerAt = expiresAt
    this.#timer = setTimeout(() => this.#expire(), Math.max(expiresAt - performance.now(), 0))
    this.#timer.unref()
  }

  #expire(): void {
    this.#timerAt = Number.POSITIVE_INFINITY
    // Timers may fire a fraction of a millisecond early.
    const now = performance.now() + 1
    let next = Number.POSITIVE_INFINITY
    for (const waiter of this.#queue) {
      if (waiter.expiresAt > now) {
        next = Math.min(next, waiter.expiresAt)
        continue
      }
      this.#take(waiter)
      this.#onExpired(waiter)
    }
    if (next < this.#timerAt) this.#watch(next)
  }
}
