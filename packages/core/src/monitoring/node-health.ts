import { SetAside } from './set-aside.ts'
import type { NodePool } from '../pool/node-pool.ts'

/** A demotion shows in many statements at once; one question is enough. */
const roleQuestionTimeoutMs = 2_000

/**
 * The status of every node, from what traffic meets: a node to which no connection can be made (down, cut off, full,
 * of the wrong role, refusing the password) is put aside, and taken back when a connection in the background succeeds.
 *
 * Asked for on the way of every read, so `isAvailable` is two field reads. Probes, lag and ejection by error rate
 * come to stand beside `SetAside`, behind the same question.
 */
export class NodeHealth {
  readonly #watched = new Map<NodePool, WatchedNode>()

  /** `now`: milliseconds of a steady clock. */
  constructor(pools: Iterable<NodePool>, now: () => number) {
    for (const pool of pools) this.#watched.set(pool, new WatchedNode(pool, now))
  }

  /** False while the node is put aside. */
  isAvailable(pool: NodePool): boolean {
    return this.#watched.get(pool)?.isAvailable ?? true
  }

  /** The node refused a write as read-only (25006): its role is asked for, unless the question is under way. */
  recheckRole(pool: NodePool): void {
    this.#watched.get(pool)?.recheckRole()
  }

  /** Stops reaching out in the background. Before the pools are ended. */
  end(): void {
    for (const watched of this.#watched.values()) watched.end()
  }
}

class WatchedNode {
  readonly #pool: NodePool
  readonly #now: () => number
  readonly #setAside = new SetAside()
  #timer: NodeJS.Timeout | undefined
  #isAskingRole = false
  #isEnded = false

  constructor(pool: NodePool, now: () => number) {
    this.#pool = pool
    this.#now = now
    pool.on('failed', () => this.#failed())
    pool.on('role', () => this.#failed())
    pool.on('connect', () => this.#succeeded())
  }

  get isAvailable(): boolean {
    return this.#setAside.isAvailable
  }

  recheckRole(): void {
    if (this.#isAskingRole || this.#isEnded) return
    this.#isAskingRole = true
    // Whatever the answer or failure is, the pool's events tell it.
    this.#pool.askRole({ timeoutMs: roleQuestionTimeoutMs }).then(
      () => (this.#isAskingRole = false),
      () => (this.#isAskingRole = false),
    )
  }

  end(): void {
    this.#isEnded = true
    clearTimeout(this.#timer)
  }

  #failed(): void {
    if (this.#isEnded) return
    const pauseMs = this.#setAside.failed(this.#now())
    if (pauseMs === undefined) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#reach(), pauseMs)
    this.#timer.unref()
  }

  // A failed attempt comes back as `failed`, a good one as `connect`; an idle connection needs no attempt.
  #reach(): void {
    this.#pool.lease().then(
      (connection) => {
        this.#pool.release(connection)
        this.#succeeded()
      },
      () => {
        if (!this.#setAside.isAvailable) this.#failed()
      },
    )
  }

  #succeeded(): void {
    this.#setAside.succeeded()
    clearTimeout(this.#timer)
  }
}
