import fc from 'fast-check'

/** The one source of choice of a generated statement: fast-check draws, so failures shrink and replay by seed. */
export interface Draw {
  /** 0 … max, both inclusive. */
  upTo(max: number): number
  pick<T>(list: readonly T[]): T
  /** True about `percent` times in a hundred. */
  chance(percent: number): boolean
}

export const draws = (): fc.Arbitrary<Draw> =>
  fc.gen().map((generate) => {
    const upTo = (max: number): number => generate(fc.nat, { max })
    return {
      upTo,
      pick: <T>(list: readonly T[]): T => list[upTo(list.length - 1)] as T,
      // Shrinking goes towards 0, which is "no": smaller statements.
      chance: (percent: number): boolean => upTo(99) >= 100 - percent,
    }
  })
