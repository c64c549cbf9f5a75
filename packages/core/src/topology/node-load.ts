/** No node is taken to be faster than this, so that what is in flight counts also on one that was long unasked. */
const fastestMs = 0.05

/**
 * How busy a node is and how fast it answers, measured apart from how replicas are picked.
 *
 * The latency is a peak-sensitive moving average (the idea of Finagle's and Tower's peak EWMA): a slow answer counts
 * at once and in full, fast answers win it back with the time constant `decayMs`, so a node that stalls is left alone
 * quickly and comes back gently.
 */
export class NodeLoad {
  readonly #decayMs: number
  /** Statements sent and not yet answered. */
  inFlight = 0
  #latencyMs: number
  #updatedAt = 0

  /** `decayMs`: after this time an old measurement weighs 1/e. `initialMs`: what an unmeasured node is taken to need. */
  constructor(decayMs = 10_000, initialMs = 1) {
    this.#decayMs = decayMs
    this.#latencyMs = initialMs
  }

  started(): void {
    this.inFlight++
  }

  /** A statement was answered `latencyMs` after it was sent; `now` in milliseconds of any steady clock. */
  finished(now: number, latencyMs: number): void {
    this.inFlight--
    const elapsed = now - this.#updatedAt
    this.#updatedAt = now
    if (latencyMs >= this.#latencyMs) {
      this.#latencyMs = latencyMs
      return
    }
    const weight = Math.exp(-elapsed / this.#decayMs)
    this.#latencyMs = this.#latencyMs * weight + latencyMs * (1 - weight)
  }

  /** A statement ended without an answer that says anything about speed. */
  abandoned(): void {
    this.inFlight--
  }

  /** The measured latency, decayed to `now`: a node nobody asks is tried again some day. */
  latencyMs(now: number): number {
    const elapsed = now - this.#updatedAt
    return elapsed <= 0 ? this.#latencyMs : this.#latencyMs * Math.exp(-elapsed / this.#decayMs)
  }

  /** Expected cost of one more statement: what p2c compares. */
  cost(now: number): number {
    return Math.max(this.latencyMs(now), fastestMs) * (this.inFlight + 1)
  }
}
