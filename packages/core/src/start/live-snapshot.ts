import type { Snapshot } from './snapshot.ts'

/** Pause before catalogs that could not be read after DDL are asked for again. */
const retryPauseMs = 500

/** The snapshot in force, and when it is read anew. */
export class LiveSnapshot {
  current: Snapshot
  readonly #read: (previous: Snapshot) => Promise<Snapshot>
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined
  /** DDL has run of which `current` knows nothing. */
  #isStale = false
  /** DDL on every shard makes them differ until the last one has run it: their catalogs are read when all have. */
  #rounds = 0
  #isEnded = false

  constructor(first: Snapshot, read: (previous: Snapshot) => Promise<Snapshot>) {
    this.current = first
    this.#read = read
  }

  /**
   * Reads the catalogs. Concurrent calls share one reading; a call that comes while one is under way starts another
   * after it, because what is being read may be older than the change that the caller wants to see.
   */
  refresh(): Promise<void> {
    if (this.#running === undefined) return this.#start()
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined
        return this.#start()
      })
    return this.#next
  }

  /** Never rejects: the DDL has run, whatever comes of reading what it did, and its caller must not think it failed. */
  async afterDdl(): Promise<void> {
    this.#isStale = true
    if (this.#rounds > 0) return
    await this.refresh().catch(() => this.#refreshLater())
  }

  /** Runs work on all shards, and reads afterwards what its DDL did. */
  async duringRound<T>(work: () => Promise<T>): Promise<T> {
    this.#rounds += 1
    try {
      return await work()
    } finally {
      this.#rounds -= 1
      if (this.#isStale) await this.afterDdl()
    }
  }

  end(): void {
    this.#isEnded = true
  }

  #start(): Promise<void> {
    const own = this.#readOnce().finally(() => {
      if (this.#running === own) this.#running = undefined
    })
    this.#running = own
    return own
  }

  async #readOnce(): Promise<void> {
    this.current = await this.#read(this.current)
    this.#isStale = false
  }

  #refreshLater(): void {
    if (this.#isEnded) return
    setTimeout(() => {
      if (this.#isStale) void this.afterDdl()
    }, retryPauseMs).unref()
  }
}
