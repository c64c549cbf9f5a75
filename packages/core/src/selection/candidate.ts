import type { NodeLoad } from '../topology/node-load.ts'
import type { NodeDescription } from '../topology/topology.ts'

/** A node that may be picked, with what is measured about it. A NodePool is one. */
export interface Candidate {
  readonly node: NodeDescription
  readonly load: NodeLoad
}

/** What selection is told from outside, so that it stays pure. */
export interface SelectionEnvironment {
  /** Milliseconds of a steady clock. */
  readonly now: () => number
  /** Uniform in [0, 1). */
  readonly random: () => number
}
