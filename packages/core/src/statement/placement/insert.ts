import type { InsertStmt, OnConflictClause, SelectStmt } from 'libpg-query'
import type { KeyList } from '../key-list.ts'
import { noKeys, type KeyValue } from '../key-set.ts'
import type { KeyedPlacement, Relation } from '../catalog.ts'
import type { InsertRows } from '../statement.ts'
import { bodyAs, type Node } from '../tree.ts'
import type { Analysis, QueryContext, QueryOutput } from './analysis.ts'
import { readCondition } from './conditions.ts'
import { readConflictIds } from './conflict.ts'
import { useOf, walkExpression } from './expressions.ts'
import { refusedRoots, replicated, type Roots, type Source } from './model.ts'
import { isOfArrays, readArrays } from './insert-arrays.ts'
import { createLevel, type Scope } from './scope.ts'
import { hasLimit, readSelect } from './select.ts'
import { excludedItem, readReturning, readTarget, type WriteReading, type WriteTarget } from './targets.ts'
import { isSameKind, typeOfColumn } from './types.ts'
import { readAssignments } from './update.ts'
import { readKeyValue } from './values.ts'
import { bindWith, finishWith } from './with.ts'

export interface InsertReading extends WriteReading {
  /** The rows' keys, for plain VALUES. */
  readonly rows: InsertRows | undefined
  /** Columns that are filled by their defaults in some row. */
  readonly defaulted: readonly string[]
}

export function readInsert(analysis: Analysis, insert: InsertStmt, outer: QueryContext): InsertReading {
  const within = bindWith(analysis, insert.withClause, outer)
  const context: QueryContext = { parent: outer.parent, ctes: within.ctes }
  const target = readTarget(analysis, insert.relation, context, 'written')
  const columns = insertedColumns(insert, target.relation)
  if (insert.override === 'OVERRIDING_USER_VALUE') refuseOverridden(analysis, target)
  const select = bodyAs(insert.selectStmt, 'SelectStmt')
  const isValues = select?.valuesLists !== undefined && isBare(select)
  const outcome =
    select === undefined
      ? readDefaultValues(analysis, target)
      : isValues
        ? readRows(analysis, select.valuesLists ?? [], columns, target, context)
        : readSelected(analysis, { insert, select }, columns, target, context)
  readConflict(analysis, insert.onConflictClause, target, context)
  const lists = isValues
    ? (select.valuesLists ?? []).map((list) => bodyAs(list, 'List')?.items ?? [])
    : undefined
  const ids = readConflictIds(analysis, insert.onConflictClause, target, { columns, lists })
  const returning = readReturning(analysis, insert.returningClause, target, [], context)
  finishWith(within)
  const omitted = (target.relation?.columns ?? [])
    .filter((column) => !columns.includes(column.name) && column.hasDefault)
    .map((column) => column.name)
  const rows = outcome.rows === undefined || ids === undefined ? outcome.rows : { ...outcome.rows, ids }
  return { returning, target, ...outcome, rows, defaulted: [...omitted, ...outcome.defaulted] }
}

type Outcome = Pick<InsertReading, 'rows' | 'roots' | 'defaulted'>

const isBare = (select: SelectStmt): boolean =>
  select.sortClause === undefined && !hasLimit(select) && select.withClause === undefined

/** The columns that values are assigned to, in order. */
function insertedColumns(insert: InsertStmt, relation: Relation | undefined): readonly string[] {
  if (insert.cols !== undefined) return insert.cols.map((node) => bodyAs(node, 'ResTarget')?.name ?? '')
  return relation?.columns.map((column) => column.name) ?? []
}

function refuseMissing(analysis: Analysis, target: WriteTarget, placement: KeyedPlacement): void {
  const table = target.relation?.name ?? ''
  analysis.refuse(
    'SHARD_KEY_MISSING',
    `an INSERT without ${table}.${placement.keyColumn}`,
    `The INSERT into "${table}" gives no value for its shard key "${placement.keyColumn}". A row needs its key to have a place: add the column.`,
  )
}

/** OVERRIDING USER VALUE puts the sequence's number in the place of the value given for an identity column. */
export function refuseOverridden(analysis: Analysis, target: WriteTarget): void {
  const placement = target.source?.placement
  if (placement === undefined) return
  const column = target.relation?.columns.find(({ name }) => name === placement.keyColumn)
  // An identity column's default has no text.
  if (column?.hasDefault === true && column.defaultText === undefined)
    refuseMissing(analysis, target, placement)
}

function refuseComputed(analysis: Analysis, target: WriteTarget, placement: KeyedPlacement): void {
  const table = target.relation?.name ?? ''
  analysis.refuse(
    'UNPROVED_WRITE',
    `a computed value for ${table}.${placement.keyColumn}`,
    `Nothing proves on which shard the rows for "${table}" belong: its shard key "${placement.keyColumn}" is not a parameter, a literal or the key of a table it is read from. Compute the key in the application.`,
  )
}

function readDefaultValues(analysis: Analysis, target: WriteTarget): Outcome {
  if (target.source?.placement !== undefined) refuseMissing(analysis, target, target.source.placement)
  return { rows: undefined, roots: replicated, defaulted: [] }
}

function readRows(
  analysis: Analysis,
  lists: readonly Node[],
  columns: readonly string[],
  target: WriteTarget,
  context: QueryContext,
): Outcome {
  const level = createLevel(true)
  level.clause = 'target'
  const scope: Scope = { items: [], parent: context.parent, ctes: context.ctes, level }
  const placement = target.source?.placement
  const position = placement === undefined ? -1 : columns.indexOf(placement.keyColumn)
  const types = columnTypes(columns, target.relation)
  const keys: KeyValue[] = []
  const defaulted = new Set<string>()
  for (const list of lists) {
    const values = bodyAs(list, 'List')?.items ?? []
    for (const [index, node] of values.entries()) {
      if (bodyAs(node, 'SetToDefault') !== undefined) defaulted.add(columns[index] ?? '')
      else walkExpression(analysis, node, scope, types[index] ?? 'other')
    }
    if (placement === undefined) continue
    const node = values[position]
    if (node === undefined || bodyAs(node, 'SetToDefault') !== undefined) {
      refuseMissing(analysis, target, placement)
      continue
    }
    const value = readKeyValue(node, placement.keyType, analysis.catalog)
    if (value === undefined) refuseComputed(analysis, target, placement)
    else keys.push(value)
    if (value?.source === 'null') refuseNull(analysis, target, placement)
  }
  if (placement === undefined || target.source === undefined) {
    return { rows: undefined, roots: replicated, defaulted: [...defaulted] }
  }
  const width = lengthOf(lists[0])
  if (lists.some((list) => lengthOf(list) !== width)) {
    // No server takes such a text, but rows dealt out to several would be of equal length: any one may say so.
    target.source.sets.push(noKeys)
    return { rows: undefined, roots: replicated, defaulted: [...defaulted] }
  }
  target.source.sets.push({ kind: 'values', values: keys })
  const rows = { table: target.relation?.name ?? '', placement, keys }
  return {
    rows: keys.length === lists.length ? rows : undefined,
    roots: refusedRoots(
      'an INSERT of rows for several shards inside another statement',
      'its rows cannot be dealt out',
      'Send the INSERT as a statement of its own.',
    ),
    defaulted: [...defaulted],
  }
}

function lengthOf(list: Node | undefined): number {
  return bodyAs(list, 'List')?.items?.length ?? 0
}

function refuseNull(analysis: Analysis, target: WriteTarget, placement: KeyedPlacement): void {
  const table = target.relation?.name ?? ''
  analysis.refuse(
    'SHARD_KEY_NULL',
    `NULL for ${table}.${placement.keyColumn}`,
    `The INSERT into "${table}" gives NULL for its shard key "${placement.keyColumn}". A row needs its key to have a place: give it a value.`,
  )
}

function columnTypes(columns: readonly string[], relation: Relation | undefined): ReturnType<typeof useOf>[] {
  return columns.map((name) => {
    const column = relation?.columns.find((candidate) => candidate.name === name)
    return column === undefined ? 'other' : useOf(typeOfColumn(column))
  })
}

/** INSERT … SELECT: each new row's key has to be a value of the text or the key of the row it is made from. */
function readSelected(
  analysis: Analysis,
  { insert, select }: { readonly insert: InsertStmt; readonly select: SelectStmt },
  columns: readonly string[],
  target: WriteTarget,
  context: QueryContext,
): Outcome {
  const targetTypes = columnTypes(columns, target.relation)
  const { source } = target
  // The rows come back in the order of the arrays, which another order would not be.
  const isDealt =
    source?.placement !== undefined &&
    (select.sortClause === undefined || insert.returningClause === undefined) &&
    isOfArrays(analysis, select)
  const { query, isOneRow, hasWindowsWithoutKey } = readSelect(
    analysis,
    select,
    { ...context, targetTypes },
    isDealt,
  )
  if (source?.placement === undefined) {
    if (target.relation?.placement.strategy === 'reference' && hasLimit(select)) {
      analysis.obstruct(
        'LIMIT in an INSERT into a reference table',
        'The servers need not pick the same rows.',
      )
    }
    return { rows: undefined, roots: query.roots, defaulted: [] }
  }
  const { placement } = source
  const position = columns.indexOf(placement.keyColumn)
  const table = target.relation?.name ?? ''
  if (isDealt && position >= 0 && isOneRow !== true && !hasWindowsWithoutKey) {
    const list = readArrays(analysis, { insert, select }, query, { table, placement, position })
    if (list !== undefined) return dealtOutcome(source, list)
  }
  const output = query.isComplete && position >= 0 ? query.outputs[position] : undefined
  if (position < 0 || (query.isComplete && output === undefined)) refuseMissing(analysis, target, placement)
  else if (output === undefined || !assignKey(analysis, output, source, placement)) {
    refuseComputed(analysis, target, placement)
  }
  return { rows: undefined, roots: insertRoots(query.roots), defaulted: [] }
}

/** Each element of the arrays becomes a row, wherever the others are. */
function dealtOutcome(source: Source, list: KeyList): Outcome {
  const { table, placement, parameters, at, type } = list
  source.sets.push({ kind: 'array', value: { source: 'parameter', number: parameters[at] ?? 0, type } })
  return {
    rows: { table, placement, keys: [], list },
    roots: refusedRoots(
      'an INSERT of arrays for several shards inside another statement',
      'its rows cannot be dealt out',
      'Send the INSERT as a statement of its own.',
    ),
    defaulted: [],
  }
}

function insertRoots(roots: Roots): Roots {
  if (roots.kind !== 'replicated') return roots
  return refusedRoots(
    'an INSERT … SELECT from no sharded table',
    'every shard would insert the same rows',
    'Insert the rows with VALUES, or one shard key at a time.',
  )
}

/** Ties the new rows' key to where it comes from; false when that is not plain. */
function assignKey(
  analysis: Analysis,
  output: QueryOutput,
  source: Source,
  placement: KeyedPlacement,
): boolean {
  const value =
    output.untyped === undefined
      ? undefined
      : readKeyValue(output.untyped, placement.keyType, analysis.catalog)
  if (value !== undefined) {
    source.sets.push({ kind: 'values', values: [value] })
    return true
  }
  const { binding } = output
  if (binding.up === undefined || binding.type === undefined || binding.type === 'unknown') return false
  if (!isSameKind(placement.keyType, binding.type)) return false
  const to = { source, column: placement.keyColumn, row: source.id }
  analysis.equalities.push({ from: binding.up, to, isStrict: true })
  return true
}

function readConflict(
  analysis: Analysis,
  clause: OnConflictClause | undefined,
  target: WriteTarget,
  context: QueryContext,
): void {
  if (clause === undefined) return
  const scope: Scope = {
    items: [target.item, excludedItem(target)],
    parent: context.parent,
    ctes: context.ctes,
    level: createLevel(false),
  }
  for (const node of clause.infer?.indexElems ?? []) {
    walkExpression(analysis, bodyAs(node, 'IndexElem')?.expr, scope)
  }
  readCondition(analysis, clause.infer?.whereClause, scope)
  readAssignments(analysis, clause.targetList, target, scope, 'conflict')
  readCondition(analysis, clause.whereClause, scope)
}
