import { hasReached } from '../topology/lsn.ts'
import { replayedPosition } from '../monitoring/wal-position.ts'
import type { NodePool } from '../pool/node-pool.ts'
import type { WalPosition } from '../topology/lsn.ts'

/** Everything that the first `writes` writes of a shard left is in the log up to `position`. */
export interface Floor {
  readonly writes: number
  readonly position: WalPosition
}

/** Pauses between looks at a replica that is behind: it is most often there at once. */
const firstPauseMs = 1
const longestPauseMs = 250
/** Pause after it could not be asked at all. */
const failurePauseMs = 500

/** Finds out when one replica has replayed up to a floor, asking only while there is one it has not reached. */
export class ReplayWatch {
  readonly replica: NodePool
  /** How many of the shard's writes it has certainly replayed; -1 after a break, when nothing is certain. */
  covers = 0
  #floor: Floor | undefined
  #timer: NodeJS.Timeout | undefined
  #pauseMs = firstPauseMs
  #isAsking = false
  #isEnded = false
  /** How often the server behind the pool may have changed. */
  #doubts = 0

  constructor(replica: NodePool) {
    this.replica = replica
    // A server that came back may stand earlier in history than before, or be another one.
    const doubt = (): void => this.#doubt()
    replica.on('broken', doubt)
    replica.on('failed', doubt)
  }

  /** A later floor replaces an earlier one: whoever reaches it has reached both. */
  aim(floor: Floor): void {
    this.#floor = floor
    this.#pauseMs = firstPauseMs
    if (!this.#isAsking) this.#schedule(0)
  }

  end(): void {
    this.#isEnded = true
    clearTimeout(this.#timer)
  }

  #doubt(): void {
    this.#doubts++
    if (this.covers === 0) return
    this.covers = -1
    if (!this.#isAsking && this.#timer === undefined) this.#schedule(failurePauseMs)
  }

  #schedule(pauseMs: number): void {
    if (this.#isEnded) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#ask()
    }, pauseMs)
    this.#timer.unref()
  }

  async #ask(): Promise<void> {
    this.#isAsking = true
    let position: WalPosition | undefined
    let hasFailed = false
    const doubts = this.#doubts
    try {
      position = await replayedPosition(this.replica)
    } catch {
      hasFailed = true
    }
    this.#isAsking = false
    const floor = this.#floor
    if (floor === undefined) return
    const isCertain = this.#doubts === doubts
    if (isCertain && position !== undefined && hasReached(position, floor.position)) {
      this.covers = floor.writes
      return
    }
    this.#schedule(hasFailed ? failurePauseMs : this.#pauseMs)
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs)
  }
}
