/** A plan that usually takes longer keeps its connection to itself, milliseconds: those behind it would feel it. */
const longMs = 5
/** A run that takes longer than this is felt by those behind it, milliseconds. */
const outlierMs = 15
/** What a plan's slow runs may cost per run, milliseconds: a stall of the machine now and then is nobody's fault. */
const mostTailMs = 0.75
/** Runs that have to be known before a plan shares. */
const leastRuns = 2
/** How much of the averages one run makes up: quick for the usual duration, slow for what is rare. */
const weight = 1 / 8
const tailWeight = 1 / 256
/** Texts of a generation. */
const maxTexts = 5_000

/**
 * How long one plan usually runs on one node.
 *
 * The usual duration alone would forgive a plan that is slow for one key in a hundred, and whose neighbours then wait. So
 * slow runs are averaged apart and over many runs: one of 200 ms keeps the plan to itself for dozens of runs, one in a
 * hundred for good, while a plan that was once held up for 30 ms goes on sharing.
 */
export class PlanDuration {
  /** Milliseconds, moving average. */
  usualMs = 0
  #tailMs = 0
  #runs = 0

  /** Whether statements of others may be put behind it. */
  get isShort(): boolean {
    return this.#runs >= leastRuns && this.usualMs <= longMs && this.#tailMs <= mostTailMs
  }

  /** Known, and not short. */
  get isLong(): boolean {
    return this.#runs >= leastRuns && !this.isShort
  }

  /** One run took this long on the server and the way there and back. */
  learn(ms: number): void {
    const usual = Math.min(ms, outlierMs)
    this.usualMs = this.#runs === 0 ? usual : this.usualMs + (usual - this.usualMs) * weight
    this.#tailMs += ((ms > outlierMs ? ms : 0) - this.#tailMs) * tailWeight
    if (this.#runs < leastRuns) this.#runs++
  }
}

/** The durations of a node's plans by their texts, in two generations: a look-up of a known text is one `Map.get`. */
export class PlanDurations {
  #young = new Map<string, PlanDuration>()
  #old = new Map<string, PlanDuration>()

  of(text: string): PlanDuration {
    const known = this.#young.get(text)
    if (known !== undefined) return known
    const duration = this.#old.get(text) ?? new PlanDuration()
    if (this.#young.size >= maxTexts) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(text, duration)
    return duration
  }
}
