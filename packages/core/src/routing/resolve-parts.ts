import { StatementError } from '../errors.ts'
import type { KeyedPlacement } from '../statement/catalog.ts'
import type { PlacementPart, Statement } from '../statement/statement.ts'
import type { KeyspaceDescription } from '../topology/topology.ts'
import type { KeyResolution, RoutingInput } from './input.ts'

/** The shards that matter to one statement with its values, before the number of them is judged. */
export interface ResolvedParts {
  /** Shards of the parts that hold any row that matters, in the keyspace's order. */
  readonly shards: readonly string[]
  /** True when every part's keys contradict each other: no row matters anywhere. */
  readonly isEmpty: boolean
  /** True when some part's keys are not bounded at all. */
  readonly isUnbounded: boolean
  /** The table that widened the set to every shard, for the error message. */
  readonly unboundedTable: string | undefined
}

/**
 * What a tenant context adds: parts of the tenant strategy are narrowed to the tenant, and a part about another
 * tenant is refused.
 */
export interface TenantPin {
  readonly shard: string
  keyFor(placement: KeyedPlacement): string | undefined
}

export function resolveParts(
  statement: Statement,
  values: readonly unknown[],
  keyspace: KeyspaceDescription,
  input: RoutingInput,
  pin: TenantPin | undefined,
): ResolvedParts {
  const parts = statement.placement.parts
  const own = parts.map((part) => shardsOfPart(part, values, keyspace, input, pin))
  const union = new Set<string>()
  let isUnbounded = false
  let unboundedTable: string | undefined
  for (const [index, part] of parts.entries()) {
    let shards = own[index]
    // A foreign key proves the server, not the key: the part lies within the shards of the parts it is tied to.
    if (part.kind === 'keyed') {
      for (const other of part.within) shards = intersect(shards, own[other])
      if (shards === undefined) {
        refuseMissingTenant(part.table, part.placement, pin)
        isUnbounded = true
        unboundedTable ??= part.table
      }
    }
    for (const shard of shards ?? keyspace.shards) union.add(shard)
  }
  return {
    shards:
      union.size === keyspace.shards.length
        ? keyspace.shards
        : keyspace.shards.filter((name) => union.has(name)),
    isEmpty: union.size === 0,
    isUnbounded,
    unboundedTable,
  }
}

/** Undefined means every shard. */
type ShardNames = readonly string[] | undefined

function shardsOfPart(
  part: PlacementPart,
  values: readonly unknown[],
  keyspace: KeyspaceDescription,
  input: RoutingInput,
  pin: TenantPin | undefined,
): ShardNames {
  if (part.kind === 'home') return [keyspace.home]
  const resolution = input.keys.resolve(part.placement, part.set, values)
  const key = part.placement.strategy === 'tenant' ? pin?.keyFor(part.placement) : undefined
  if (pin !== undefined && key !== undefined) {
    refuseOtherTenant(part.table, resolution, key)
    return isNothing(resolution) ? [] : [pin.shard]
  }
  return resolution.kind === 'all' ? undefined : resolution.shards
}

function intersect(a: ShardNames, b: ShardNames): ShardNames {
  if (a === undefined) return b
  if (b === undefined) return a
  return a.filter((name) => b.includes(name))
}

function isNothing(resolution: KeyResolution): boolean {
  return resolution.kind === 'some' && resolution.shards.length === 0
}

function refuseOtherTenant(table: string, resolution: KeyResolution, key: string): void {
  if (resolution.kind === 'all' || resolution.keys === undefined) return
  if (resolution.keys.some((other) => other !== key)) {
    throw new StatementError(
      'TENANT_CONTRADICTED',
      `The statement reads or writes another tenant's rows of "${table}" inside a tenant context. Run it in that tenant's own context, or outside of any.`,
      { details: { table } },
    )
  }
}

function refuseMissingTenant(table: string, placement: KeyedPlacement, pin: TenantPin | undefined): void {
  if (!placement.isGuarded || pin !== undefined) return
  throw new StatementError(
    'TENANT_REQUIRED',
    `"${table}" is guarded: the statement must prove its tenant by a condition on "${placement.keyColumn}". Add one, or run the statement in router.run({ tenant }, …).`,
    { details: { table, keyColumn: placement.keyColumn } },
  )
}
