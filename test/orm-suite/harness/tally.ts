import type { Logged } from './statement-log.ts'

/** Counts, over the scenarios of ordinary models, how many statements ran on one shard only. */
export class Tally {
  #statements = 0
  readonly #onSeveral: string[] = []

  /** What the servers logged of one operation. A text that several shards ran is one statement that went to all of them. */
  count(logged: readonly Logged[]): void {
    const byText = Map.groupBy(logged, ({ text }) => text)
    for (const [text, runs] of byText) {
      const perShard = Map.groupBy(runs, ({ node }) => shardOf(node.name))
      const times = Math.max(...[...perShard.values()].map(({ length }) => length))
      this.#statements += times
      if (perShard.size > 1) for (let index = 0; index < times; index++) this.#onSeveral.push(text)
    }
  }

  get statements(): number {
    return this.#statements
  }

  /** Texts that several shards ran. */
  get onSeveral(): readonly string[] {
    return this.#onSeveral
  }

  get percentage(): number {
    return this.#statements === 0
      ? 100
      : (100 * (this.#statements - this.#onSeveral.length)) / this.#statements
  }
}

/** `s0p` and `s0r1` are nodes of `s0`. */
function shardOf(node: string): string {
  return node.slice(0, 2)
}
