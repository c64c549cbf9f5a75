import { ReplayWatch } from './replay-watch.ts'
import { writtenPosition } from '../monitoring/wal-position.ts'
import type { NodePool } from '../pool/node-pool.ts'

export interface ShardPools {
  readonly name: string
  readonly primary: NodePool
  readonly replicas: readonly NodePool[]
}

/** Pauses before the primary is asked where its log stands; longer while writes come faster than replicas confirm. */
const firstPauseMs = 1
const longestPauseMs = 50
/** The primary is asked no more often than this, however well it pays. */
const leastGapMs = 4
const failurePauseMs = 500

/**
 * Read-your-writes for the process as one session.
 *
 * After a write to a shard none of its replicas is eligible until it has replayed up to a position that the primary
 * named after the write was acknowledged. The position is asked for in the background, so a write costs nothing; until
 * it is known and reached, reads go to the primary. A shard that this process has not written to costs one compare.
 *
 * Not covered: commits made asynchronous inside a transaction (`SET LOCAL synchronous_commit = off`), unless
 * `markWritten` is told so.
 */
export class SessionFloors {
  readonly #shards = new Map<string, ShardFloor>()

  constructor(shards: Iterable<ShardPools>) {
    for (const shard of shards) this.#shards.set(shard.name, new ShardFloor(shard))
  }

  /**
   * A write on the shard was acknowledged, or may have happened. Call it before the caller learns of the outcome.
   * `hasAsyncCommit`: the transaction switched `synchronous_commit` off by itself.
   */
  markWritten(shard: string, hasAsyncCommit = false): void {
    this.#shards.get(shard)?.markWritten(hasAsyncCommit)
  }

  /** True when the replica certainly has everything that this process wrote to the shard. */
  isReplicaEligible(shard: string, node: string): boolean {
    const floor = this.#shards.get(shard)
    return floor === undefined || floor.writes === 0 || floor.coveredBy(node)
  }

  /** Stops asking. Before the pools are ended. */
  end(): void {
    for (const shard of this.#shards.values()) shard.end()
  }
}

class ShardFloor {
  /** Writes so far: the session's clock on this shard. */
  writes = 0
  readonly #primary: NodePool
  readonly #watches = new Map<string, ReplayWatch>()
  #hasAsyncCommits = false
  #isScheduled = false
  #isEnded = false
  #pauseMs = firstPauseMs
  #timer: NodeJS.Timeout | undefined
  /** Steady clock, milliseconds. */
  #askedAt = Number.NEGATIVE_INFINITY

  constructor(shard: ShardPools) {
    this.#primary = shard.primary
    for (const replica of shard.replicas) this.#watches.set(replica.node.name, new ReplayWatch(replica))
  }

  coveredBy(node: string): boolean {
    return this.#watches.get(node)?.covers === this.writes
  }

  markWritten(hasAsyncCommit: boolean): void {
    if (this.#watches.size === 0) return
    this.writes++
    if (hasAsyncCommit) this.#hasAsyncCommits = true
    if (!this.#isScheduled) this.#schedule(this.#pauseMs)
  }

  end(): void {
    this.#isEnded = true
    clearTimeout(this.#timer)
    for (const watch of this.#watches.values()) watch.end()
  }

  #schedule(pauseMs: number): void {
    if (this.#isEnded) return
    this.#isScheduled = true
    const gapMs = this.#askedAt + leastGapMs - performance.now()
    this.#timer = setTimeout(() => void this.#ask(), Math.max(pauseMs, gapMs))
    this.#timer.unref()
  }

  async #ask(): Promise<void> {
    this.#askedAt = performance.now()
    const writes = this.writes
    const hasAsyncCommits = this.#hasAsyncCommits
    try {
      const position = await writtenPosition(this.#primary, hasAsyncCommits)
      if (position === undefined) throw new Error('the primary did not say where its log stands')
      this.#isScheduled = false
      for (const watch of this.#watches.values()) watch.aim({ writes, position })
    } catch {
      this.#schedule(failurePauseMs)
      return
    }
    if (this.writes === writes) {
      this.#hasAsyncCommits = false
      this.#pauseMs = firstPauseMs
      return
    }
    // Written again meanwhile: this floor opens no replica. While it goes on like this, ask less often.
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs)
    this.#schedule(this.#pauseMs)
  }
}
