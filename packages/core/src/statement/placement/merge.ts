import type { MergeStmt, MergeWhenClause } from 'libpg-query'
import { bodyAs } from '../tree.ts'
import type { Analysis, QueryContext } from './analysis.ts'
import { applyFacts } from './apply.ts'
import { readCondition } from './conditions.ts'
import { bindExpression, useOf, walkExpression } from './expressions.ts'
import { readFrom } from './from.ts'
import { refuseOverridden } from './insert.ts'
import { refusedRoots } from './model.ts'
import { createLevel, nullableItems, type Scope } from './scope.ts'
import { assignedBinding, readReturning, readTarget, type WriteReading, type WriteTarget } from './targets.ts'
import { isSameKind } from './types.ts'
import { readAssignments } from './update.ts'
import { readKeyValue } from './values.ts'
import { bindWith, finishWith } from './with.ts'

/**
 * MERGE joins its source with its target: every source row counts when rows that match nothing are inserted, every
 * target row when there is something to do with those that match no source row.
 */
export function readMerge(analysis: Analysis, merge: MergeStmt, outer: QueryContext): WriteReading {
  const within = bindWith(analysis, merge.withClause, outer)
  const context: QueryContext = { parent: outer.parent, ctes: within.ctes }
  const clauses = (merge.mergeWhenClauses ?? []).map((node) => bodyAs(node, 'MergeWhenClause') ?? {})
  const has = (kind: MergeWhenClause['matchKind']): boolean =>
    clauses.some((clause) => clause.matchKind === kind)
  const keepsSource = has('MERGE_WHEN_NOT_MATCHED_BY_TARGET')
  const keepsTarget = has('MERGE_WHEN_NOT_MATCHED_BY_SOURCE')

  const start = analysis.sources.length
  const target = readTarget(analysis, merge.relation, context, 'table')
  const middle = analysis.sources.length
  const scope: Scope = { items: [], parent: context.parent, ctes: context.ctes, level: createLevel(true) }
  const from = readFrom(analysis, merge.sourceRelation === undefined ? [] : [merge.sourceRelation], scope)
  const end = analysis.sources.length
  scope.items = [target.item, ...from.items]
  const facts = readCondition(analysis, merge.joinCondition, scope)
  if (!keepsTarget) applyFacts(analysis, facts, start, middle)
  if (!keepsSource) applyFacts(analysis, facts, middle, end)
  const actions: Scope = {
    ...scope,
    items: [target.item, ...(keepsTarget ? nullableItems(from.items) : from.items)],
  }
  for (const clause of clauses) readClause(analysis, clause, target, actions)
  const returning = readReturning(analysis, merge.returningClause, target, from.items, context)
  finishWith(within)
  return {
    returning,
    target,
    roots: refusedRoots(
      'MERGE over several shards',
      'its rows cannot be dealt out',
      'Merge one shard key at a time.',
    ),
  }
}

function readClause(analysis: Analysis, clause: MergeWhenClause, target: WriteTarget, scope: Scope): void {
  readCondition(analysis, clause.condition, scope)
  if (clause.commandType === 'CMD_INSERT') readInserted(analysis, clause, target, scope)
  else readAssignments(analysis, clause.targetList, target, scope, 'merge')
}

function readInserted(analysis: Analysis, clause: MergeWhenClause, target: WriteTarget, scope: Scope): void {
  const names =
    clause.targetList?.map((node) => bodyAs(node, 'ResTarget')?.name ?? '') ??
    target.relation?.columns.map((column) => column.name) ??
    []
  const values = clause.values ?? []
  for (const [index, node] of values.entries()) {
    walkExpression(analysis, node, scope, useOf(assignedBinding(target, names[index] ?? '').type))
  }
  const placement = target.source?.placement
  const relation = target.relation
  if (placement === undefined || relation === undefined) return
  if (clause.override === 'OVERRIDING_USER_VALUE') refuseOverridden(analysis, target)
  const node = values[names.indexOf(placement.keyColumn)]
  const added = analysis.addSource('written', 'write', placement.keyType, { relation, placement })
  const value = readKeyValue(node, placement.keyType, analysis.catalog)
  if (value !== undefined) {
    added.sets.push(value.source === 'null' ? { kind: 'none' } : { kind: 'values', values: [value] })
    return
  }
  const binding = node === undefined ? undefined : bindExpression(analysis, node, scope)
  const type = binding?.type
  if (
    binding?.up !== undefined &&
    type !== undefined &&
    type !== 'unknown' &&
    isSameKind(placement.keyType, type)
  ) {
    const to = { source: added, column: placement.keyColumn, row: added.id }
    analysis.equalities.push({ from: binding.up, to, isStrict: true })
    return
  }
  analysis.refuse(
    'UNPROVED_WRITE',
    `a computed value for ${relation.name}.${placement.keyColumn}`,
    `MERGE inserts rows into "${relation.name}" whose shard key "${placement.keyColumn}" is not a parameter, a literal or the key of a source row. Give the key plainly.`,
  )
}
