import type { DeleteStmt, UpdateStmt } from 'libpg-query'
import { bodyAs, type Node } from '../tree.ts'
import { isSameValue, type Analysis, type QueryContext } from './analysis.ts'
import { applyFacts } from './apply.ts'
import { readCondition } from './conditions.ts'
import { useOf, walkExpression } from './expressions.ts'
import { readFrom, type FromReading } from './from.ts'
import { replicated, type Roots } from './model.ts'
import { bindColumn, createLevel, type Scope } from './scope.ts'
import {
  assignedBinding,
  assignedExpression,
  readReturning,
  readTarget,
  type WriteReading,
  type WriteTarget,
} from './targets.ts'
import { readKeyValue } from './values.ts'
import { bindWith, finishWith } from './with.ts'

export function readUpdate(analysis: Analysis, update: UpdateStmt, context: QueryContext): WriteReading {
  return readChange(analysis, update, update.fromClause, context, (target, scope) => {
    readAssignments(analysis, update.targetList, target, scope)
  })
}

export function readDelete(analysis: Analysis, statement: DeleteStmt, context: QueryContext): WriteReading {
  return readChange(analysis, statement, statement.usingClause, context, () => {})
}

/** UPDATE and DELETE: the target joined with the other items, inner, under WHERE. */
function readChange(
  analysis: Analysis,
  statement: UpdateStmt | DeleteStmt,
  others: readonly Node[] | undefined,
  outer: QueryContext,
  readOwn: (target: WriteTarget, scope: Scope) => void,
): WriteReading {
  const within = bindWith(analysis, statement.withClause, outer)
  const context: QueryContext = { parent: outer.parent, ctes: within.ctes }
  const start = analysis.sources.length
  const target = readTarget(analysis, statement.relation, context, 'table')
  const level = createLevel(true)
  const scope: Scope = { items: [], parent: context.parent, ctes: context.ctes, level }
  const from: FromReading = readFrom(analysis, others ?? [], scope)
  const end = analysis.sources.length
  scope.items = [target.item, ...from.items]
  level.clause = 'where'
  applyFacts(analysis, readCondition(analysis, statement.whereClause, scope), start, end)
  level.clause = 'target'
  readOwn(target, scope)
  const returning = readReturning(analysis, statement.returningClause, target, from.items, context)
  finishWith(within)
  return { returning, target, roots: targetRoots(target) }
}

function targetRoots({ source }: WriteTarget): Roots {
  return source === undefined ? replicated : { kind: 'located', candidates: [[source]], hint: undefined }
}

/** The assignments of SET; one to the shard key would have to move the row. */
export function readAssignments(
  analysis: Analysis,
  nodes: readonly Node[] | undefined,
  target: WriteTarget,
  scope: Scope,
  keepsKey: (node: Node | undefined) => boolean = (node) => isUnchanged(analysis, node, target, scope),
): void {
  let source: Node | undefined
  for (const node of nodes ?? []) {
    const { name = '', val } = bodyAs(node, 'ResTarget') ?? {}
    const multiple = bodyAs(val, 'MultiAssignRef')
    // `(a, b) = (SELECT …)` hangs the same subquery under each of its columns.
    if (multiple === undefined) {
      walkExpression(analysis, val, scope, useOf(assignedBinding(target, name).type))
    } else {
      const own = assignedExpression(val)
      if (own !== undefined) walkExpression(analysis, own, scope, useOf(assignedBinding(target, name).type))
      else if (multiple.colno === 1 || source === undefined) walkExpression(analysis, multiple.source, scope)
      source = multiple.source
    }
    const key = target.source?.placement?.keyColumn
    if (key === undefined || name !== key || keepsKey(assignedExpression(val))) continue
    analysis.refuse(
      'SHARD_KEY_UPDATE',
      `an update of the shard key ${target.relation?.name ?? ''}.${key}`,
      `The statement assigns to "${key}", the shard key of "${target.relation?.name ?? ''}", which may move rows to another shard. Leave it out, or delete the row and insert it anew.`,
    )
  }
}

/** True for `SET k = k` and `SET k = $1 … WHERE k = $1`. */
function isUnchanged(analysis: Analysis, node: Node | undefined, target: WriteTarget, scope: Scope): boolean {
  const { source } = target
  if (source?.placement === undefined || node === undefined) return false
  const { keyColumn, keyType } = source.placement
  const [slot, ...others] = bindColumn(scope, node)?.up ?? []
  if (slot !== undefined) return others.length === 0 && slot.source === source && slot.column === keyColumn
  const value = readKeyValue(node, keyType, analysis.catalog)
  if (value === undefined) return false
  return source.sets.some((set) => {
    const [only] = set.kind === 'values' ? set.values : []
    return set.kind === 'values' && set.values.length === 1 && only !== undefined && isSameValue(only, value)
  })
}
