/** How long a failing node is left alone: 100 ms, doubled with every further failure, 5 s at most. */
const firstMs = 100
const longestMs = 5_000

/**
 * Whether one node is put aside, by consecutive failures alone.
 *
 *     available ──failed──► aside for 100 ms, 200 ms, … 5 s ──(time is up)──► due ──succeeded──► available
 *                                        ▲                                     │
 *                                        └───────────────failed────────────────┘
 *
 * A node whose time is up is not available again by itself: somebody has to reach it first, so that callers do not
 * find out, one connect timeout each, that it is still dead.
 */
export class SetAside {
  #failures = 0
  #until = 0

  get isAvailable(): boolean {
    return this.#failures === 0
  }

  /**
   * A connection to the node could not be made. Returns the milliseconds to leave it alone for; failures that come
   * while it is aside are echoes of the same trouble and do not count: undefined.
   */
  failed(now: number): number | undefined {
    if (now < this.#until) return undefined
    const pauseMs = Math.min(firstMs * 2 ** this.#failures, longestMs)
    this.#failures++
    this.#until = now + pauseMs
    return pauseMs
  }

  /** The node was reached. */
  succeeded(): void {
    this.#failures = 0
    this.#until = 0
  }
}
