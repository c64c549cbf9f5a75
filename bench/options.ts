export interface BenchOptions {
  readonly rounds: number
  /** Scales the number of operations per round. */
  readonly scale: number
}
