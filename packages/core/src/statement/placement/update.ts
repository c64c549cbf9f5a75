import type { DeleteStmt, UpdateStmt } from 'libpg-query'
import type { KeyType } from '../key-type.ts'
import { bodyAs, columnOf, type Node } from '../tree.ts'
import { isSameValue, type Analysis, type QueryContext } from './analysis.ts'
import { applyFacts } from './apply.ts'
import { readCondition } from './conditions.ts'
import { useOf, walkExpression } from './expressions.ts'
import { withOuterJoins } from './facts.ts'
import { readFrom, type FromReading } from './from.ts'
import { replicated, type Roots, type Slot } from './model.ts'
import { bindColumn, createLevel, type Scope } from './scope.ts'
import { idOf, isProvingSlot, keysOfSlot } from './slots.ts'
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
    readAssignments(analysis, update.targetList, target, scope, 'update')
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
  const condition = readCondition(analysis, statement.whereClause, scope)
  applyFacts(analysis, withOuterJoins(condition, level.outerJoins), start, end)
  level.clause = 'target'
  readOwn(target, scope)
  const returning = readReturning(analysis, statement.returningClause, target, from.items, context)
  finishWith(within)
  return { returning, target, roots: targetRoots(target) }
}

function targetRoots({ source }: WriteTarget): Roots {
  return source === undefined ? replicated : { kind: 'located', candidates: [[source]], hint: undefined }
}

/** The assignments of SET; one to the shard key or to a routable id may have to move the row. */
export function readAssignments(
  analysis: Analysis,
  nodes: readonly Node[] | undefined,
  target: WriteTarget,
  scope: Scope,
  command: 'update' | 'merge' | 'conflict',
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
    if (target.source === undefined) continue
    const slot: Slot = { source: target.source, column: name, row: target.source.id }
    if (isProvingSlot(slot)) readPlacedAssignment(analysis, assignedExpression(val), { slot, scope, command })
  }
}

interface PlacedAssignment {
  readonly slot: Slot
  readonly scope: Scope
  readonly command: 'update' | 'merge' | 'conflict'
}

/** A value for a column that says where its row lies: the row's own, or one that is compared once it is known. */
function readPlacedAssignment(
  analysis: Analysis,
  node: Node | undefined,
  { slot, scope, command }: PlacedAssignment,
): void {
  const { source, column } = slot
  const { relation, placement } = source
  const id = idOf(slot)
  const type = id?.format ?? placement?.keyType
  if (type === undefined || relation === undefined || placement === undefined) return
  if (command === 'conflict' && (id !== undefined || isOfConflict(node, column, scope))) return
  if (isUnchanged(analysis, node, { slot, type, scope })) return
  const value = node === undefined ? undefined : readKeyValue(node, type, analysis.catalog)
  if (id !== undefined && value?.source === 'null') return
  if (command === 'update' && value !== undefined) {
    const set = keysOfSlot(slot, { kind: 'values', values: [value] })
    analysis.assignments.push({ source, column, set })
    return
  }
  // What refers to an id is checked by the foreign key, and ids by their constraint.
  if (id !== undefined && (value !== undefined || relation.routable?.get(column)?.via !== undefined)) return
  const what = id === undefined ? 'the shard key' : 'a routable id'
  analysis.refuse(
    'SHARD_KEY_UPDATE',
    `an update of ${what} ${relation.name}.${column}`,
    `The statement assigns to "${column}", ${what} of "${relation.name}", which may move rows to another shard. Leave it out, or delete the row and insert it anew.`,
  )
}

/** The conflicting row has the new row's key, so that EXCLUDED.key changes nothing. */
function isOfConflict(node: Node | undefined, key: string, { items: [target] }: Scope): boolean {
  const [table, name, ...more] = columnOf(node)?.parts ?? []
  return more.length === 0 && name === key && (table === 'excluded' || table === target?.name)
}

interface OwnValue {
  readonly slot: Slot
  readonly type: KeyType
  readonly scope: Scope
}

/** True for `SET k = k` and `SET k = $1 … WHERE k = $1`. */
function isUnchanged(analysis: Analysis, node: Node | undefined, { slot, type, scope }: OwnValue): boolean {
  const { source, column } = slot
  if (node === undefined) return false
  const [own, ...others] = bindColumn(scope, node)?.up ?? []
  if (own !== undefined) return others.length === 0 && own.source === source && own.column === column
  const value = readKeyValue(node, type, analysis.catalog)
  if (value === undefined) return false
  const stated = idOf(slot) === undefined ? source.sets : (source.idSets.get(column) ?? [])
  return stated.some((set) => {
    const [only] = set.kind === 'values' ? set.values : []
    return set.kind === 'values' && set.values.length === 1 && only !== undefined && isSameValue(only, value)
  })
}
