import { subscribe } from 'node:diagnostics_channel'
import type { StatementTrace } from '@shardline/core'
import type { CompiledQuery, LogEvent } from 'kysely'

const bulkParameters = 100

/** A statement that the application has run on the cluster, and how often in a row. */
export interface Observed {
  readonly query: CompiledQuery
  readonly times: number
  /** The nodes that were really asked; none for BEGIN, which waits, and for what was refused. */
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

  /** What was seen since the last call, in order; a bulk statement that repeats counts as one. */
  take(): readonly Observed[] {
    const traces = this.#traces.splice(0)
    const observed: Observed[] = []
    for (const query of this.#queries.splice(0)) {
      // what was held back (BEGIN) or refused has reached no node and left no trace
      const word = query.sql.split(' ', 1)[0]?.toUpperCase() ?? ''
      const trace = traces[0]?.summary.startsWith(word) ? traces.shift() : undefined
      const nodes = (trace?.nodes ?? []).map(({ name }) => name)
      const last = observed.at(-1)
      if (last !== undefined && last.query.sql === query.sql && query.parameters.length >= bulkParameters) {
        observed[observed.length - 1] = { ...last, times: last.times + 1 }
      } else observed.push({ query, times: 1, nodes })
    }
    return observed
  }
}
