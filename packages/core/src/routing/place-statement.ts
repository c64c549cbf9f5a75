import { StatementError } from '../errors.ts'
import { isOwnSetting } from '../statement/classify/findings.ts'
import type { Statement } from '../statement/statement.ts'
import type { KeyspaceDescription } from '../topology/topology.ts'
import { dealKeys, type DealtKeys } from './deal-keys.ts'
import type { EffectiveContext } from './effective-context.ts'
import type { RoutingInput } from './input.ts'
import { raise, raiseSyntaxError, raiseUnlessWaived, refuseUnplaced } from './refusals.ts'
import { refuseMoves } from './refuse-moves.ts'
import { resolveParts } from './resolve-parts.ts'
import { placeRows } from './place-rows.ts'
import { tenantPin, type TenantPin } from './tenant-pin.ts'
import type { PlacedStatement } from './placed-statement.ts'
import type { PlacementReason } from './route.ts'

/** Kinds whose tables and keys the placement describes; of all others nothing is proved. */
const placedKinds: ReadonlySet<Statement['kind']> = new Set<Statement['kind']>([
  'select',
  'insert',
  'update',
  'delete',
  'merge',
  'explain',
  'cursor',
])

/** Kinds that concern a session or the whole database: with several shards the home shard answers for all. */
const homeKinds: ReadonlySet<Statement['kind']> = new Set<Statement['kind']>([
  'show',
  'notify',
  'session',
  'transaction',
  'empty',
])

/** @throws StatementError when the statement cannot be placed rightly. */
export function placeStatement(
  statement: Statement,
  values: readonly unknown[],
  context: EffectiveContext,
  input: RoutingInput,
): PlacedStatement {
  const { placement } = statement
  const keyspace = keyspaceOf(statement, context, input)
  const onlyShard = keyspace.shards.length === 1 ? keyspace.shards[0] : undefined

  if (onlyShard !== undefined && input.topology.shards.size === 1) {
    checkContextShard(context, keyspace)
    checkTenant(statement, values, context, keyspace, input)
    return { kind: 'single', shard: onlyShard, isAnyShard: true, reason: { rule: 'only-shard' } }
  }
  if (context.shard !== undefined) {
    return placeOnShard(statement, values, { ...context, shard: context.shard }, keyspace, input)
  }

  if (statement.kind === 'unparsable') raiseSyntaxError(statement)
  if (statement.kind === 'multiple') {
    throw new StatementError(
      'MULTI_STATEMENT',
      'Several statements in one text cannot be routed to several shards. Send them one by one, or run the text in router.run({ shard }, …).',
    )
  }

  const pin = context.tenant === undefined ? undefined : tenantPin(context.tenant, keyspace.name, input)
  raiseUnlessWaived(placement.refusal, pin === undefined ? undefined : 'tenant')

  if (!placedKinds.has(statement.kind) && placement.parts.length === 0) {
    if (pin !== undefined) return { ...single(pin.shard), reason: { rule: 'tenant-context' } }
    if (onlyShard !== undefined && placement.keyspace !== undefined) return single(onlyShard)
    if (homeKinds.has(statement.kind)) {
      const isAnyShard = statement.kind === 'show' || statement.kind === 'empty'
      return { ...single(keyspace.home), isAnyShard, reason: { rule: 'no-table' } }
    }
    refuseUnplaced(statement, keyspace.shards.length)
  }
  if (placement.writesReference) {
    if (placement.parts.length > 0 || placement.rows !== undefined) {
      raise({
        code: 'UNSUPPORTED_STATEMENT',
        construct: 'a reference table written together with sharded or unsharded tables',
        message:
          'A statement that writes a reference table must run on every shard, and this one also uses tables that do not lie on every shard. Split it into two statements.',
      })
    }
    if (pin !== undefined) {
      throw new StatementError(
        'CONTEXT_CONFLICT',
        'A reference table is written on every shard, which a tenant context forbids. Run the statement outside of the context.',
      )
    }
    return keyspace.shards.length === 1
      ? single(keyspace.home)
      : {
          kind: 'write-all',
          shards: keyspace.shards,
          isReference: true,
          keys: [],
          reason: { rule: 'reference-table' },
        }
  }
  if (placement.rows !== undefined) return placeRows(statement, placement.rows, values, keyspace, input, pin)
  if (placement.parts.length === 0) return placeAnywhere(statement, keyspace, input, pin)
  return placeParts(statement, values, keyspace, input, pin)
}

function placeParts(
  statement: Statement,
  values: readonly unknown[],
  keyspace: KeyspaceDescription,
  input: RoutingInput,
  pin: TenantPin | undefined,
): PlacedStatement {
  const resolved = resolveParts(statement, values, keyspace, input, pin)
  const tables = [...new Set(statement.placement.parts.map((part) => part.table))].join(', ')
  if (pin !== undefined) {
    const outside = resolved.shards.find((shard) => shard !== pin.shard)
    if (outside !== undefined) {
      throw new StatementError(
        'CONTEXT_CONFLICT',
        `The statement needs rows of ${tables} on shard "${outside}", but its tenant context keeps it on shard "${pin.shard}". Run it outside of the context.`,
        { details: { shard: pin.shard } },
      )
    }
    return { ...single(pin.shard), reason: { rule: 'tenant-context', subject: tables } }
  }
  if (resolved.isEmpty) {
    return {
      ...single(resolved.near ?? keyspace.home),
      // Sequences and locks have their home also in a statement that finds no row.
      isAnyShard: statement.pins === undefined,
      reason: { rule: 'contradictory-keys', subject: tables },
    }
  }
  const [first] = resolved.shards
  if (resolved.shards.length === 1 && first !== undefined) {
    if (resolved.ids.length > 0) {
      return { ...single(first), reason: { rule: 'routable-id', subject: resolved.ids.join(', ') } }
    }
    const isKeyed = statement.placement.parts.some((part) => part.kind === 'keyed')
    return { ...single(first), reason: { rule: isKeyed ? 'shard-key' : 'unsharded-table', subject: tables } }
  }
  if (statement.kind === 'explain' || statement.kind === 'cursor') {
    raise({
      code: 'UNSUPPORTED_SCATTER',
      construct:
        statement.kind === 'explain' ? 'EXPLAIN over several shards' : 'a cursor over several shards',
      message: `The statement concerns ${resolved.shards.length} shards, each of which would give its own answer. Run it in router.run({ shard }, …)${
        statement.kind === 'explain'
          ? ', or ask router.explain() for the route.'
          : ', or stream it through router.pool.stream().'
      }`,
    })
  }
  const rule = resolved.isUnbounded ? 'no-key' : 'several-keys'
  const reason: PlacementReason = { rule, subject: resolved.unboundedTable ?? tables }
  const scatter = statement.placement.scatter()
  if (scatter.kind === 'refused') raise(scatter.refusal)
  if (scatter.kind === 'merge') {
    const { shards } = resolved
    return {
      kind: 'merge',
      shards,
      plan: scatter.plan,
      keys: ownKeys(statement, shards, values, input),
      reason,
    }
  }
  if (scatter.kind === 'split' || resolved.isUnbounded) {
    raise({
      code: 'UNPROVED_WRITE',
      construct: `${statement.kind} without a provable shard key`,
      message: `The ${statement.kind} statement does not prove which rows of ${tables} it writes. Add a condition on the shard key, or run it in router.eachShard(…) if every shard is meant.`,
    })
  }
  const { shards } = resolved
  return {
    kind: 'write-all',
    shards,
    isReference: false,
    keys: ownKeys(statement, shards, values, input),
    reason,
  }
}

/** With too many or too few values the servers complain as ever. */
function ownKeys(
  { placement, parameterCount }: Statement,
  shards: readonly string[],
  values: readonly unknown[],
  input: RoutingInput,
): readonly DealtKeys[] {
  return dealKeys(values.length === parameterCount ? placement.lists : [], shards, values, input)
}

/** No part ties the statement to a shard: constants, and reads of reference tables. */
function placeAnywhere(
  statement: Statement,
  keyspace: KeyspaceDescription,
  input: RoutingInput,
  pin: TenantPin | undefined,
): PlacedStatement {
  if (pin !== undefined) return { ...single(pin.shard), reason: { rule: 'tenant-context' } }
  const isReference = statement.placement.keyspace !== undefined
  const isAboutServer = statement.reason.rule === 'per-server'
  if (statement.role === 'primary' && !isReference && !isAboutServer) {
    // Sequences, advisory locks and the like have one home, so that they mean the same to every caller; a setting is of
    // the session's own.
    const isAnyShard = isOwnSetting(statement.reason)
    return { ...single(keyspace.home), isAnyShard, reason: { rule: 'no-table' } }
  }
  const shard = isReference
    ? keyspace.shards[Math.floor(input.random() * keyspace.shards.length)]
    : keyspace.home
  return {
    kind: 'single',
    shard: shard ?? keyspace.home,
    isAnyShard: true,
    reason: { rule: isReference ? 'reference-table' : 'no-table' },
  }
}

/** One shard needs no proof, but a tenant's guard and context mean what they say there too. */
function checkTenant(
  statement: Statement,
  values: readonly unknown[],
  context: EffectiveContext,
  keyspace: KeyspaceDescription,
  input: RoutingInput,
): void {
  const isGuarded =
    input.tenantPlacements.get(keyspace.name)?.some((placement) => placement.isGuarded) ?? false
  if (context.tenant === undefined && !isGuarded) return
  const pin = context.tenant === undefined ? undefined : tenantPin(context.tenant, keyspace.name, input)
  if (statement.placement.rows !== undefined) {
    placeRows(statement, statement.placement.rows, values, keyspace, input, pin)
  } else {
    resolveParts(statement, values, keyspace, input, pin)
  }
}

/** The caller names the shard: reads take its answer, writes must not put rows where they do not belong. */
function placeOnShard(
  statement: Statement,
  values: readonly unknown[],
  { shard, tenant, isHinted }: EffectiveContext & { readonly shard: string },
  keyspace: KeyspaceDescription,
  input: RoutingInput,
): PlacedStatement {
  checkContextShard({ shard }, keyspace)
  const pin = tenant === undefined ? undefined : tenantPin(tenant, keyspace.name, input)
  if (pin !== undefined && pin.shard !== shard) {
    throw new StatementError(
      'CONTEXT_CONFLICT',
      `The context names shard "${shard}" and a tenant that lies on shard "${pin.shard}". Leave out one of the two.`,
      { details: { shard, tenantShard: pin.shard } },
    )
  }
  const { placement } = statement
  raiseUnlessWaived(placement.refusal, 'shard')
  const reason: PlacementReason = { rule: isHinted ? 'hint' : 'shard-context', subject: shard }
  if (placement.rows !== undefined) {
    const placed = placeRows(statement, placement.rows, values, keyspace, input, pin)
    if (placed.kind !== 'single' || placed.shard !== shard) refuseForeignRows(placement.rows.table, shard)
  }
  // A part about another tenant is refused here as it is without the shard.
  if (pin !== undefined) resolveParts(statement, values, keyspace, input, pin)
  for (const part of placement.parts) {
    // An unsharded table has its own copy on a shard that is named: migrations keep their books like that.
    if (part.access !== 'write' || part.kind === 'home') continue
    const resolution = input.keys.resolve(part.placement, part.set, values, shard)
    if (resolution.kind === 'some' && resolution.shards.some((name) => name !== shard)) {
      refuseForeignRows(part.table, shard)
    }
  }
  if (placement.assignments.length > 0) {
    const own = placement.parts.map((part) => {
      const found =
        part.kind === 'home' ? undefined : input.keys.resolve(part.placement, part.set, values, shard)
      return found?.kind === 'some' ? found : { shards: [shard] }
    })
    refuseMoves(statement, values, { own, bounded: own.map(() => [shard]), input, pin })
  }
  return { kind: 'single', shard, isAnyShard: false, reason }
}

function refuseForeignRows(table: string, shard: string): never {
  throw new StatementError(
    'CONTEXT_CONFLICT',
    `The statement writes rows of "${table}" that do not lie on shard "${shard}", to which its context pins it. Run it outside of the context.`,
    { details: { table, shard } },
  )
}

function single(shard: string): Extract<PlacedStatement, { kind: 'single' }> {
  return { kind: 'single', shard, isAnyShard: false, reason: { rule: 'only-shard' } }
}

function keyspaceOf(
  statement: Statement,
  context: EffectiveContext,
  input: RoutingInput,
): KeyspaceDescription {
  const named = statement.placement.keyspace
  const pinned = context.shard === undefined ? undefined : input.topology.shards.get(context.shard)?.keyspace
  const name =
    named ?? pinned ?? (context.tenant === undefined ? input.defaultKeyspace : tenantKeyspace(input))
  const keyspace = input.topology.keyspaces.get(name)
  if (keyspace === undefined) throw new Error(`unknown keyspace ${name}`)
  return keyspace
}

/** Where a tenant's statements go that name no table: the default keyspace, or the first one that has tenants. */
function tenantKeyspace({ defaultKeyspace, tenantPlacements }: RoutingInput): string {
  if (tenantPlacements.has(defaultKeyspace)) return defaultKeyspace
  const [first] = tenantPlacements.keys()
  return first ?? defaultKeyspace
}

function checkContextShard(
  context: { readonly shard: string | undefined },
  keyspace: KeyspaceDescription,
): void {
  if (context.shard === undefined || keyspace.shards.includes(context.shard)) return
  throw new StatementError(
    'CONTEXT_CONFLICT',
    `The context names shard "${context.shard}", but the statement's tables live in keyspace "${keyspace.name}" on ${keyspace.shards
      .map((name) => `"${name}"`)
      .join(', ')}.`,
    { details: { shard: context.shard, keyspace: keyspace.name } },
  )
}
