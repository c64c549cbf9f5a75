import type { Statement } from '../statement/statement.ts'
import { describeRoute, shardsOf } from './describe-route.ts'
import type { MergePlan } from '../statement/merge-plan.ts'
import type { Route } from './route.ts'

/** Where a statement would go, and why; `String(explanation)` is for people. */
export interface Explanation {
  readonly kind: Statement['kind']
  readonly role: Route['role']
  readonly shards: readonly string[]
  /** Why this role and why these shards, as stable words and the tables or functions that decided. */
  readonly reason: { readonly role: Route['roleReason']; readonly placement: Route['placementReason'] }
  /** The text that the shards get. */
  readonly text: string
  /** How several shards' rows become one result; undefined for one shard. */
  readonly merge: MergePlan | undefined
  readonly statement: Statement
  /** The very value that execution would use. */
  readonly route: Route
  toString(): string
}

export function explain(statement: Statement, route: Route): Explanation {
  const merge = route.kind === 'merge' ? route.plan : undefined
  return {
    kind: statement.kind,
    role: route.role,
    shards: shardsOf(route),
    reason: { role: route.roleReason, placement: route.placementReason },
    text: merge?.text ?? statement.text,
    merge,
    statement,
    route,
    toString: () => describeRoute(statement, route),
  }
}
