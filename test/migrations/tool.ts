import type { Router } from '@shardline/core'

/** One migration, as every tool is given it in its own form. */
export interface Step {
  /** Letters and digits. */
  readonly name: string
  readonly statements: readonly string[]
  /** Runs outside of any transaction, where the tool has a way to say so. */
  readonly isAlone?: boolean
}

/** A migration tool, used as its page in the documentation says. */
export interface Tool {
  readonly name: string
  /** Brings every shard to the last of these steps. */
  migrate(router: Router, steps: readonly Step[]): Promise<unknown>
  /** Gives a number `count`: how many migrations the book of a server says are applied. */
  readonly book: string
  /** What the report calls a unique violation. */
  readonly errorCode: string
  /** What its own errors have as `cause`, or the error itself. */
  databaseError(error: unknown): unknown
  /** False when the tool puts a transaction around everything. */
  readonly canRunAlone: boolean
}

/** The migrations of the suite: 14 digits of time before the name, for tools that go by it. */
export function timeOf(index: number): string {
  return `2026010100000${index}`
}
