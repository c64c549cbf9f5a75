import { StatementError } from '../errors.ts'
import { serverError } from './server-error.ts'
import type { WireQuery } from '../pool/wire-query.ts'
import type { RouteContext } from '../routing/context.ts'
import type { Route } from '../routing/route.ts'
import type { Statement } from '../statement/statement.ts'
import type { Engine } from './engine.ts'

/** A query whose wire text may be replaced by the plan's own copy of it. */
export interface PlannedQuery extends WireQuery {
  text: string
  mayPrepare: boolean
  mayShare: boolean
}

const none: readonly unknown[] = []

/** The plan of a query's text; the query takes over the plan's string, whose hash is known. */
export function planQuery(engine: Engine, query: PlannedQuery): Statement {
  const statement = engine.plan(query.text)
  if (statement.text === query.text) query.text = statement.text
  query.mayPrepare = isPreparable(statement)
  query.mayShare = isShareable(statement)
  return statement
}

/** One of the kinds that PostgreSQL plans; of all others a prepared statement saves nothing. */
function isPreparable({ kind }: Statement): boolean {
  return kind === 'select' || kind === 'insert' || kind === 'update' || kind === 'delete' || kind === 'merge'
}

/** A read by its text alone: what a hint or a refusal on a standby says of its role makes no difference. */
function isShareable({ kind, reason, pins, isSessionChanging, role }: Statement): boolean {
  return (
    kind === 'select' &&
    reason.rule === 'read' &&
    role === 'replica' &&
    pins === undefined &&
    !isSessionChanging
  )
}

/** Where the statement goes with these values. Throws StatementError. */
export function routeQuery(
  engine: Engine,
  statement: Statement,
  query: WireQuery,
  context: RouteContext | undefined,
): Route {
  const { values } = query
  return engine.route(statement, Array.isArray(values) ? values : none, context)
}

/** True when reading the catalogs again may change the answer. */
export function isUnknownTable(error: unknown): boolean {
  return error instanceof StatementError && error.code === 'UNKNOWN_TABLE'
}

/** A refusal as the application sees it: text that does not parse fails as PostgreSQL fails it. */
export function toRefusal(engine: Engine, error: unknown): unknown {
  if (!(error instanceof StatementError) || error.code !== 'STATEMENT_UNPARSABLE') return error
  const { sqlState, position } = error.details
  if (typeof sqlState !== 'string') return error
  return serverError(engine.pg, {
    code: sqlState,
    message: error.message,
    ...(typeof position === 'number' ? { position } : {}),
  })
}
