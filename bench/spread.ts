/** What a figure was over the rounds of a run. */
export interface Spread {
  readonly median: number
  readonly min: number
  /** The quarter of the rounds below, and above. */
  readonly q1: number
  readonly q3: number
  readonly max: number
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  return {
    median: quantile(sorted, 0.5),
    min: quantile(sorted, 0),
    q1: quantile(sorted, 0.25),
    q3: quantile(sorted, 0.75),
    max: quantile(sorted, 1),
  }
}

/** Between two values, what lies at that part of the way between them. */
function quantile(sorted: readonly number[], part: number): number {
  const at = (sorted.length - 1) * part
  const below = sorted[Math.floor(at)] ?? Number.NaN
  const above = sorted[Math.ceil(at)] ?? Number.NaN
  return below + (above - below) * (at - Math.floor(at))
}
