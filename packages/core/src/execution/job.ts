import type { WireQuery } from '../pool/wire-query.ts'
import type { Route } from '../routing/route.ts'
import type { Statement } from '../statement/statement.ts'
import type { StatementObserver } from '../telemetry/statement-trace.ts'

/** A decided statement on its way to the servers. */
export interface Job<R extends Route = Route> {
  readonly statement: Statement
  readonly route: R
  readonly query: WireQuery
  /** Undefined while nobody listens. */
  readonly observer: StatementObserver | undefined
}
