/** How long a read waits here at most, milliseconds, before it takes whatever connection comes free. */
const patienceMs = 1_000
/** So long after the last short read, nothing is kept for the next one. */
const quietMs = 1_000

interface Waiting {
  readonly start: () => void
  readonly patience: NodeJS.Timeout
}

/**
 * Keeps reads that are known to be long off one connection, while short ones are about: otherwise a few of them hold every
 * connection, and short reads have none to share.
 *
 * It only orders reads among each other, and only for a moment: a long read waits for other long reads to end, never for
 * longer than its patience, so nobody is kept waiting for a lease or a lock that a plain pool would not have waited for.
 */
export class LongReads {
  readonly #most: number
  readonly #waiting = new Set<Waiting>()
  #running = 0
  #shortAt = Number.NEGATIVE_INFINITY

  /** `connections`: the pool's `max`; with one, nothing can be kept. */
  constructor(connections: number) {
    this.#most = connections > 1 ? connections - 1 : Number.POSITIVE_INFINITY
  }

  get waitingCount(): number {
    return this.#waiting.size
  }

  /** Whether the next one has to wait. */
  get isFull(): boolean {
    return this.#running >= this.#most && performance.now() - this.#shortAt <= quietMs
  }

  sawShort(): void {
    this.#shortAt = performance.now()
  }

  /** Calls `start` now or when its turn comes; each start is followed by one `ended`. */
  admit(start: () => void): void {
    if (!this.isFull) {
      this.#running++
      start()
      return
    }
    const waiting: Waiting = { start, patience: setTimeout(() => this.#serve(waiting), patienceMs) }
    this.#waiting.add(waiting)
  }

  ended(): void {
    this.#running--
    if (this.#running < this.#most) this.#serveFirst()
  }

  /** For the end of the pool, which answers whoever comes then. */
  flush(): void {
    for (const waiting of this.#waiting) this.#serve(waiting)
  }

  #serveFirst(): void {
    for (const waiting of this.#waiting) {
      this.#serve(waiting)
      return
    }
  }

  #serve(waiting: Waiting): void {
    clearTimeout(waiting.patience)
    this.#waiting.delete(waiting)
    this.#running++
    waiting.start()
  }
}
