import { StatementError } from '../errors.ts'
import type { KeyedPlacement } from '../statement/catalog.ts'
import type { PlacementPart, Statement } from '../statement/statement.ts'
import type { KeyspaceDescription } from '../topology/topology.ts'
import type { KeyResolution, RoutingInput } from './input.ts'
import { refuseMoves, type PartShards, type ShardNames } from './refuse-moves.ts'
import type { TenantPin } from './tenant-pin.ts'

/** The shards that matter to one statement with its values, before the number of them is judged. */
export interface ResolvedParts {
  /** Shards of the parts that hold any row that matters, in the keyspace's order. */
  readonly shards: readonly string[]
  /** True when every part's keys contradict each other: no row matters anywhere. */
  readonly isEmpty: boolean
  /** A shard that is as good as any other where none is needed. */
  readonly near: string | undefined
  /** True when some part's keys are not bounded at all. */
  readonly isUnbounded: boolean
  /** The table that widened the set to every shard, for the error message. */
  readonly unboundedTable: string | undefined
  /** The routable columns that prove the shards; none when keys do. */
  readonly ids: readonly string[]
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
  const isOfTenant = (index: number): boolean =>
    own[index]?.shards !== undefined && own[index].isById !== true
  const union = new Set<string>()
  const bounded: ShardNames[] = []
  let isUnbounded = false
  let unboundedTable: string | undefined
  for (const [index, part] of parts.entries()) {
    let shards = own[index]?.shards
    // A foreign key proves the server, not the key: the part lies within the shards of the parts it is tied to.
    if (part.kind === 'keyed') {
      for (const other of part.within) shards = intersect(shards, own[other]?.shards)
      // An id proves the shard; whose row it is, it does not say.
      if (![index, ...part.within].some(isOfTenant)) refuseMissingTenant(part.table, part.placement, pin)
      if (shards === undefined) {
        isUnbounded = true
        unboundedTable ??= part.table
      }
    }
    bounded.push(shards)
    for (const shard of shards ?? keyspace.shards) union.add(shard)
  }
  if (keyspace.shards.length > 1) refuseMoves(statement, values, { own, bounded, input, pin })
  return {
    shards:
      union.size === keyspace.shards.length
        ? keyspace.shards
        : keyspace.shards.filter((name) => union.has(name)),
    isEmpty: union.size === 0,
    near: own.find((part) => part.near !== undefined)?.near,
    isUnbounded,
    unboundedTable,
    ids: idsOf(parts, own),
  }
}

function idsOf(parts: readonly PlacementPart[], own: readonly PartShards[]): readonly string[] {
  const names = new Set<string>()
  let isByKey = false
  for (const [index, part] of parts.entries()) {
    if (part.kind === 'home' || own[index]?.shards === undefined) continue
    if (own[index].isById !== true) isByKey = true
    else for (const name of part.ids ?? []) names.add(name)
  }
  return isByKey ? [] : [...names]
}

function shardsOfPart(
  part: PlacementPart,
  values: readonly unknown[],
  keyspace: KeyspaceDescription,
  input: RoutingInput,
  pin: TenantPin | undefined,
): PartShards {
  if (part.kind === 'home') return { shards: [keyspace.home] }
  const key = part.placement.strategy === 'tenant' ? pin?.keyFor(part.placement) : undefined
  const home = key === undefined ? undefined : pin?.shard
  const resolution = input.keys.resolve(part.placement, part.set, values, home)
  if (home !== undefined && key !== undefined) {
    refuseOtherTenant(part.table, resolution, key, home)
    return { shards: isNothing(resolution) ? [] : [home] }
  }
  return resolution.kind === 'all' ? { shards: undefined } : resolution
}

function intersect(a: ShardNames, b: ShardNames): ShardNames {
  if (a === undefined) return b
  if (b === undefined) return a
  return a.filter((name) => b.includes(name))
}

function isNothing(resolution: KeyResolution): boolean {
  return resolution.kind === 'some' && resolution.shards.length === 0
}

function refuseOtherTenant(table: string, resolution: KeyResolution, key: string, home: string): void {
  if (resolution.kind === 'all') return
  const { keys, shards, isById } = resolution
  if (
    keys?.some((other) => other !== key) === true ||
    (isById === true && shards.some((shard) => shard !== home))
  ) {
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
