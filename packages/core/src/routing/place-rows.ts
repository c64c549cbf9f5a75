import { StatementError } from '../errors.ts'
import { elementsOf } from './listed-rows.ts'
import type { KeyValue } from '../statement/key-set.ts'
import type { InsertRows, Statement } from '../statement/statement.ts'
import type { KeyspaceDescription } from '../topology/topology.ts'
import type { RoutingInput } from './input.ts'
import type { PlacedStatement } from './placed-statement.ts'
import { raise } from './refusals.ts'
import { resolveParts } from './resolve-parts.ts'
import type { TenantPin } from './tenant-pin.ts'

/** INSERT … VALUES, or of the elements of arrays: every row goes to the shard of its own key. */
export function placeRows(
  statement: Statement,
  rows: InsertRows,
  values: readonly unknown[],
  keyspace: KeyspaceDescription,
  input: RoutingInput,
  pin: TenantPin | undefined,
): PlacedStatement {
  const { placement, table } = rows
  const tenant = placement.strategy === 'tenant' ? pin?.keyFor(placement) : undefined
  const rowsByShard = new Map<string, number[]>()
  const elements = rows.list === undefined ? undefined : elementsOf(rows.list, values)
  const count = elements?.count ?? rows.keys.length
  for (let index = 0; index < count; index++) {
    const location =
      elements === undefined
        ? input.keys.locate(placement, rows.keys[index] ?? nullKey, values)
        : input.keys.locate(placement, elements.key, [elements.keys[index]])
    if (location.kind !== 'found') refuseKey(location, rows, index)
    if (tenant !== undefined && location.key !== tenant) {
      throw new StatementError(
        'TENANT_CONTRADICTED',
        `Row ${index + 1} of the INSERT into "${table}" belongs to another tenant than the context. Insert it in its own tenant's context.`,
        { details: { table, row: index + 1 } },
      )
    }
    refuseForeignIds(rows, index, { shard: location.shard, values, input })
    const indices = rowsByShard.get(location.shard)
    if (indices === undefined) rowsByShard.set(location.shard, [index])
    else indices.push(index)
  }
  // Other tables of the statement (in subqueries, in CTEs) have to be where the rows go.
  const others = resolveParts(statement, values, keyspace, input, pin)
  const shards = new Set([...rowsByShard.keys(), ...others.shards])
  const [first] = shards
  if (pin !== undefined && first !== undefined && (shards.size > 1 || first !== pin.shard)) {
    throw new StatementError(
      'CONTEXT_CONFLICT',
      `The INSERT into "${table}" needs another shard than "${pin.shard}", on which its tenant context keeps it. Run it outside of the context.`,
      { details: { table, shard: pin.shard } },
    )
  }
  if (shards.size <= 1) {
    return {
      kind: 'single',
      shard: first ?? keyspace.home,
      isAnyShard: false,
      reason: { rule: 'shard-key', subject: table },
    }
  }
  const scatter = statement.placement.scatter()
  if (scatter.kind === 'refused') raise(scatter.refusal)
  if (scatter.kind !== 'split' || statement.placement.parts.length > 0) {
    raise({
      code: 'CROSS_SHARD',
      construct: 'an INSERT over several shards that uses other tables',
      message: `The rows for "${table}" lie on ${shards.size} shards, and the statement also uses other tables. Insert the rows shard key by shard key.`,
    })
  }
  if (elements?.isWhole === false) {
    throw new StatementError(
      'CROSS_SHARD',
      `The rows for "${table}" lie on ${shards.size} shards, and one of the arrays that they are made of is not passed as a JavaScript array of single values, so that its elements cannot be dealt out. Pass it as such, or insert the rows shard key by shard key.`,
      { details: { table } },
    )
  }
  return { kind: 'split', rowsByShard, reason: { rule: 'several-keys', subject: table } }
}

const nullKey: KeyValue = { source: 'null' }

interface RowPlace {
  readonly shard: string
  readonly values: readonly unknown[]
  readonly input: RoutingInput
}

/** ON CONFLICT finds a row by its id only where ids of its bucket lie. */
function refuseForeignIds(
  { ids, table, placement }: InsertRows,
  index: number,
  { shard, values, input }: RowPlace,
): void {
  for (const set of ids?.[index] ?? []) {
    const found = input.keys.resolve(placement, set, values)
    if (found.kind === 'some' && found.shards.every((name) => name === shard)) continue
    const column = set.kind === 'ids' ? set.column : table
    raise({
      code: 'UNPROVED_WRITE',
      construct: `ON CONFLICT on ${column} of another bucket`,
      message: `The row that conflicts with row ${index + 1} for "${table}" may lie on another shard: its "${column}" does not carry the bucket of its shard key "${placement.keyColumn}", or was made before a key was pinned. Name "${placement.keyColumn}" in the conflict target, too.`,
    })
  }
}

function refuseKey(
  location: { readonly kind: 'null' | 'missing' | 'unprovable'; readonly parameter?: number },
  rows: InsertRows,
  index: number,
): never {
  const column = `"${rows.table}"."${rows.placement.keyColumn}"`
  const details = { table: rows.table, keyColumn: rows.placement.keyColumn, row: index + 1 }
  if (location.kind === 'null') {
    throw new StatementError(
      'SHARD_KEY_NULL',
      `The shard key ${column} of row ${index + 1} is NULL. A row needs its key to have a place: give it a value.`,
      { details },
    )
  }
  if (location.kind === 'missing') {
    throw new StatementError(
      'PARAMETER_COUNT',
      `The shard key ${column} of row ${index + 1} is parameter $${location.parameter}, which was not given. Pass as many values as the statement has parameters.`,
      { details: { ...details, parameter: location.parameter } },
    )
  }
  throw new StatementError(
    'SHARD_KEY_VALUE',
    `The shard key ${column} of row ${index + 1} is no plain value of type ${rows.placement.keyType}, so nothing proves its shard. Pass it in that type's own ISO or decimal form.`,
    { details: { ...details, keyType: rows.placement.keyType } },
  )
}
