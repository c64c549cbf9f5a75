import { StatementError } from '../errors.ts'
import type { RouteContext } from '../routing/context.ts'

/**
 * The context of one statement laid over the one it runs in: it may say more, and choose another role, consistency or
 * workload, but neither leave the outer tenant nor the outer shard.
 */
export function layContext(
  outer: RouteContext | undefined,
  inner: RouteContext | undefined,
): RouteContext | undefined {
  if (inner === undefined) return outer
  if (outer === undefined) return inner
  if (
    outer.tenant !== undefined &&
    inner.tenant !== undefined &&
    String(outer.tenant) !== String(inner.tenant)
  ) {
    throw new StatementError(
      'TENANT_CONTRADICTED',
      'The statement asks for another tenant than the context it runs in. Run it outside of router.run({ tenant }, …), or in a context of its own tenant.',
    )
  }
  if (outer.shard !== undefined && inner.shard !== undefined && outer.shard !== inner.shard) {
    throw new StatementError(
      'CONTEXT_CONFLICT',
      `The statement asks for shard "${inner.shard}" inside a context that is pinned to shard "${outer.shard}". Run it outside of that context.`,
      { details: { outer: outer.shard, inner: inner.shard } },
    )
  }
  return { ...outer, ...inner }
}
