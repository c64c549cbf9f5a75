import { subscribe } from 'node:diagnostics_channel'
import type { StatementTrace } from '@shardline/core'
import type { CompiledQuery, LogEvent } from 'kysely'

/** A statement that the application has run on the cluster, as often as it was run with this text. */
export interface Observed {
  readonly query: CompiledQuery
  readonly times: number
  /** The nodes that were really asked, each once. */
  readonly nodes: readonly string[]
}

/** Watches what goes through Kysely and what Shardline makes of it. */
export class Observation {
  readonly #traces: StatementTrace[] = []
  readonly #queries: CompiledQuery[] = []

  constructor() {
    for (const end of ['end', 'error']) {
      subscribe(`shardline:statement:${end}`, (message) => this.#traces.push(message as StatementTrace))
    }
  }

  /** For Kysely's `log` option. */
  readonly log = (event: LogEvent): void => {
    this.#queries.push(event.query)
  }

  /** What was seen since the last call, in order; the same text in a row counts as one. */
  take(): readonly Observed[] {
    const queries = this.#queries.splice(0)
    const traces = this.#traces.splice(0)
    const observed: Observed[] = []
    for (const [index, query] of queries.entries()) {
      // one trace per statement, in the same order: both are told when a statement has ended
      const asked = traces.length === queries.length ? traces[index]?.nodes : undefined
      const nodes = (asked ?? []).map(({ name }) => name)
      const last = observed.at(-1)
      if (last?.query.sql === query.sql) {
        observed[observed.length - 1] = {
          ...last,
          times: last.times + 1,
          nodes: [...new Set([...last.nodes, ...nodes])],
        }
      } else observed.push({ query, times: 1, nodes: [...new Set(nodes)] })
    }
    return observed
  }
}
