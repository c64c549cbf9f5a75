import type { Catalog } from './catalog.ts'
import type { DistributionProof } from './distribution.ts'
import { countedSelect } from './counted-select.ts'
import type { AggregateMerge, DistinctMerge, MergePlan } from './merge-plan.ts'
import { aggregatesIn, mayReturnSet } from './merge-planner-aggregates.ts'
import {
  addHidden,
  clausesOf,
  createDraft,
  finishDraft,
  positionOf,
  textOf,
  type ColumnUse,
  type Draft,
  type Select,
} from './merge-planner-draft.ts'
import {
  countsRows,
  exposeInGroups,
  finishGroups,
  isLimitedPerShard,
  planGroups,
} from './merge-planner-groups.ts'
import { planLimits } from './merge-planner-limit.ts'
import {
  exposeHidden,
  planOrder,
  resolveOutput,
  resolveOutputName,
  sortKeys,
  type Expose,
  type OrderItem,
} from './merge-planner-order.ts'
import { PlanRefused, refuse, refuseRewrite } from './merge-planner-refusal.ts'
import { pagedSelect } from './paged-select.ts'
import { probeOf, type Probe } from './probe.ts'
import type { Refusal } from './statement.ts'
import { bodyAs, columnOf, constantOf, type Node } from './tree.ts'

export type PlanMergeResult = { readonly plan: MergePlan } | { readonly refusal: Refusal }

/**
 * How the results of several shards become the one result of a read, given the proof that its rows are those of the
 * shards put together.
 *
 * Shards run the original text, or one that was changed by cutting at the places the parse tree tells; the change
 * is kept only if parsing it gives exactly the tree that was meant.
 */
export function planMerge(
  stmt: Node,
  text: string,
  catalog: Catalog,
  proof: DistributionProof,
): PlanMergeResult {
  const select = bodyAs(stmt, 'SelectStmt')
  try {
    if (select === undefined) refuse('A statement other than SELECT')
    return { plan: planSelect(createDraft(select, text, { catalog, proof })) }
  } catch (error) {
    if (error instanceof PlanRefused) return { refusal: error.refusal }
    throw error
  }
}

function planSelect(draft: Draft): MergePlan {
  const { select } = draft
  if ((select.lockingClause?.length ?? 0) > 0) refuse('FOR UPDATE or FOR SHARE')
  if (select.intoClause !== undefined) refuse('SELECT INTO')
  if ((select.valuesLists?.length ?? 0) > 0) refuse('VALUES')
  if (select.op !== undefined && select.op !== 'SETOP_NONE') return planSetOperation(draft)
  const probe = probeOf(select)
  if (probe !== undefined) return planProbe(draft, probe)
  const isGrouped =
    (select.groupClause?.length ?? 0) > 0 ||
    select.havingClause !== undefined ||
    [...draft.targets.map((target) => target.val), ...(select.sortClause ?? [])].some(
      (node) => node !== undefined && aggregatesIn(node, draft.catalog).length > 0,
    )
  if (isGrouped && !draft.proof.isGroupedByKey) return planGrouped(draft)
  return draft.proof.isOfPage === true ? planPage(draft) : planRows(draft)
}

/** A page with its relations: each shard's first rows, of which the merge takes the page. */
function planPage(outer: Draft): MergePlan {
  const paged = pagedSelect(outer.select) ?? refuse('LIMIT in a subquery')
  const draft = { ...outer, limited: (select: Select): Select => pagedSelect(select)?.page ?? select }
  for (const query of paged.joined) {
    if (!isAtMostOneRow(draft, query)) {
      refuse(
        'LIMIT in a subquery',
        'let every relation that is joined to the page be one row, as with json_agg',
      )
    }
  }
  const order = planOrder(draft, exposeHidden(draft))
  return assemble(draft, { order, limits: planLimits(draft, 'widened') })
}

/** One row of aggregates, or a row that LIMIT 1 leaves. */
function isAtMostOneRow(draft: Draft, query: Select): boolean {
  if (query.op !== undefined && query.op !== 'SETOP_NONE') return false
  const targets = (query.targetList ?? []).flatMap((node) => bodyAs(node, 'ResTarget')?.val ?? [])
  if (targets.some((target) => mayReturnSet(target, draft.catalog))) return false
  if (
    query.groupClause === undefined &&
    targets.some((target) => aggregatesIn(target, draft.catalog).length > 0)
  )
    return true
  if (isLimitedToOne(draft, query.limitCount)) return true
  const [only, ...others] = query.fromClause ?? []
  const inner = bodyAs(bodyAs(only, 'RangeSubselect')?.subquery, 'SelectStmt')
  return others.length === 0 && inner !== undefined && isAtMostOneRow(draft, inner)
}

/** A parameter is looked at when its value is known. */
function isLimitedToOne(draft: Draft, node: Node | undefined): boolean {
  const constant = constantOf(node)
  if (constant?.kind === 'integer') return constant.value === 0 || constant.value === 1
  const number = bodyAs(node, 'ParamRef')?.number
  if (number === undefined) return false
  draft.parameters.set(number, { kind: 'one', number })
  return true
}

/** Rows that are final as the shards send them, or groups that lie whole on one shard. */
function planRows(draft: Draft): MergePlan {
  const { distinctClause } = draft.select
  const isPlainDistinct = distinctClause !== undefined && !isDistinctOnClause(distinctClause)
  const order = planOrder(draft, isPlainDistinct ? exposeUnderDistinct(draft) : exposeHidden(draft))
  const distinct = distinctClause === undefined ? undefined : planDistinct(draft, distinctClause)
  return assemble(draft, { order, distinct, limits: planLimits(draft, 'widened') })
}

/** `DISTINCT` alone arrives as a list with one empty node. */
function isDistinctOnClause(clause: readonly Node[]): boolean {
  return clause.some((node) => Object.keys(node).length > 0)
}

function planDistinct(draft: Draft, clause: readonly Node[]): (() => DistinctMerge) | undefined {
  const { isDeterministic } = draft.collations
  if (!isDistinctOnClause(clause)) {
    if (draft.proof.isDistinctByKey) return undefined
    return () => ({ columns: 'visible', isOn: false, isDeterministic })
  }
  const uses = clause.map(
    (node, index): ColumnUse =>
      resolveOutput(draft, node) ??
      addHidden(draft, node, textOf(draft, clausesOf(draft).distinctOn[index] ?? refuseRewrite())),
  )
  return () => ({ columns: uses.map((use) => positionOf(draft, use)), isOn: true, isDeterministic })
}

/** Under DISTINCT only what is selected can be ordered by, and no column may be added. */
function exposeUnderDistinct(draft: Draft): Expose {
  return (node) => {
    const column = columnOf(node)
    const name = column?.parts.at(-1)
    const resolved = draft.proof.resolveColumn(node)
    // `SELECT DISTINCT t.* … ORDER BY t.id`: the star has it, under its own name, if the only table does.
    if (name !== undefined && resolved !== undefined && (draft.select.fromClause?.length ?? 0) === 1) {
      const isOnlyTable = bodyAs(draft.select.fromClause?.[0], 'RangeVar') !== undefined
      const same = draft.proof.outputs.filter((output) => output.name === name)
      const use = resolveOutputName(draft, name)
      if (isOnlyTable && same.length === 1 && same[0]?.column === resolved.column && use?.kind === 'name')
        return use
    }
    refuse(
      'ORDER BY an expression that SELECT DISTINCT does not list',
      'select it under a name and order by the name',
    )
  }
}

function planGrouped(draft: Draft): MergePlan {
  if (draft.proof.isOfPage === true) return planCounted(draft)
  const group = planGroups(draft)
  const order = planOrder(draft, exposeInGroups(draft, group))
  const limits = planLimits(draft, isLimitedPerShard(group, order) ? 'widened' : 'all')
  return assemble(draft, { order, limits, grouping: () => finishGroups(draft, group) })
}

/** An aggregate over a page of rows: of their number it is known what the page leaves, of their values it is not. */
function planCounted(outer: Draft): MergePlan {
  const draft = { ...outer, limited: (select: Select): Select => countedSelect(select) ?? select }
  const group = planGroups(draft)
  const isNumber = countsRows(draft, group)
  const { limit, offset } = planLimits(draft, isNumber ? 'widened' : 'absent')
  const none = { limit: undefined, offset: undefined, withTies: false }
  const plan = assemble(draft, { order: [], limits: none, grouping: () => finishGroups(draft, group) })
  if (limit === undefined && offset === undefined) return plan
  const columns = group.aggregates.map((aggregate) => positionOf(draft, aggregate.use))
  return { ...plan, counted: { columns, limit, offset } }
}

/** Whether there are rows: on any shard, or on none. */
function planProbe(draft: Draft, { kind, questions }: Probe): MergePlan {
  const none = { limit: undefined, offset: undefined, withTies: false }
  if (kind === 'row')
    return assemble(draft, { order: [], limits: { ...none, limit: { source: 'literal', count: 1n } } })
  const aggregates = questions.map(({ target, isNegated }): AggregateMerge => ({
    column: target,
    fn: isNegated ? 'bool_and' : 'bool_or',
    partials: [target],
    form: 'plain',
    collation: undefined,
  }))
  const grouping = { keys: [], isDeterministic: true, isSingle: true, having: undefined, aggregates }
  return assemble(draft, { order: [], limits: none, grouping: () => grouping })
}

function planSetOperation(draft: Draft): MergePlan {
  const { select } = draft
  checkBranches(draft, select)
  const order = planOrder({ ...draft, targets: leftmost(select).targets }, () =>
    refuse('ORDER BY an expression over a set operation', 'order by an output column'),
  )
  const isDistinct = select.op === 'SETOP_UNION' && select.all !== true && !draft.proof.isDistinctByKey
  const { isDeterministic, ofAny } = draft.collations
  const distinct = isDistinct
    ? (): DistinctMerge => ({ columns: 'visible', isOn: false, isDeterministic })
    : undefined
  // Branches may bring different collations; only a statement with a single one is sure.
  const keys = order.map(({ use, key }) => ({ use, key: { ...key, collation: ofAny } }))
  return assemble(draft, { order: keys, distinct, limits: planLimits(draft, 'widened') })
}

function leftmost(select: Select): { readonly targets: Draft['targets'] } {
  let branch = select
  while (branch.larg !== undefined) branch = branch.larg
  return { targets: (branch.targetList ?? []).map((target) => bodyAs(target, 'ResTarget') ?? {}) }
}

/** Inside a UNION ALL, a UNION would have to drop duplicates of other shards before the rows are put together. */
function checkBranches(draft: Draft, select: Select): void {
  const isUnion = select.op === 'SETOP_UNION' && select.all !== true
  for (const branch of [select.larg, select.rarg]) {
    if (branch === undefined) continue
    if (branch.op !== undefined && branch.op !== 'SETOP_NONE') {
      const isInnerUnion = branch.op === 'SETOP_UNION' && branch.all !== true
      if (isInnerUnion && !isUnion && !draft.proof.isDistinctByKey)
        refuse('UNION inside another set operation')
      checkBranches(draft, branch)
    } else if ((branch.groupClause?.length ?? 0) === 0) {
      const calls = (branch.targetList ?? []).flatMap((target) => aggregatesIn(target, draft.catalog))
      if (calls.length > 0)
        refuse('An aggregate in a branch of a set operation', 'run the branches as queries of their own')
    }
  }
}

interface Parts {
  readonly order: readonly OrderItem[]
  readonly limits: ReturnType<typeof planLimits>
  readonly distinct?: (() => DistinctMerge) | undefined
  readonly grouping?: () => MergePlan['grouping']
}

function assemble(draft: Draft, { order, limits, distinct, grouping }: Parts): MergePlan {
  const { text, parameters } = finishDraft(draft)
  return {
    text,
    isRewritten: text !== draft.text,
    hiddenColumns: draft.hidden.length,
    order: sortKeys(draft, order),
    distinct: distinct?.(),
    grouping: grouping?.(),
    ...limits,
    parameters,
    notes: draft.notes,
  }
}
