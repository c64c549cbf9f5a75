import type { InsertStmt, SelectStmt } from 'libpg-query'
import type { KeyedPlacement } from '../catalog.ts'
import type { KeyList } from '../key-list.ts'
import { countParameters } from '../rewrite.ts'
import { bodyAs, castOf, constantOf, functionNameOf, parameterOf, tagOf, type Node } from '../tree.ts'
import type { Analysis, Query, QueryOutput } from './analysis.ts'
import { elementTypeOfCast, isSameKind } from './types.ts'
import { isUnnest } from './unnest.ts'

/**
 * True for a SELECT that makes its rows of the elements of arrays, each row of one position: `SELECT … FROM unnest(…)`,
 * or `SELECT unnest(…), unnest(…)`. Then elements that are left out leave out their rows and nothing else.
 */
export function isOfArrays(analysis: Analysis, select: SelectStmt): boolean {
  if (!isRowByRow(select)) return false
  const [item, ...others] = select.fromClause ?? []
  if (item !== undefined) return others.length === 0 && isUnnestItem(analysis, item)
  return (
    select.whereClause === undefined &&
    unnestedTargets(analysis, select).every(
      (array, index) => array !== undefined || isOneValue(targetsOf(select)[index]),
    )
  )
}

/** Neither combines rows nor counts them. Aggregates and windows show when the query is read. */
function isRowByRow(select: SelectStmt): boolean {
  const { op, valuesLists, distinctClause, groupClause, havingClause, windowClause } = select
  const { limitCount, limitOffset, lockingClause, intoClause, withClause } = select
  return (
    (op === undefined || op === 'SETOP_NONE') &&
    [
      valuesLists,
      distinctClause,
      groupClause,
      havingClause,
      windowClause,
      limitCount,
      limitOffset,
      lockingClause,
      intoClause,
      withClause,
    ].every((clause) => clause === undefined)
  )
}

/** `FROM unnest(…)`; what goes along with it, such as WITH ORDINALITY, shows when it is read. */
function isUnnestItem(analysis: Analysis, item: Node): boolean {
  const [only, ...others] = bodyAs(item, 'RangeFunction')?.functions ?? []
  return others.length === 0 && isUnnest(analysis, bodyAs(bodyAs(only, 'List')?.items?.[0], 'FuncCall'))
}

function targetsOf(select: SelectStmt): readonly (Node | undefined)[] {
  return (select.targetList ?? []).map((target) => bodyAs(target, 'ResTarget')?.val)
}

/** The array of each `unnest($1::int8[])` among the targets; with two arguments it stands in FROM alone. */
function unnestedTargets(analysis: Analysis, select: SelectStmt): readonly (Node | undefined)[] {
  return targetsOf(select).map((target) => {
    const call = bodyAs(target, 'FuncCall')
    return isUnnest(analysis, call) && call.args?.length === 1 ? call.args[0] : undefined
  })
}

/** A target that surely returns no set, which would go along with the arrays row by row. */
function isOneValue(node: Node | undefined): boolean {
  if (node === undefined) return false
  const cast = castOf(node)
  if (cast !== undefined) return isOneValue(cast.argument)
  if (tagOf(node) === 'SQLValueFunction') return true
  const call = bodyAs(node, 'FuncCall')
  if (call !== undefined) {
    const { schema, name } = functionNameOf(call)
    return name === 'now' && (schema === undefined || schema === 'pg_catalog') && call.args === undefined
  }
  return parameterOf(node) !== undefined || constantOf(node) !== undefined
}

/** The key's own array, and all that go along with it. */
type Arrays = Pick<KeyList, 'parameters' | 'at' | 'type'>

/**
 * The arrays whose elements become rows, when one of them is the shard key of the rows and all of them are parameters
 * that stand nowhere else in the statement. `position` is the key's place among the outputs.
 */
export function readArrays(
  analysis: Analysis,
  { insert, select }: { readonly insert: InsertStmt; readonly select: SelectStmt },
  { outputs, isComplete }: Pick<Query, 'outputs' | 'isComplete'>,
  { table, placement, position }: ArrayTarget,
): KeyList | undefined {
  if (!isComplete) return undefined
  const found =
    select.fromClause === undefined
      ? arraysOfTargets(analysis, select, position)
      : arraysOfItem(analysis, outputs[position])
  if (found === undefined || !isSameKind(placement.keyType, found.type)) return undefined
  const counts = countParameters({ InsertStmt: insert })
  if (!found.parameters.every((number) => counts.get(number) === 1)) return undefined
  return { kind: 'arrays', table, placement, id: undefined, width: 1, ...found }
}

export interface ArrayTarget {
  readonly table: string
  readonly placement: KeyedPlacement
  readonly position: number
}

function arraysOfItem(analysis: Analysis, output: QueryOutput | undefined): Arrays | undefined {
  const [slot, ...others] = output?.binding.up ?? []
  const unnested = slot === undefined ? undefined : analysis.unnested.get(slot.source)
  if (unnested?.parameters === undefined || others.length > 0) return undefined
  const { parameters, columns } = unnested
  const at = columns.findIndex(({ binding }) => binding.up?.[0]?.source === slot?.source)
  const type = columns[at]?.type
  return type === undefined ? undefined : { parameters, at, type }
}

function arraysOfTargets(analysis: Analysis, select: SelectStmt, position: number): Arrays | undefined {
  const parameters: number[] = []
  let key: Pick<Arrays, 'at' | 'type'> | undefined
  for (const [index, array] of unnestedTargets(analysis, select).entries()) {
    if (array === undefined) continue
    const cast = castOf(array)
    const number = parameterOf(cast?.argument)
    if (cast?.type.isArray !== true || number === undefined) return undefined
    const type = elementTypeOfCast(cast.type, analysis.catalog)
    if (index === position && type !== undefined) key = { at: parameters.length, type }
    parameters.push(number)
  }
  return key && { parameters, ...key }
}
