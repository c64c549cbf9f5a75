/** Uniform in [0, 1), the same sequence for the same start: a linear congruential generator (Numerical Recipes). */
export function createRandom(start: number): () => number {
  let state = start
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
