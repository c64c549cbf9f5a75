import type { PlacementPart, Statement } from '../statement/statement.ts'
import type { RouteContext } from './context.ts'
import { effectiveContext, refuseWriteOnReplica, type EffectiveContext } from './effective-context.ts'
import type { RoutingInput } from './input.ts'
import { placeStatement } from './place-statement.ts'
import type { PlacedStatement } from './placed-statement.ts'
import type { Route, SingleRoute } from './route.ts'

type KeyedPart = Extract<PlacementPart, { kind: 'keyed' }>

export type RouteStatement = (
  statement: Statement,
  values: readonly unknown[],
  context: RouteContext | undefined,
) => Route

/**
 * Closes the routing decision over one snapshot of the cluster. The decision is synchronous and pure, so that
 * `explain` shows exactly what execution does; routes to one shard are remembered per statement, which makes
 * the usual decision a look-up instead of an allocation.
 *
 * The returned function throws StatementError when no placement is provably right; nothing has been sent then.
 */
export function createRouting(input: RoutingInput): RouteStatement {
  const memory = new WeakMap<Statement, PlainDecision>()

  return (statement, values, context) => {
    if (context !== undefined) {
      refuseWriteOnReplica(statement, context)
      const effective = effectiveContext(statement, context, input.consistency)
      return toRoute(statement, effective, placeStatement(statement, values, effective, input))
    }
    let plain = memory.get(statement)
    if (plain === undefined) {
      refuseWriteOnReplica(statement, undefined)
      plain = {
        effective: effectiveContext(statement, undefined, input.consistency),
        sole: solePart(statement, input),
        byKey: new Map(),
        singles: new Map(),
      }
      memory.set(statement, plain)
    }
    if (plain.sole !== undefined) {
      const resolution = input.keys.resolve(plain.sole.placement, plain.sole.set, values)
      const [shard] = resolution.kind === 'some' && resolution.shards.length === 1 ? resolution.shards : none
      const known = shard === undefined ? undefined : plain.byKey.get(shard)
      if (known !== undefined) return known
    }
    const placed = placeStatement(statement, values, plain.effective, input)
    if (placed.kind !== 'single') return toRoute(statement, plain.effective, placed)
    // The rule is part of the key: contradictory parameters can send a statement to a shard for another reason.
    const key = `${placed.shard}\n${placed.reason.rule}`
    let route = plain.singles.get(key)
    if (route === undefined) {
      route = toRoute(statement, plain.effective, placed) as SingleRoute
      plain.singles.set(key, route)
      if (plain.sole !== undefined && isBySole(placed.reason.rule)) plain.byKey.set(placed.shard, route)
    }
    return route
  }
}

const isBySole = (rule: SingleRoute['placementReason']['rule']): boolean =>
  rule === 'shard-key' || rule === 'routable-id'

const none: readonly string[] = []

/**
 * The only part of a statement of which nothing else matters to its placement: then equal shards mean equal routes,
 * and the second decision for a shard is two look-ups.
 */
function solePart(statement: Statement, input: RoutingInput): KeyedPart | undefined {
  const { parts, refusal, rows, assignments, writesReference } = statement.placement
  const [part] = parts
  const isSole =
    parts.length === 1 &&
    refusal === undefined &&
    rows === undefined &&
    assignments.length === 0 &&
    !writesReference &&
    statement.hints.shard === undefined &&
    statement.hints.tenant === undefined &&
    input.topology.shards.size > 1
  return isSole && part?.kind === 'keyed' ? part : undefined
}

/** The decision for callers without a context: what does not depend on values is made once per statement. */
interface PlainDecision {
  readonly effective: EffectiveContext
  readonly sole: KeyedPart | undefined
  /** Routes of the sole part's shards, when its key alone decided. */
  readonly byKey: Map<string, SingleRoute>
  /** Routes by shard and rule. */
  readonly singles: Map<string, SingleRoute>
}

function toRoute(statement: Statement, effective: EffectiveContext, placed: PlacedStatement): Route {
  const { reason, ...where } = placed
  return {
    ...where,
    role: effective.role,
    roleReason: statement.reason,
    placementReason: reason,
    consistency: effective.consistency,
    workload: effective.workload,
  }
}
