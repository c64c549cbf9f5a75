import type { CompiledQuery } from 'kysely'
import { StatementError, type RouteContext } from '@shardline/core'

// Keyed by the compiled query, not by its id: each compilation has its own hints, and a compiled query that is kept
// and executed again keeps them.
const hints = new WeakMap<CompiledQuery, RouteContext>()

export function setHint(query: CompiledQuery, hint: RouteContext): void {
  hints.set(query, hint)
}

export function hintOf(query: CompiledQuery): RouteContext | undefined {
  return hints.get(query)
}

/** The hints of a query and of one nested in it; there is one server for both, so they must not disagree. */
export function combineHints(outer: RouteContext | undefined, nested: RouteContext): RouteContext {
  if (outer === undefined) return nested
  for (const key of Object.keys(nested) as (keyof RouteContext)[]) {
    if (outer[key] === undefined || outer[key] === nested[key]) continue
    throw new StatementError(
      'HINT_INVALID',
      `Two parts of one query have different hints for "${key}". A query runs as a whole: give the hint to the outermost one only.`,
      { details: { hint: key } },
    )
  }
  return { ...outer, ...nested }
}
