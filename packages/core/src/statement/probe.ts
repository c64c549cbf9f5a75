import type { SelectStmt, SubLink } from 'libpg-query'
import { hasNoShape, isNoSetOperation } from './counted-select.ts'
import { bodyAs, castOf, constantOf, type Node } from './tree.ts'

/** A statement that asks only whether there are rows. */
export type Probe =
  /** `SELECT EXISTS (…)`: each shard answers, and one yes is a yes. */
  | { readonly kind: 'values'; readonly questions: readonly Question[] }
  /** `SELECT 1 … WHERE EXISTS (…)`: one row of constants, from any shard that has it. */
  | { readonly kind: 'row'; readonly questions: readonly Question[] }

export interface Question {
  /** Position in the select list; -1 for WHERE. */
  readonly target: number
  readonly sublink: SubLink
  readonly isNegated: boolean
}

/** Undefined for every other statement. */
export function probeOf(select: SelectStmt): Probe | undefined {
  if (!isNoSetOperation(select) || select.valuesLists !== undefined || !hasNoShape(select)) return undefined
  const targets = (select.targetList ?? []).map((node) => bodyAs(node, 'ResTarget')?.val)
  if (select.whereClause !== undefined) {
    const question = questionOf(select.whereClause, -1)
    const isOneRow = (select.fromClause ?? []).length === 0 || isOneRowOfConstants(select.fromClause ?? [])
    if (question === undefined || question.isNegated || !isOneRow || !hasNoOffset(select)) return undefined
    return targets.every(isConstant) ? { kind: 'row', questions: [question] } : undefined
  }
  if (select.fromClause !== undefined || select.limitCount !== undefined || select.limitOffset !== undefined)
    return undefined
  const questions: Question[] = []
  for (const [index, target] of targets.entries()) {
    const question = questionOf(target, index)
    if (question !== undefined) questions.push(question)
    else if (!isConstant(target)) return undefined
  }
  return questions.length === 0 ? undefined : { kind: 'values', questions }
}

function questionOf(node: Node | undefined, target: number): Question | undefined {
  const negation = bodyAs(node, 'BoolExpr')
  if (negation?.boolop === 'NOT_EXPR') {
    const inner = questionOf(negation.args?.[0], target)
    return inner && { ...inner, isNegated: !inner.isNegated }
  }
  const sublink = bodyAs(node, 'SubLink')
  return sublink?.subLinkType === 'EXISTS_SUBLINK' ? { target, sublink, isNegated: false } : undefined
}

/** `(SELECT 1 AS dummy) t` */
function isOneRowOfConstants(from: readonly Node[]): boolean {
  const [only, ...others] = from
  const inner = bodyAs(bodyAs(only, 'RangeSubselect')?.subquery, 'SelectStmt')
  return (
    others.length === 0 &&
    inner !== undefined &&
    isNoSetOperation(inner) &&
    hasNoShape(inner) &&
    inner.valuesLists === undefined &&
    inner.fromClause === undefined &&
    inner.whereClause === undefined &&
    inner.limitCount === undefined &&
    inner.limitOffset === undefined &&
    (inner.targetList ?? []).every((node) => isConstant(bodyAs(node, 'ResTarget')?.val))
  )
}

/** LIMIT 1, or any other number of rows that one is within. */
function hasNoOffset(select: SelectStmt): boolean {
  return (
    select.limitOffset === undefined && (select.limitCount === undefined || isPositive(select.limitCount))
  )
}

/** True when LIMIT leaves a row wherever there is one. */
export function isPositive(node: Node | undefined): boolean {
  const constant = constantOf(node)
  return constant?.kind === 'null' || (constant?.kind === 'integer' && constant.value > 0)
}

function isConstant(node: Node | undefined): boolean {
  const cast = castOf(node)
  return cast === undefined ? constantOf(node) !== undefined : isConstant(cast.argument)
}
