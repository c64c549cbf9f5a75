/** A plan that usually takes longer keeps its connection to itself, milliseconds: those behind it would feel it. */
const longMs = 5
/** One run that took longer speaks against the plan, whatever it takes usually. */
const outlierMs = 15
/** Runs that have to be known before a plan shares. */
const leastRuns = 2
/** How much of the average one run makes up. */
const weight = 1 / 8
/** Quick runs in a row that make up for a slow one: at first, and at most. */
const leastProbation = 32
const mostProbation = 8_192
/** Texts of a generation. */
const maxTexts = 5_000

/**
 * How long one plan usually runs on one node.
 *
 * An average alone would forgive a plan that is slow for one key in a hundred, and whose neighbours then wait: such a plan
 * is put on probation, which doubles each time that it is slow again.
 */
export class PlanDuration {
  /** Milliseconds, moving average. */
  usualMs = 0
  #runs = 0
  #probation = 0
  #nextProbation = leastProbation

  /** Whether statements of others may be put behind it. */
  get isShort(): boolean {
    return this.#runs >= leastRuns && this.#probation === 0 && this.usualMs <= longMs
  }

  /** One run took this long on the server and the way there and back. */
  learn(ms: number): void {
    this.usualMs = this.#runs === 0 ? ms : this.usualMs + (ms - this.usualMs) * weight
    if (this.#runs < leastRuns) this.#runs++
    if (ms > outlierMs) {
      this.#probation = this.#nextProbation
      this.#nextProbation = Math.min(this.#nextProbation * 2, mostProbation)
    } else if (this.#probation > 0) {
      this.#probation--
      // The average still holds the slow run; the quick ones since then are what the plan is like.
      if (this.#probation === 0) this.usualMs = Math.min(this.usualMs, ms)
    }
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
