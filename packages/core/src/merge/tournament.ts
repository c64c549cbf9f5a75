/**
 * A loser tree (Knuth, TAOCP 5.4.1): the smallest head of k sorted sources in log2(k) comparisons per row, half of what
 * a binary heap needs. Equal heads come out in source order, so the merge is deterministic.
 */
export interface Tournament<T> {
  /** The source whose head is smallest, or -1 when all are exhausted. */
  winner(): number
  head(source: number): T | undefined
  /** Gives the winner's source its next head, undefined when it has no more. */
  replace(source: number, head: T | undefined): void
}

export function createTournament<T>(
  heads: (T | undefined)[],
  compare: (left: T, right: T) => number,
): Tournament<T> {
  const count = heads.length
  // losers[1 … count-1] are the inner nodes, losers[0] the overall winner; leaf of source s is node count + s.
  const losers = new Int32Array(Math.max(count, 1)).fill(-1)

  const beats = (left: number, right: number): boolean => {
    const a = heads[left]
    const b = heads[right]
    if (a === undefined || b === undefined) return b === undefined && (a !== undefined || left < right)
    const order = compare(a, b)
    return order < 0 || (order === 0 && left < right)
  }

  const build = (node: number): number => {
    if (node >= count) return node - count
    const left = build(2 * node)
    const right = build(2 * node + 1)
    const isLeft = beats(left, right)
    losers[node] = isLeft ? right : left
    return isLeft ? left : right
  }
  losers[0] = count === 0 ? -1 : build(1)

  return {
    winner() {
      const first = losers[0] ?? -1
      return first === -1 || heads[first] === undefined ? -1 : first
    },
    head: (source) => heads[source],
    replace(source, head) {
      heads[source] = head
      let winner = source
      for (let node = (count + source) >> 1; node > 0; node >>= 1) {
        const loser = losers[node] ?? -1
        if (beats(loser, winner)) {
          losers[node] = winner
          winner = loser
        }
      }
      losers[0] = winner
    },
  }
}
