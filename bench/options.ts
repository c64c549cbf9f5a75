import type { VariantFigures } from './interleave.ts'
import type { Figure } from './report.ts'

export interface BenchOptions {
  readonly rounds: number
  /** Scales the number of operations per round, for loads that are counted. */
  readonly scale: number
  /** How long a round of one variant lasts, for loads that are timed. */
  readonly roundMs: number
  /** Prints a comparison and keeps it among the results. */
  readonly record: (load: string, variants: readonly VariantFigures[]) => void
}

/** What `main.ts` runs by name: measures, records its comparisons, and returns what is held against the targets. */
export type Part = (options: BenchOptions) => Promise<readonly Figure[]>
