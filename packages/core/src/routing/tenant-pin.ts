import { StatementError } from '../errors.ts'
import { relationKey, type KeyedPlacement } from '../statement/catalog.ts'
import type { RoutingInput } from './input.ts'

/**
 * What a tenant context adds: parts of the tenant strategy are narrowed to the tenant, and a part about another
 * tenant is refused.
 */
export interface TenantPin {
  readonly shard: string
  keyFor(placement: KeyedPlacement): string | undefined
}

/** The shard of the context's tenant in the statement's keyspace, by each tenant group's own key type. */
export function tenantPin(
  tenant: string | number | bigint,
  keyspace: string,
  input: RoutingInput,
): TenantPin {
  const keys = new Map<string, string>()
  let shard: string | undefined
  for (const placement of input.tenantPlacements.get(keyspace) ?? []) {
    const location = input.keys.locateTenant(placement, tenant)
    if (location.kind !== 'found') {
      throw new StatementError(
        'SHARD_KEY_VALUE',
        `The tenant of the context is no value of type ${placement.keyType}, which the tenant key "${placement.keyColumn}" has.`,
        { details: { keyType: placement.keyType } },
      )
    }
    if (shard !== undefined && shard !== location.shard) {
      throw new StatementError(
        'CONTEXT_CONFLICT',
        `The tables of keyspace "${keyspace}" with the tenant strategy form several groups, and the tenant lies on different shards in them. Use router.run({ shard }, …) instead.`,
        { details: { keyspace } },
      )
    }
    shard = location.shard
    keys.set(groupKey(placement), location.key)
  }
  if (shard === undefined) {
    throw new StatementError(
      'CONTEXT_CONFLICT',
      `A tenant context needs a table with the tenant strategy, and keyspace "${keyspace}" has none. Run the statement outside of it, or in router.run({ shard }, …).`,
      { details: { keyspace } },
    )
  }
  return { shard, keyFor: (placement) => keys.get(groupKey(placement)) }
}

function groupKey(placement: KeyedPlacement): string {
  return relationKey(placement.group, placement.keyType)
}
