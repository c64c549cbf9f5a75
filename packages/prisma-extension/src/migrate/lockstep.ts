/** Lets several go step by step: nobody begins a step before all have ended the one before, or after anyone has failed. */
export class Lockstep {
  readonly #parties: number
  #waiting: ((mayGoOn: boolean) => void)[] = []
  #hasFailed = false
  #gone = 0

  constructor(parties: number) {
    this.#parties = parties
  }

  /** Resolves when all others have come as well: true when all are to go on, false when one has failed. */
  arrive(): Promise<boolean> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#meet()
    })
  }

  /** Comes to no further step. */
  leave(hasFailed: boolean): void {
    this.#gone += 1
    this.#hasFailed ||= hasFailed
    this.#meet()
  }

  #meet(): void {
    if (this.#waiting.length + this.#gone < this.#parties) return
    const all = this.#waiting
    this.#waiting = []
    for (const go of all) go(!this.#hasFailed)
  }
}
