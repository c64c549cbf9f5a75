import type { QueryId } from 'kysely'

const executed: unique symbol = Symbol('shardline.executed')
/** Those that an application froze. */
const executedFrozen = new WeakSet<QueryId>()

interface Noted {
  [executed]?: true
}

/** The driver tells that it runs the query. Noted on the id itself: adding every id to a weak set costs more than a lease. */
export function noteExecuted(queryId: QueryId): void {
  if (Object.isExtensible(queryId)) (queryId as Noted)[executed] = true
  else executedFrozen.add(queryId)
}

/** True when a driver of this package ran the query: a query that was compiled elsewhere never shows its tree to a plugin. */
export function wasExecuted(queryId: QueryId): boolean {
  return (queryId as Noted)[executed] === true || executedFrozen.has(queryId)
}
