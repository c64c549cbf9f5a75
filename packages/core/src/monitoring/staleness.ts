import { TopologyError } from '../errors.ts'
import { Marks, ReplicaLag } from './replica-lag.ts'
import { replayedPosition, writtenPosition } from './wal-position.ts'
import type { NodePool } from '../pool/node-pool.ts'

export interface StalenessOptions {
  readonly maxLagMs: number
  /** Milliseconds of a steady clock. */
  readonly now: () => number
}

interface ShardPools {
  readonly name: string
  readonly primary: NodePool
  readonly replicas: readonly NodePool[]
}

/** Primaries are asked this many times per `maxLagMs`, within the bounds. */
const questionsPerLag = 4
const shortestPeriodMs = 5
const longestPeriodMs = 1_000
/** Pause after a node could not be asked at all. */
const failurePauseMs = 500

/**
 * Bounded staleness: a replica is within `maxLagMs` when it is known to have replayed a position that its primary named
 * no longer ago than that.
 *
 * Positions are compared, never timestamps of transactions: a primary that writes nothing goes on naming the position
 * that its replicas have, so it cannot be mistaken for lagging ones, and no clock of a server matters. A primary that
 * cannot be asked names nothing, and `maxLagMs` later no replica is within the bound.
 *
 * Not covered, as in `SessionFloors`: commits made asynchronous inside a transaction count from when they are written
 * to the log, up to three times `wal_writer_delay` later.
 */
export class Staleness {
  readonly #maxLagMs: number
  readonly #now: () => number
  readonly #shards: readonly ShardWatch[]
  readonly #replicas = new Map<NodePool, ReplicaWatch>()

  constructor(shards: Iterable<ShardPools>, { maxLagMs, now }: StalenessOptions) {
    this.#maxLagMs = maxLagMs
    this.#now = now
    const periodMs = Math.min(Math.max(maxLagMs / questionsPerLag, shortestPeriodMs), longestPeriodMs)
    this.#shards = [...shards]
      .filter(({ replicas }) => replicas.length > 0)
      .map((shard) => new ShardWatch(shard, periodMs, now))
    for (const { replicas } of this.#shards) for (const one of replicas) this.#replicas.set(one.pool, one)
  }

  /** True when the replica is certainly no more than `maxLagMs` behind its primary. */
  isWithin(replica: NodePool): boolean {
    const watch = this.#replicas.get(replica)
    return watch !== undefined && watch.lag.lagMs(this.#now()) <= this.#maxLagMs
  }

  /** Why a read of the shard has no node: none of these replicas is within the bound, and the primary is away. */
  refusal(shard: string, replicas: readonly NodePool[]): TopologyError {
    const now = this.#now()
    const lags = replicas.map((pool) => {
      const lagMs = this.#replicas.get(pool)?.lag.lagMs(now) ?? Number.POSITIVE_INFINITY
      return { node: pool.node.name, lagMs: Number.isFinite(lagMs) ? Math.round(lagMs) : undefined }
    })
    const list = lags
      .map(({ node, lagMs }) => `${node}: ${lagMs === undefined ? 'unknown' : `${lagMs} ms`}`)
      .join(', ')
    return new TopologyError(
      'NO_NODE_AVAILABLE',
      `No replica of shard "${shard}" is within ${this.#maxLagMs} ms (${list}), and its primary cannot be reached. Raise maxLagMs or bring the primary back.`,
      { details: { shard, maxLagMs: this.#maxLagMs, lags } },
    )
  }

  /** Stops asking. Before the pools are ended. */
  end(): void {
    for (const shard of this.#shards) shard.end()
  }
}

/** Asks one shard's primary again and again, and its replicas whenever the primary has answered or failed to. */
class ShardWatch {
  readonly replicas: readonly ReplicaWatch[]
  readonly #primary: NodePool
  readonly #periodMs: number
  readonly #now: () => number
  readonly #marks = new Marks()
  #timer: NodeJS.Timeout | undefined
  #isEnded = false

  constructor(shard: ShardPools, periodMs: number, now: () => number) {
    this.#primary = shard.primary
    this.#periodMs = periodMs
    this.#now = now
    this.replicas = shard.replicas.map((pool) => new ReplicaWatch(pool, this.#marks, now))
    void this.#ask()
  }

  end(): void {
    this.#isEnded = true
    clearTimeout(this.#timer)
  }

  async #ask(): Promise<void> {
    // Before the question leaves: the answer holds for a later moment, so the age that is counted is an upper bound.
    const askedAt = this.#now()
    let hasFailed = false
    try {
      const position = await writtenPosition(this.#primary, false)
      if (position === undefined) hasFailed = true
      else this.#marks.add({ askedAt, position })
    } catch {
      hasFailed = true
    }
    if (this.#isEnded) return
    for (const replica of this.replicas) {
      replica.lag.compare(this.#marks)
      void replica.ask()
    }
    const nextAt = askedAt + (hasFailed ? Math.max(failurePauseMs, this.#periodMs) : this.#periodMs)
    this.#timer = setTimeout(() => void this.#ask(), Math.max(nextAt - this.#now(), 1))
    this.#timer.unref()
  }
}

class ReplicaWatch {
  readonly pool: NodePool
  readonly lag = new ReplicaLag()
  readonly #marks: Marks
  readonly #now: () => number
  #isAsking = false
  #pausedUntil = 0
  /** How often the server behind the pool may have changed. */
  #doubts = 0

  constructor(pool: NodePool, marks: Marks, now: () => number) {
    this.pool = pool
    this.#marks = marks
    this.#now = now
    const doubt = (): void => {
      this.#doubts++
      this.lag.forget()
    }
    pool.on('broken', doubt)
    pool.on('failed', doubt)
  }

  /** Unless it is being asked, or could not be asked a moment ago. */
  async ask(): Promise<void> {
    if (this.#isAsking || this.#now() < this.#pausedUntil) return
    this.#isAsking = true
    const doubts = this.#doubts
    try {
      const position = await replayedPosition(this.pool)
      if (position === undefined) this.lag.forget()
      else if (doubts === this.#doubts) this.lag.replayed(position, this.#marks)
    } catch {
      this.#pausedUntil = this.#now() + failurePauseMs
    }
    this.#isAsking = false
  }
}
