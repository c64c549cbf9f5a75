/**
 * The automatic prepared statements of one physical connection: at most `limit`, the longest unused goes first.
 *
 * It may list names that the server does not have (a Parse that failed), never miss one that it has, so closing the
 * evicted ones bounds the server's memory.
 */
export class PreparedStatements {
  readonly #limit: number
  readonly #lastUse = new Map<string, { at: number }>()
  #clock = 0
  /** Names to close along with the next statement that is sent. */
  readonly #toClose: string[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#lastUse.size
  }

  /** Counts a use of the name, evicting another one when it is new and there is no room. */
  use(name: string): void {
    const use = this.#lastUse.get(name)
    if (use !== undefined) {
      use.at = ++this.#clock
      return
    }
    if (this.#lastUse.size >= this.#limit) this.#evict()
    this.#lastUse.set(name, { at: ++this.#clock })
  }

  /** The server no longer has it, or has it with a stale plan: it is closed and parsed again on its next use. */
  forget(name: string): void {
    // Also one that is not listed: it may have been evicted while statements that rely on it were on their way.
    this.#lastUse.delete(name)
    this.#toClose.push(name)
  }

  /** After DISCARD or DEALLOCATE: whatever they left is closed before it is parsed again. */
  forgetAll(): void {
    for (const name of this.#lastUse.keys()) this.#toClose.push(name)
    this.#lastUse.clear()
  }

  /** Hands over the names to be closed now; undefined when there are none. */
  takeClosed(): string[] | undefined {
    return this.#toClose.length === 0 ? undefined : this.#toClose.splice(0)
  }

  // A scan instead of an ordered list: it runs once per Parse beyond the limit and is cheap beside that round trip,
  // while an ordered list would cost on every use.
  #evict(): void {
    let oldest: string | undefined
    let oldestAt = Number.POSITIVE_INFINITY
    for (const [name, use] of this.#lastUse) {
      if (use.at >= oldestAt) continue
      oldest = name
      oldestAt = use.at
    }
    if (oldest !== undefined) this.forget(oldest)
  }
}
