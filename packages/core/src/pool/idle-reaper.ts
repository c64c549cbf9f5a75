import type { Connection } from './connection.ts'
import type { ResolvedNodePoolOptions } from './node-pool-options.ts'

/** Idle connections are looked through no more often than this. */
const leastReaperMs = 20

interface ReaperHost {
  /** Connections that are open. */
  total(): number
  isExpired(connection: Connection): boolean
  remove(connection: Connection): void
}

/**
 * Closes connections that idled or lived for long enough. One timer for all of them; the sockets keep the process alive, if
 * anything shall.
 */
export class IdleReaper {
  readonly #options: ResolvedNodePoolOptions
  /** The pool's own list, from which what is closed is taken out. */
  readonly #idle: Connection[]
  readonly #host: ReaperHost
  #timer: NodeJS.Timeout | undefined

  constructor(options: ResolvedNodePoolOptions, idle: Connection[], host: ReaperHost) {
    this.#options = options
    this.#idle = idle
    this.#host = host
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  watch(): void {
    if (this.#timer !== undefined) return
    const { idleTimeoutMs, maxLifetimeMs } = this.#options
    if (idleTimeoutMs <= 0 && maxLifetimeMs <= 0) return
    const now = performance.now()
    let dueMs = Number.POSITIVE_INFINITY
    for (const { idleSince, openedAt } of this.#idle) {
      if (idleTimeoutMs > 0) dueMs = Math.min(dueMs, idleSince + idleTimeoutMs - now)
      if (maxLifetimeMs > 0) dueMs = Math.min(dueMs, openedAt + maxLifetimeMs - now)
    }
    // Connections that `min` keeps are due all the time.
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        this.#reap()
      },
      Math.max(dueMs, leastReaperMs),
    )
    this.#timer.unref()
  }

  #reap(): void {
    const { idleTimeoutMs, min } = this.#options
    const now = performance.now()
    for (const connection of this.#idle.slice()) {
      const isUnused =
        idleTimeoutMs > 0 && now - connection.idleSince >= idleTimeoutMs && this.#host.total() > min
      if (!isUnused && !this.#host.isExpired(connection)) continue
      this.#idle.splice(this.#idle.indexOf(connection), 1)
      this.#host.remove(connection)
    }
    if (this.#idle.length > 0) this.watch()
  }
}
