import type { Connection } from './connection.ts'

export interface Waiter {
  readonly resolve: (connection: Connection) => void
  readonly reject: (error: unknown) => void
}

/** Callers waiting for a connection, first come first served; anyone may leave the queue early. */
export class Waiters {
  // A Set keeps the order of arrival and removes from the middle in constant time.
  readonly #queue = new Set<Waiter>()

  get size(): number {
    return this.#queue.size
  }

  add(waiter: Waiter): void {
    this.#queue.add(waiter)
  }

  /** False when it had been served or removed already. */
  remove(waiter: Waiter): boolean {
    return this.#queue.delete(waiter)
  }

  /** Takes out the one that has waited longest. */
  shift(): Waiter | undefined {
    for (const waiter of this.#queue) {
      this.#queue.delete(waiter)
      return waiter
    }
    return undefined
  }
}
