import type { RowCount, RowCountType } from './merge-plan.ts'
import type { Draft, Select } from './merge-planner-draft.ts'
import { clausesOf, tokenAt, tokensOf } from './merge-planner-draft.ts'
import { refuse, refuseRewrite } from './merge-planner-refusal.ts'
import { bodyAs, castOf, constantOf, type Node } from './tree.ts'

/** LIMIT and OFFSET as the merge applies them. */
export interface Limits {
  readonly limit: RowCount | undefined
  readonly offset: RowCount | undefined
  readonly withTies: boolean
}

/**
 * What a shard has to send: `widened` its first limit + offset rows, of which the merge takes the right ones, or
 * `all`, when no row is final before the merge; `absent` where nothing can be done about one that says something.
 */
export type ShardLimit = 'widened' | 'all' | 'absent'

const maxBigint = 9_223_372_036_854_775_807n

type CountNode =
  | { readonly kind: 'none' }
  /** Negative: every shard refuses it as PostgreSQL would, so nothing is changed. */
  | { readonly kind: 'rejected' }
  | { readonly kind: 'count'; readonly count: RowCount; readonly node: Node; readonly type: RowCountType }

export function planLimits(draft: Draft, shardLimit: ShardLimit): Limits {
  const select = draft.limited(draft.select)
  const withTies = select.limitOption === 'LIMIT_OPTION_WITH_TIES'
  const limit = readCount(select.limitCount, 'LIMIT')
  const offset = readCount(select.limitOffset, 'OFFSET')
  if (limit.kind === 'rejected' || offset.kind === 'rejected') {
    return { limit: undefined, offset: undefined, withTies: false }
  }
  if (shardLimit === 'absent') {
    requireAbsent(draft, limit, 'LIMIT')
    requireAbsent(draft, offset, 'OFFSET')
    return { limit: undefined, offset: undefined, withTies: false }
  }
  if (withTies && shardLimit === 'all') refuse('WITH TIES over combined groups', 'use ONLY')
  if (limit.kind === 'count') {
    if (shardLimit === 'all') dropLimit(draft, limit)
    else if (offset.kind === 'count') widenLimit(draft, limit, offset)
  }
  if (offset.kind === 'count') skipOffset(draft, offset)
  return {
    limit: limit.kind === 'count' ? limit.count : undefined,
    offset: offset.kind === 'count' ? offset.count : undefined,
    withTies,
  }
}

function requireAbsent(draft: Draft, limit: CountNode, clause: 'LIMIT' | 'OFFSET'): void {
  if (limit.kind !== 'count') return
  const { count, type } = limit
  if (count.source === 'parameter') {
    draft.parameters.set(count.number, { kind: 'absent', number: count.number, type, clause })
  } else if (clause === 'LIMIT' || count.count !== 0n) {
    refuse(`An aggregate over ${clause} in a subquery`, 'read the rows and aggregate them in the application')
  }
}

const typeSizes: Readonly<Record<string, RowCountType>> = { int2: 'int2', int4: 'int4', int8: 'int8' }

function readCount(node: Node | undefined, clause: 'LIMIT' | 'OFFSET'): CountNode {
  if (node === undefined) return { kind: 'none' }
  const cast = castOf(node)
  if (cast === undefined) return readPlainCount(node, 'int8', clause)
  const { schema, name, isArray, hasModifiers } = cast.type
  const type = Object.hasOwn(typeSizes, name) ? typeSizes[name] : undefined
  const isInteger = type !== undefined && (schema === undefined || schema === 'pg_catalog')
  if (!isInteger || isArray || hasModifiers) refuseExpression(clause)
  return readPlainCount(cast.argument, type, clause)
}

function readPlainCount(node: Node, type: RowCountType, clause: 'LIMIT' | 'OFFSET'): CountNode {
  const parameter = bodyAs(node, 'ParamRef')
  if (parameter !== undefined) {
    return { kind: 'count', count: { source: 'parameter', number: parameter.number ?? 0, type }, node, type }
  }
  const constant = constantOf(node)
  if (constant?.kind === 'null') return { kind: 'none' }
  const text =
    constant?.kind === 'integer'
      ? String(constant.value)
      : constant?.kind === 'numeric' || constant?.kind === 'string'
        ? constant.text
        : ''
  if (!/^-?\d+$/.test(text)) refuseExpression(clause)
  const count = BigInt(text)
  const isRejected =
    count < 0n || BigInt.asIntN(type === 'int8' ? 64 : type === 'int4' ? 32 : 16, count) !== count
  return isRejected
    ? { kind: 'rejected' }
    : { kind: 'count', count: { source: 'literal', count }, node, type }
}

function refuseExpression(clause: 'LIMIT' | 'OFFSET'): never {
  refuse(`${clause} with an expression`, 'use a number or a parameter')
}

type Counted = Extract<CountNode, { kind: 'count' }>

function skipOffset(draft: Draft, { count, node, type }: Counted): void {
  if (count.source === 'literal') {
    if (count.count !== 0n) replace(draft, 'limitOffset', { node, text: '0' })
    return
  }
  const number = ownParameter(draft, 'limitOffset', { node, number: count.number })
  draft.parameters.set(number, { kind: 'skipped', number: count.number, type })
}

function dropLimit(draft: Draft, { count, node, type }: Counted): void {
  draft.notes.push('the limit is applied by the merge alone')
  if (count.source === 'literal') {
    replace(draft, 'limitCount', { node, text: 'null' })
    return
  }
  const number = ownParameter(draft, 'limitCount', { node, number: count.number })
  draft.parameters.set(number, { kind: 'unlimited', number: count.number, type })
}

function widenLimit(draft: Draft, limit: Counted, offset: Counted): void {
  if (offset.count.source === 'literal' && offset.count.count === 0n) return
  draft.notes.push('the limit covers the offset')
  if (limit.count.source === 'literal' && offset.count.source === 'literal') {
    const sum = limit.count.count + offset.count.count
    replace(draft, 'limitCount', { node: limit.node, text: String(sum > maxBigint ? maxBigint : sum) })
    return
  }
  const number =
    limit.count.source === 'parameter'
      ? ownParameter(draft, 'limitCount', { node: limit.node, number: limit.count.number })
      : newParameter(draft, 'limitCount', limit.node)
  draft.parameters.set(number, { kind: 'sum', terms: [limit.count, offset.count], type: limit.type })
}

type CountField = 'limitCount' | 'limitOffset'

/** The parameter's number when it stands here alone; otherwise a new one takes its place. */
function ownParameter(
  draft: Draft,
  field: CountField,
  { node, number }: { readonly node: Node; readonly number: number },
): number {
  return draft.parameterCounts.get(number) === 1 ? number : newParameter(draft, field, node)
}

function newParameter(draft: Draft, field: CountField, node: Node): number {
  const number = Math.max(0, ...draft.parameterCounts.keys(), ...draft.parameters.keys()) + 1
  replace(draft, field, { node, text: `$${number}`, number })
  return number
}

interface Replacement {
  readonly node: Node
  readonly text: string
  readonly number?: number
}

function replace(draft: Draft, field: CountField, { node, text, number }: Replacement): void {
  const body = bodyAs(node, 'A_Const') ?? bodyAs(node, 'ParamRef')
  draft.edits.push(editAt(draft, body?.location, text))
  draft.changes.push((select) => change(draft.limited(select), field, { text, number }))
}

/** FETCH FIRST ROW has no number in the text, and its constant no place. */
function editAt(draft: Draft, location: number | undefined, text: string) {
  const tokens = tokensOf(draft)
  if (location === -1) {
    if (draft.limited(draft.select) !== draft.select) refuseRewrite()
    const word = tokens[clausesOf(draft).fetch ?? -1]
    return word === undefined ? refuseRewrite() : { start: word.end, end: word.end, text: ` ${text}` }
  }
  const token = tokens[tokenAt(draft, location)]
  return token === undefined ? refuseRewrite() : { start: token.start, end: token.end, text }
}

function change(
  select: Select,
  field: CountField,
  { text, number }: { readonly text: string; readonly number: number | undefined },
): void {
  const constant = integerNode(text)
  const node: Node = number === undefined ? constant : { ParamRef: { number } }
  const cast = bodyAs(select[field], 'TypeCast')
  if (cast === undefined) select[field] = node
  else cast.arg = node
}

/** As the grammar makes constants: beyond int4 they are kept as text. */
function integerNode(text: string): Node {
  if (text === 'null') return { A_Const: { isnull: true } }
  const value = Number(text)
  if (value > 2_147_483_647) return { A_Const: { fval: { fval: text } } }
  return { A_Const: { ival: value === 0 ? {} : { ival: value } } }
}
