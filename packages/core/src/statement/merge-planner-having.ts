import type { HavingCondition, HavingOperator } from './merge-plan.ts'
import { aggregatesIn } from './merge-planner-aggregates.ts'
import { clausesOf, positionOf, tokensOf, type ColumnUse, type Draft } from './merge-planner-draft.ts'
import { refuse, refuseRewrite } from './merge-planner-refusal.ts'
import { bodyAs, castOf, constantOf, parameterOf, stringsOf, type Node, type NodeBody } from './tree.ts'

/** The condition, once the columns' positions are final. */
export type HavingUse = (draft: Draft) => HavingCondition

type ExposeValue = (node: Node) => ColumnUse

/**
 * Takes HAVING out of the shards' text and over the merged groups, when it looks at aggregates. A condition over the
 * keys alone is true of a whole group or of none of it: it stays with the shards.
 */
export function planHaving(draft: Draft, expose: ExposeValue): HavingUse | undefined {
  const { havingClause } = draft.select
  if (havingClause === undefined || aggregatesIn(havingClause, draft.catalog).length === 0) return undefined
  const condition = readCondition(draft, havingClause, expose)
  const range = clausesOf(draft).having
  const tokens = tokensOf(draft)
  const first = range === undefined ? undefined : tokens[range.first]
  const last = range === undefined ? undefined : tokens[range.end - 1]
  if (first === undefined || last === undefined) refuseRewrite()
  draft.edits.push({ start: first.start, end: last.end, text: '' })
  draft.changes.push((select) => {
    delete select.havingClause
  })
  draft.notes.push('HAVING is evaluated over the merged groups')
  return condition
}

const operators: Readonly<
  Record<string, { readonly operator: HavingOperator; readonly mirrored: HavingOperator }>
> = {
  '=': { operator: '=', mirrored: '=' },
  '<>': { operator: '<>', mirrored: '<>' },
  '<': { operator: '<', mirrored: '>' },
  '<=': { operator: '<=', mirrored: '>=' },
  '>': { operator: '>', mirrored: '<' },
  '>=': { operator: '>=', mirrored: '<=' },
}

function readCondition(draft: Draft, node: Node, expose: ExposeValue): HavingUse {
  const boolean = bodyAs(node, 'BoolExpr')
  if (boolean !== undefined) return readBoolean(draft, boolean, expose)
  const test = bodyAs(node, 'NullTest')
  if (test?.arg !== undefined) {
    const use = expose(test.arg)
    const isNull = test.nulltesttype !== 'IS_NOT_NULL'
    return (final) => ({ kind: 'null-test', column: positionOf(final, use), isNull })
  }
  const expression = bodyAs(node, 'A_Expr')
  if (expression === undefined) return refuseCondition()
  return readComparison(draft, expression, expose)
}

function readBoolean(
  draft: Draft,
  { boolop, args = [] }: NodeBody<'BoolExpr'>,
  expose: ExposeValue,
): HavingUse {
  const members = args.map((member) => readCondition(draft, member, expose))
  if (boolop === 'NOT_EXPR') {
    const [inner] = members
    if (inner === undefined) return refuseCondition()
    return (final) => ({ kind: 'not', condition: inner(final) })
  }
  const kind = boolop === 'OR_EXPR' ? 'or' : 'and'
  return (final) => ({ kind, conditions: members.map((member) => member(final)) })
}

function readComparison(draft: Draft, expression: NodeBody<'A_Expr'>, expose: ExposeValue): HavingUse {
  const { lexpr, rexpr } = expression
  if (lexpr === undefined || rexpr === undefined) return refuseCondition()
  if (expression.kind === 'AEXPR_BETWEEN') {
    const [lower, upper] = bodyAs(rexpr, 'List')?.items ?? []
    if (lower === undefined || upper === undefined) return refuseCondition()
    const atLeast = compare(lexpr, '>=', lower, expose)
    const atMost = compare(lexpr, '<=', upper, expose)
    return (final) => ({ kind: 'and', conditions: [atLeast(final), atMost(final)] })
  }
  const symbol = stringsOf(expression.name)
  const name = symbol?.[0] ?? ''
  const isOwn = symbol?.length === 1 && !draft.catalog.operators.has(name)
  const known = isOwn && Object.hasOwn(operators, name) ? operators[name] : undefined
  if (expression.kind !== 'AEXPR_OP' || known === undefined) return refuseCondition()
  return readOperand(rexpr) === undefined
    ? compare(rexpr, known.mirrored, lexpr, expose)
    : compare(lexpr, known.operator, rexpr, expose)
}

function compare(value: Node, operator: HavingOperator, bound: Node, expose: ExposeValue): HavingUse {
  const operand = readOperand(bound)
  if (operand === undefined) return refuseCondition()
  const use = expose(value)
  return (final) => ({ kind: 'compare', column: positionOf(final, use), operator, operand })
}

type Operand = Extract<HavingCondition, { kind: 'compare' }>['operand']

function readOperand(node: Node): Operand | undefined {
  const cast = castOf(node)
  if (cast !== undefined) {
    const isInteger =
      cast.type.schema === 'pg_catalog' && integerTypes.has(cast.type.name) && !cast.type.isArray
    const number = isInteger ? parameterOf(cast.argument) : undefined
    return number === undefined ? undefined : { source: 'parameter', number, isInteger: true }
  }
  const number = parameterOf(node)
  if (number !== undefined) return { source: 'parameter', number, isInteger: false }
  const constant = constantOf(node)
  if (constant?.kind === 'integer')
    return { source: 'literal', text: String(constant.value), isQuoted: false }
  if (constant?.kind === 'numeric') return { source: 'literal', text: constant.text, isQuoted: false }
  if (constant?.kind === 'string') return { source: 'literal', text: constant.text, isQuoted: true }
  return undefined
}

const integerTypes: ReadonlySet<string> = new Set(['int2', 'int4', 'int8'])

function refuseCondition(): never {
  refuse(
    'This HAVING over groups that do not contain the shard key',
    'compare aggregates with numbers or parameters by =, <>, <, <=, > or >=, joined by AND, OR and NOT',
  )
}
