import { hasReached, type WalPosition } from '../topology/lsn.ts'

/** The primary's log stood at `position` or beyond when it was asked, at `askedAt` on a steady clock. */
export interface Mark {
  readonly askedAt: number
  readonly position: WalPosition
}

/** Older marks only serve to say how far behind a replica is. */
const mostMarks = 64

/** What a primary said of its log, oldest first. While nothing is written, one mark grows younger instead of adding more. */
export class Marks {
  readonly #marks: Mark[] = []

  add(mark: Mark): void {
    const last = this.#marks.at(-1)?.position
    const isSame = last?.timeline === mark.position.timeline && last.lsn === mark.position.lsn
    if (isSame) this.#marks.pop()
    this.#marks.push(mark)
    if (this.#marks.length > mostMarks) this.#marks.shift()
  }

  /** When the primary was asked that named the youngest position that `reached` includes. */
  lastReached(reached: WalPosition): number | undefined {
    return this.#marks.findLast(({ position }) => hasReached(reached, position))?.askedAt
  }
}

/** What is known of one replica's lag. */
export class ReplicaLag {
  /** The replica has everything that was committed up to then, on a steady clock. */
  #upToDateAt = Number.NEGATIVE_INFINITY
  #position: WalPosition | undefined

  /** Milliseconds that the replica is behind at most; Infinity while nothing is known. */
  lagMs(now: number): number {
    return now - this.#upToDateAt
  }

  replayed(position: WalPosition, marks: Marks): void {
    this.#position = position
    this.compare(marks)
  }

  /** A replica does not go back: where it stood counts for a mark that comes later as well. */
  compare(marks: Marks): void {
    if (this.#position === undefined) return
    const at = marks.lastReached(this.#position)
    if (at !== undefined && at > this.#upToDateAt) this.#upToDateAt = at
  }

  /** Another server may stand behind the same address, earlier in history. */
  forget(): void {
    this.#position = undefined
    this.#upToDateAt = Number.NEGATIVE_INFINITY
  }
}
