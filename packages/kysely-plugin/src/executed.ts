import type { QueryId } from 'kysely'

const executed = new WeakSet<QueryId>()

/** The driver tells that it runs the query. */
export function noteExecuted(queryId: QueryId): void {
  executed.add(queryId)
}

/** True when a driver of this package ran the query: a query that was compiled elsewhere never shows its tree to a plugin. */
export function wasExecuted(queryId: QueryId): boolean {
  return executed.has(queryId)
}
