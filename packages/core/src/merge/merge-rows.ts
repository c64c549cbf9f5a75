import type { MergePlan } from '../statement/merge-plan.ts'
import { columnIndex, visibleIndices } from './columns.ts'
import { mergeGroups } from './groups.ts'
import { identityColumns, rankIdentity, type Identity, type IdentityColumn } from './identity.ts'
import { createOutput, type Output } from './output.ts'
import { finish, type Asking } from './ranking.ts'
import type { FieldFacts, MergeEnvironment, RawRow } from './row.ts'
import { rowCounts, type RowCounts } from './row-counts.ts'
import { disorder, rankSortOrder, sortColumns, type Keyed, type SortOrder } from './sort-keys.ts'
import { createTournament } from './tournament.ts'

/** Everything a merge is about. */
export interface MergeScope {
  readonly plan: MergePlan
  readonly fields: readonly FieldFacts[]
  readonly values: readonly unknown[]
  readonly env: MergeEnvironment
}

/**
 * Merges the complete results of several shards into the rows that one PostgreSQL would have returned.
 *
 * Synchronous unless a shard has to be asked for an order; the arrays passed in are reused for the result.
 *
 * @param fields the shards' result columns, hidden ones included; `visibleFields` gives the application's
 * @param values the application's parameter values (not those of `shardValues`)
 * @throws {StatementError} UNSUPPORTED_SCATTER for types whose order or equality cannot be reproduced
 * @throws {DatabaseError} SHARDS_DISAGREE when a shard's rows are not in the order all shards should share
 */
export function mergeRows(
  plan: MergePlan,
  fields: readonly FieldFacts[],
  shardRows: RawRow[][],
  values: readonly unknown[],
  env: MergeEnvironment,
): RawRow[] | Promise<RawRow[]> {
  return finish(mergeSteps({ plan, fields, values, env }, shardRows), env)
}

function* mergeSteps(scope: MergeScope, shardRows: RawRow[][]): Asking<RawRow[]> {
  const { plan } = scope
  const counts = rowCounts(plan, scope.values) ?? { limit: undefined, offset: 0n }
  if (plan.grouping !== undefined) {
    const rows = yield* mergeGroups(shardRows.flat(), { ...scope, grouping: plan.grouping })
    return yield* mergeWholeRows(scope, rows, counts)
  }
  const every = (): Iterable<RawRow> => eachRow(shardRows)
  const order = yield* rankSortOrder(sortColumns(plan, scope.fields, scope.env), every)
  const identity = yield* rankDistinct(scope, every)
  const output = outputOf(scope, { order, identity, counts })
  if (plan.order.length === 0) pushAll(shardRows, order, output)
  else pushInOrder(shardRows, order, output)
  return output.take()
}

/** Rows that no shard has ordered: groups whose aggregates were only known now. */
function* mergeWholeRows(scope: MergeScope, rows: RawRow[], counts: RowCounts): Asking<RawRow[]> {
  const order = yield* rankSortOrder(sortColumns(scope.plan, scope.fields, scope.env), () => rows)
  const output = outputOf(scope, { order, identity: undefined, counts })
  const keyed = rows.map((row) => order.keysOf(row))
  if (scope.plan.order.length > 0) keyed.sort((left, right) => order.compare(left, right))
  for (const row of keyed) if (!output.push(row)) break
  return output.take()
}

function* eachRow(shardRows: readonly RawRow[][]): Generator<RawRow> {
  for (const rows of shardRows) yield* rows
}

/** The columns by which DISTINCT tells rows apart; none when every row counts. */
export function distinctColumns({ plan, fields, env }: MergeScope): IdentityColumn[] | undefined {
  const { distinct } = plan
  if (distinct === undefined) return undefined
  const indices =
    distinct.columns === 'visible'
      ? visibleIndices(plan, fields)
      : distinct.columns.map((column) => columnIndex(column, plan, fields))
  return identityColumns(indices, distinct.isDeterministic, { fields, env })
}

function* rankDistinct(scope: MergeScope, rows: () => Iterable<RawRow>): Asking<Identity | undefined> {
  const columns = distinctColumns(scope)
  return columns === undefined ? undefined : yield* rankIdentity(columns, rows)
}

export function outputOf(
  { plan }: MergeScope,
  {
    order,
    identity,
    counts,
  }: {
    readonly order: { compare(left: Keyed, right: Keyed): number }
    readonly identity: Identity | undefined
    readonly counts: RowCounts
  },
): Output {
  return createOutput({
    counts,
    withTies: plan.withTies,
    identity,
    duplicates:
      plan.order.length === 0 ? 'anywhere' : plan.distinct?.isOn === true ? 'adjacent' : 'among-ties',
    isTie: (left, right) => order.compare(left, right) === 0,
    hiddenColumns: plan.hiddenColumns,
  })
}

function pushAll(shardRows: readonly RawRow[][], order: SortOrder, output: Output): void {
  for (const rows of shardRows) for (const row of rows) if (!output.push(order.keysOf(row))) return
}

function pushInOrder(shardRows: readonly RawRow[][], order: SortOrder, output: Output): void {
  const positions = shardRows.map(() => 0)
  const heads = shardRows.map((rows) => (rows[0] === undefined ? undefined : order.keysOf(rows[0])))
  const compare = (left: Keyed, right: Keyed): number => order.compare(left, right)
  const tournament = createTournament(heads, compare)
  for (let source = tournament.winner(); source !== -1; source = tournament.winner()) {
    const head = tournament.head(source)
    if (head === undefined) return
    const position = (positions[source] ?? 0) + 1
    positions[source] = position
    const row = shardRows[source]?.[position]
    const next = row === undefined ? undefined : order.keysOf(row)
    if (next !== undefined && compare(head, next) > 0) throw disorder()
    tournament.replace(source, next)
    if (!output.push(head)) return
  }
}
