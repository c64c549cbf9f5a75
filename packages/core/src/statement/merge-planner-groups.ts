import type { AggregateMerge, GroupMerge } from './merge-plan.ts'
import {
  aggregatesIn,
  callText,
  combinableFunction,
  hasWindow,
  mayReturnSet,
  nameOf,
  type Call,
} from './merge-planner-aggregates.ts'
import {
  addHidden,
  clausesOf,
  findHidden,
  findTarget,
  isStar,
  positionOf,
  textOf,
  type ColumnUse,
  type Draft,
} from './merge-planner-draft.ts'
import { planHaving, type HavingUse } from './merge-planner-having.ts'
import { outputName } from './merge-planner-names.ts'
import { resolveOrdinal, type Expose, type OrderItem } from './merge-planner-order.ts'
import { refuse, refuseRewrite } from './merge-planner-refusal.ts'
import { findRelation } from './catalog.ts'
import { bodyAs, castOf, columnOf, constantOf, type CastReading, type Node } from './tree.ts'

interface AggregateUse {
  readonly use: ColumnUse
  readonly fn: AggregateMerge['fn']
  readonly form: AggregateMerge['form']
  readonly partials: readonly ColumnUse[]
  readonly node: Node | undefined
}

/** Groups of which every shard has a part: how their rows become one. */
export interface GroupDraft {
  readonly keys: readonly ColumnUse[]
  readonly aggregates: AggregateUse[]
  readonly having: HavingUse | undefined
  readonly isSingle: boolean
}

export function planGroups(draft: Draft): GroupDraft {
  const { select } = draft
  if ((select.distinctClause?.length ?? 0) > 0)
    refuse('DISTINCT over groups that do not contain the shard key', 'group by the shard key')
  if ((select.windowClause?.length ?? 0) > 0)
    refuse('A window function over groups', 'group by the shard key')
  const shown = [
    ...draft.targets.map((target) => target.val),
    ...(select.sortClause ?? []),
    ...(select.groupClause ?? []),
  ]
  if (shown.some((node) => node !== undefined && mayReturnSet(node, draft.catalog))) {
    refuse('A set-returning function among aggregates or GROUP BY', 'call it in FROM')
  }
  const keys = (select.groupClause ?? []).map((node, index) => planKey(draft, node, index))
  const group: { -readonly [K in keyof GroupDraft]: GroupDraft[K] } = {
    keys,
    aggregates: [],
    having: undefined,
    isSingle: keys.length === 0,
  }
  for (const [index, target] of draft.targets.entries()) {
    if (isStar(target) || target.val === undefined) continue
    planTarget(draft, group, { node: target.val, use: { kind: 'target', index } })
  }
  group.having = planHaving(draft, (node) => exposeValue(draft, group, node))
  return group
}

function planKey(draft: Draft, node: Node, index: number): ColumnUse {
  if (bodyAs(node, 'GroupingSet') !== undefined)
    refuse('GROUPING SETS, ROLLUP or CUBE', 'run one query per grouping')
  return (
    resolveOrdinal(draft, node) ??
    findTarget(draft, node) ??
    resolveAlias(draft, node) ??
    addHidden(draft, node, textOf(draft, clausesOf(draft).groupBy[index] ?? refuseRewrite()))
  )
}

/** GROUP BY prefers a column of the input over an output name of the same spelling, unlike ORDER BY. */
function resolveAlias(draft: Draft, node: Node): ColumnUse | undefined {
  const column = columnOf(node)
  const name = column?.parts[0]
  if (column === undefined || column.isStar || column.parts.length !== 1 || name === undefined)
    return undefined
  const index = draft.targets.findIndex((target) => outputName(target) === name)
  if (index === -1 || draft.proof.resolveColumn(node) !== undefined) return undefined
  if (!hasOnlyTables(draft)) {
    refuse(
      `GROUP BY ${name}, which may be a column or an output name,`,
      'group by the position of the output column',
    )
  }
  return { kind: 'target', index }
}

/** True when every name in FROM is a table whose columns the catalog knows, so that "no such column" is certain. */
function hasOnlyTables(draft: Draft): boolean {
  const isTable = (node: Node | undefined): boolean => {
    const join = bodyAs(node, 'JoinExpr')
    if (join !== undefined) return isTable(join.larg) && isTable(join.rarg)
    const table = bodyAs(node, 'RangeVar')
    if (table === undefined || draft.select.withClause !== undefined) return false
    return findRelation(draft.catalog, table.schemaname, table.relname ?? '') !== undefined
  }
  return (draft.select.fromClause ?? []).every(isTable)
}

interface Value {
  readonly node: Node
  readonly use: ColumnUse
}

/**
 * An entry of the select list: an aggregate is combined; what has none depends on the group's keys alone, so any
 * shard's value is right.
 */
function planTarget(draft: Draft, group: GroupDraft, value: Value): void {
  if (hasWindow(value.node)) refuse('A window function over groups', 'group by the shard key')
  const calls = aggregatesIn(value.node, draft.catalog)
  if (calls.length === 0) return
  const aggregate = combinableIn(draft, value.node)
  if (aggregate === undefined) refuseAggregates(draft, calls)
  addAggregate(draft, group, { ...value, ...aggregate })
}

function refuseAggregates(draft: Draft, calls: readonly Call[]): never {
  for (const call of calls) {
    if (!isCombinable(draft, call)) {
      refuse(`${nameOf(call)} over groups that do not contain the shard key`, 'group by the shard key')
    }
  }
  refuse(
    'An expression over aggregates',
    'select the aggregates themselves and calculate with them in the application',
  )
}

function isCombinable(draft: Draft, call: Call): boolean {
  const fn = combinableFunction(call, draft.catalog)
  if (fn === undefined) return false
  if (call.agg_distinct !== true || fn === 'min' || fn === 'max' || fn === 'bool_and' || fn === 'bool_or')
    return true
  // Equal keys lie on one shard, so no key is counted twice.
  return fn === 'count' && isOnOneShard(draft, call.args?.[0])
}

function isOnOneShard(draft: Draft, node: Node | undefined): boolean {
  if (node === undefined) return false
  const members = bodyAs(node, 'RowExpr')?.args
  // A row counts although one of its columns is NULL.
  if (members !== undefined)
    return members.some((member) => draft.proof.isOnOneShard?.(member, false) === true)
  return draft.proof.isOnOneShard?.(node, true) ?? isShardKey(draft, node)
}

/** True when the aggregates are numbers of rows, whatever is in them. */
export function countsRows(draft: Draft, group: GroupDraft): boolean {
  return group.aggregates.every(({ fn, form, node }) => {
    const [call] = node === undefined ? [] : aggregatesIn(node, draft.catalog)
    if (fn !== 'count' || form === 'wrapped' || call === undefined) return false
    if (call.agg_filter !== undefined || call.agg_distinct === true) return false
    const [argument] = call.args ?? []
    if (call.agg_star === true || argument === undefined) return call.agg_star === true
    const constant = constantOf(argument)
    return constant === undefined ? draft.proof.isNeverNull?.(argument) === true : constant.kind !== 'null'
  })
}

function isShardKey(draft: Draft, node: Node | undefined): boolean {
  const found = node === undefined ? undefined : draft.proof.resolveColumn(node)
  if (found === undefined) return false
  const { placement } = found.relation
  return 'keyColumn' in placement && placement.keyColumn === found.column.name
}

interface Combinable {
  readonly call: Call
  readonly form: AggregateMerge['form']
}

const integerTypes: ReadonlySet<string> = new Set(['int2', 'int4', 'int8'])
const castTypes: ReadonlySet<string> = new Set([...integerTypes, 'numeric', 'float8', 'text'])

/** The one aggregate that a value is made of, if the value can be made of the merged aggregate too. */
function combinableIn(draft: Draft, node: Node): Combinable | undefined {
  const call = bodyAs(node, 'FuncCall')
  if (call !== undefined) return isCombinable(draft, call) ? { call, form: 'plain' } : undefined
  const cast = castOf(node)
  if (cast !== undefined) return castOfAggregate(draft, cast)
  const coalesced = coalesceOf(draft, node)
  if (coalesced === undefined) return undefined
  const isZero =
    isIntegerConstant(coalesced.fallback, 0) && combinesAs(draft, coalesced.call, ['sum', 'count'])
  return { call: coalesced.call, form: isZero ? 'additive' : 'wrapped' }
}

function castOfAggregate(draft: Draft, { argument, type }: CastReading): Combinable | undefined {
  const isKnown = castTypes.has(type.name) && (type.schema === 'pg_catalog' || type.name === 'text')
  if (!isKnown || type.isArray || type.hasModifiers) return undefined
  const call = bodyAs(argument, 'FuncCall')
  if (call !== undefined && isCombinable(draft, call)) {
    const isCount = integerTypes.has(type.name) && combinesAs(draft, call, ['count'])
    return { call, form: isCount ? 'additive' : 'wrapped' }
  }
  // An integer leaves coalesce the aggregate's own type, so that there is one conversion and not two.
  const coalesced = coalesceOf(draft, argument)
  if (coalesced === undefined || !isIntegerConstant(coalesced.fallback)) return undefined
  return { call: coalesced.call, form: 'wrapped' }
}

/** `coalesce(aggregate, fallback)`, the fallback without aggregates. */
function coalesceOf(draft: Draft, node: Node): { readonly call: Call; readonly fallback: Node } | undefined {
  const [value, fallback, ...more] = bodyAs(node, 'CoalesceExpr')?.args ?? []
  const call = bodyAs(value, 'FuncCall')
  if (call === undefined || fallback === undefined || more.length > 0 || !isCombinable(draft, call))
    return undefined
  return aggregatesIn(fallback, draft.catalog).length > 0 ? undefined : { call, fallback }
}

function isIntegerConstant(node: Node, value?: number): boolean {
  const constant = constantOf(node)
  return constant?.kind === 'integer' && (value === undefined || constant.value === value)
}

function combinesAs(draft: Draft, call: Call, functions: readonly string[]): boolean {
  const fn = combinableFunction(call, draft.catalog)
  return fn !== undefined && functions.includes(fn) && isCombinable(draft, call)
}

function addAggregate(draft: Draft, group: GroupDraft, { node, use, call, form }: Value & Combinable): void {
  const fn = combinableFunction(call, draft.catalog)
  if (fn === undefined) refuseRewrite()
  const isOrdered = fn === 'min' || fn === 'max'
  group.aggregates.push({
    use,
    fn,
    form,
    partials: partialsOf(draft, { use, call, form, fn }),
    node: isOrdered ? call.args?.[0] : node,
  })
}

function partialsOf(
  draft: Draft,
  { use, call, form, fn }: Combinable & { readonly use: ColumnUse; readonly fn: AggregateMerge['fn'] },
): ColumnUse[] {
  if (fn === 'avg') return [partialOf(draft, call, 'sum'), partialOf(draft, call, 'count')]
  return form === 'wrapped' ? [partialOf(draft, call)] : [use]
}

/** The aggregate, or another one over the same arguments and filter, as a column of the shards. */
function partialOf(draft: Draft, call: Call, name?: string): ColumnUse {
  if (name === undefined) {
    const own: Node = { FuncCall: call }
    return findTarget(draft, own) ?? addHidden(draft, own, callText(draft, call))
  }
  const prefix = (call.funcname?.length ?? 0) > 1 ? ['pg_catalog'] : []
  const funcname = [...prefix, name].map((part) => ({ String: { sval: part } }))
  const node: Node = { FuncCall: { ...call, funcname } }
  return findTarget(draft, node) ?? addHidden(draft, node, callText(draft, call, [...prefix, name].join('.')))
}

/** A value for HAVING or ORDER BY, in whatever column has it; aggregates in hidden columns are combined too. */
function exposeValue(draft: Draft, group: GroupDraft, node: Node, text?: () => string): ColumnUse {
  const calls = aggregatesIn(node, draft.catalog)
  const known = findTarget(draft, node) ?? (calls.length === 0 ? findHidden(draft, node) : undefined)
  if (known !== undefined) return known
  const aggregate = calls.length === 0 ? undefined : combinableIn(draft, node)
  if (calls.length > 0 && aggregate === undefined) refuseAggregates(draft, calls)
  const call = bodyAs(node, 'FuncCall')
  if (text === undefined && (call === undefined || call !== aggregate?.call)) {
    refuse(
      'HAVING with an expression',
      'compare an aggregate or an output column with a number or a parameter',
    )
  }
  const use = addHidden(draft, node, text === undefined ? callText(draft, call ?? {}) : text())
  // The column may be there as a partial of some avg; it is combined for its own sake once.
  const isCombined = group.aggregates.some((known) => spellUse(known.use) === spellUse(use))
  if (aggregate !== undefined && !isCombined) addAggregate(draft, group, { node, use, ...aggregate })
  return use
}

export function exposeInGroups(draft: Draft, group: GroupDraft): Expose {
  return (node, range) => {
    if (hasWindow(node)) refuse('A window function over groups', 'group by the shard key')
    return exposeValue(draft, group, node, () => textOf(draft, range()))
  }
}

/**
 * True when every group that can be among the first rows of all is among the first rows of each shard that has a part
 * of it: the order starts with all the keys, and no group is dropped later.
 */
export function isLimitedPerShard(group: GroupDraft, order: readonly OrderItem[]): boolean {
  if (group.isSingle || group.having !== undefined) return false
  const keys = new Set(group.keys.map(spellUse))
  const leading = new Set(order.slice(0, keys.size).map((item) => spellUse(item.use)))
  return leading.size === keys.size && [...keys].every((key) => leading.has(key))
}

function spellUse(use: ColumnUse): string {
  return use.kind === 'name'
    ? `name ${use.name}`
    : `${use.kind === 'ordinal' ? 'target' : use.kind} ${use.index}`
}

export function finishGroups(draft: Draft, group: GroupDraft): GroupMerge {
  return {
    keys: group.keys.map((key) => positionOf(draft, key)),
    isDeterministic: draft.collations.isDeterministic,
    // A HAVING that stays with the shards may drop the only row.
    isSingle: group.isSingle && (draft.select.havingClause === undefined || group.having !== undefined),
    having: group.having?.(draft),
    aggregates: group.aggregates.map((aggregate) => ({
      column: positionOf(draft, aggregate.use),
      fn: aggregate.fn,
      form: aggregate.form,
      partials: aggregate.partials.map((partial) => positionOf(draft, partial)),
      collation: aggregate.node === undefined ? undefined : draft.collations.of(aggregate.node),
    })),
  }
}
