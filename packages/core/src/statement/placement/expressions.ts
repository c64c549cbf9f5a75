import { keyFamilies } from '../key-type.ts'
import {
  bodyAs,
  castOf,
  constantOf,
  forEachChild,
  functionNameOf,
  parameterOf,
  readColumn,
  stringOf,
  tagOf,
  type Node,
  type NodeBody,
  type NodeTag,
  type QualifiedName,
} from '../tree.ts'
import { functionUse } from '../volatility.ts'
import type { Analysis, UseType } from './analysis.ts'
import { unknownBinding, untypedBinding, type Binding, type TypeGuess } from './model.ts'
import { bindColumn, findItem, mayBeFunction, resolveColumn, type Scope } from './scope.ts'
import { analyseSublink } from './sublinks.ts'
import { elementTypeOfCast, typeOfCast } from './types.ts'
import { isInt8 } from './values.ts'

/**
 * Reads an expression of which nothing is concluded: its sublinks, its functions, and the type that each parameter's
 * place gives it. `wanted` is the type its own place gives it.
 */
export function walkExpression(
  analysis: Analysis,
  node: Node | undefined,
  scope: Scope,
  wanted: UseType = 'other',
): void {
  if (node === undefined) return
  const tag = tagOf(node)
  walkTagged(analysis, tag, bodyAs(node, tag) as NodeBody, scope, wanted)
}

function walkTagged(analysis: Analysis, tag: NodeTag, body: NodeBody, scope: Scope, wanted: UseType): void {
  // Each tag is read back from a one-key node, so that the body's type is known.
  const node = { [tag]: body } as unknown as Node
  switch (tag) {
    case 'A_Const':
    case 'A_Star':
    case 'String':
    case 'TypeName':
      return
    case 'ParamRef':
      analysis.noteParameter(parameterOf(node) ?? 0, wanted)
      return
    case 'ColumnRef':
      visitColumn(analysis, node, scope)
      return
    case 'TypeCast':
      walkCast(analysis, node, scope)
      return
    case 'NullTest':
      // IS NULL gives a parameter no type.
      if (parameterOf(bodyAs(node, 'NullTest')?.arg) === undefined) break
      return
    case 'FuncCall':
      walkCall(analysis, node, scope)
      return
    case 'SQLValueFunction':
      visitValueFunction(analysis, node, scope)
      return
    case 'SubLink':
      analyseSublink(analysis, node, scope, walkExpression)
      return
    case 'SelectStmt':
      analysis.analyseQuery(analysis, node, { parent: scope, ctes: scope.ctes })
      return
    case 'A_Expr':
      walkOperation(analysis, node, scope)
      return
    case 'A_Indirection':
      visitIndirection(analysis, node)
      break
    case 'CoalesceExpr':
    case 'MinMaxExpr':
      walkAlternatives(analysis, (body as { args?: Node[] }).args ?? [], scope)
      return
    case 'GroupingFunc':
      scope.level.hasAggregate = true
      break
    case 'WindowDef':
      break
    default:
  }
  forEachChild(tag, body, (childTag, childBody) => {
    walkTagged(analysis, childTag, childBody, scope, 'other')
  })
}

function visitColumn(analysis: Analysis, node: Node, scope: Scope): void {
  const reference = bodyAs(node, 'ColumnRef')
  if (reference === undefined) return
  const { parts, isStar } = readColumn(reference)
  if (isStar) return
  const resolved = resolveColumn(scope, parts)
  if (resolved === undefined) {
    // `t.f` calls the function f when t has no such column.
    const name = parts.at(-1) ?? ''
    if (parts.length > 1 && mayBeFunction(analysis.catalog, name))
      visitFunction(analysis, { schema: undefined, name }, scope)
    if (parts.length === 1 && analysis.aggregateDepth > 0) {
      const outer = findItem(scope, undefined, name)
      if (outer !== undefined) outer.scope.level.hasAggregate = true
    }
    return
  }
  if (resolved.binding.isSystem) {
    analysis.obstruct(
      'a system column',
      'Leave out ctid, tableoid, xmin and the like: they mean one server’s storage.',
    )
  }
  // sum(outer.x) in a subquery makes the outer query the aggregated one.
  if (analysis.aggregateDepth > 0) resolved.scope.level.hasAggregate = true
}

function visitIndirection(analysis: Analysis, node: Node): void {
  for (const step of bodyAs(node, 'A_Indirection')?.indirection ?? []) {
    const name = stringOf(step)
    if (name === undefined || !mayBeFunction(analysis.catalog, name)) continue
    refuseOpaque(analysis, { schema: undefined, name })
  }
}

function walkCast(analysis: Analysis, node: Node, scope: Scope): void {
  const cast = castOf(node)
  if (cast === undefined) return
  const element = elementTypeOfCast(cast.type, analysis.catalog)
  const isElements = cast.type.isArray && bodyAs(cast.argument, 'A_ArrayExpr') !== undefined
  const type: UseType = element === undefined ? 'other' : cast.type.isArray ? `${element}[]` : element
  if (isElements) {
    for (const item of bodyAs(cast.argument, 'A_ArrayExpr')?.elements ?? []) {
      walkExpression(analysis, item, scope, element ?? 'other')
    }
    return
  }
  walkExpression(analysis, cast.argument, scope, type)
}

function walkAlternatives(analysis: Analysis, args: readonly Node[], scope: Scope): void {
  const types = new Set(args.map((arg) => typeOf(analysis, arg, scope)).filter((type) => type !== 'unknown'))
  const [only] = types
  for (const arg of args) walkExpression(analysis, arg, scope, types.size === 1 ? useOf(only) : 'other')
}

function walkCall(analysis: Analysis, node: Node, scope: Scope): void {
  const call = bodyAs(node, 'FuncCall')
  if (call === undefined) return
  const name = functionNameOf(call)
  const use = visitFunction(analysis, name, scope)
  const isWindow = call.over !== undefined
  const isAggregate =
    !isWindow &&
    (use?.isAggregate === true ||
      call.agg_star === true ||
      call.agg_distinct === true ||
      call.agg_within_group === true ||
      call.agg_order !== undefined ||
      call.agg_filter !== undefined)
  if (isAggregate) {
    // With arguments that are all of an outer query, the aggregate is that query's; both are taken for aggregated.
    scope.level.hasAggregate = true
    analysis.aggregateDepth += 1
  }
  if (call.over !== undefined) {
    scope.level.hasWindow = true
    scope.level.windows.push(call.over)
    walkTagged(analysis, 'WindowDef', call.over, scope, 'other')
  }
  for (const arg of call.args ?? []) walkExpression(analysis, arg, scope)
  for (const arg of call.agg_order ?? []) walkExpression(analysis, arg, scope)
  walkExpression(analysis, call.agg_filter, scope)
  if (isAggregate) analysis.aggregateDepth -= 1
}

function visitFunction(
  analysis: Analysis,
  name: QualifiedName,
  scope: Scope,
): ReturnType<typeof functionUse> {
  const use = refuseOpaque(analysis, name)
  const { clause, isTop } = scope.level
  analysis.functions.push({
    name: name.name,
    use,
    place: clause === 'where' ? 'where' : isTop && clause === 'target' ? 'top-target' : 'other',
  })
  return use
}

function refuseOpaque(analysis: Analysis, name: QualifiedName): ReturnType<typeof functionUse> {
  if (name.schema === 'information_schema') return undefined
  const use = functionUse(name, analysis.catalog)
  if (use === undefined) {
    analysis.refuse(
      'OPAQUE_FUNCTION',
      `the function ${name.name}`,
      `Neither PostgreSQL nor the catalog read at start knows a function "${name.name}", so nothing tells what it reads. Call router.refresh() after creating it, or run the statement in router.run({ shard }, …).`,
    )
  } else if (use.isOpaque && use.volatility !== 'immutable') {
    analysis.refuse(
      'OPAQUE_FUNCTION',
      `the function ${name.name}`,
      `The body of the function "${name.name}" may read or write tables that the statement does not name. Run the statement in router.run({ tenant }, …) or router.run({ shard }, …), declare the function IMMUTABLE if it uses no table, or promise in defineCluster({ functions }) that it is 'shard-local'.`,
    )
  }
  return use
}

function visitValueFunction(analysis: Analysis, node: Node, scope: Scope): void {
  const op = bodyAs(node, 'SQLValueFunction')?.op ?? ''
  const isTime = /DATE|TIME/.test(op)
  visitFunction(analysis, { schema: 'pg_catalog', name: isTime ? 'now' : 'current_user' }, scope)
}

const comparisons: ReadonlySet<string> = new Set(['=', '<>', '<', '<=', '>', '>='])
const arithmetic: ReadonlySet<string> = new Set(['+', '-', '*', '/', '%'])

/** Reads the operands of an operator, so that each untyped parameter gets the type the operator gives it. */
export function walkOperation(analysis: Analysis, node: Node, scope: Scope): void {
  const operation = bodyAs(node, 'A_Expr')
  if (operation === undefined) return
  const name = visitOperator(analysis, node)
  const { kind = 'AEXPR_OP', lexpr, rexpr } = operation
  const list = bodyAs(rexpr, 'List')?.items
  if (kind === 'AEXPR_OP_ANY' || kind === 'AEXPR_OP_ALL') {
    const left = useOf(typeOf(analysis, lexpr, scope))
    walkExpression(analysis, lexpr, scope)
    walkExpression(
      analysis,
      rexpr,
      scope,
      comparisons.has(name) && left !== 'other' ? arrayOf(left) : 'other',
    )
    return
  }
  if (list !== undefined) {
    // IN and BETWEEN: all of them get one type.
    const types = new Set(
      [lexpr, ...list].map((item) => typeOf(analysis, item, scope)).filter((type) => type !== 'unknown'),
    )
    const [only] = types
    const wanted = types.size === 1 ? useOf(only) : sameFamily([...types])
    for (const item of lexpr === undefined ? list : [lexpr, ...list]) {
      walkExpression(analysis, item, scope, wanted)
    }
    return
  }
  walkExpression(analysis, lexpr, scope, operandType(analysis, kind, name, rexpr, scope))
  walkExpression(analysis, rexpr, scope, operandType(analysis, kind, name, lexpr, scope))
}

/** The type an untyped operand takes from the other one. */
function operandType(
  analysis: Analysis,
  kind: string,
  name: string,
  other: Node | undefined,
  scope: Scope,
): UseType {
  if (other === undefined) return 'other'
  const type = useOf(typeOf(analysis, other, scope))
  if (type === 'other') return 'other'
  if (kind === 'AEXPR_LIKE' || kind === 'AEXPR_ILIKE') return isText(type) ? type : 'other'
  if (comparisons.has(name)) return type
  return arithmetic.has(name) && (type === 'int2' || type === 'int4' || type === 'int8') ? type : 'other'
}

const isText = (type: UseType): boolean => type === 'text' || type === 'varchar'

function arrayOf(type: UseType): UseType {
  return type === 'other' || type.endsWith('[]') ? 'other' : (`${type}[]` as UseType)
}

/** Types that differ only in width still read their text alike. */
function sameFamily(types: readonly TypeGuess[]): UseType {
  const uses = types.map(useOf)
  const [first] = uses
  if (first === undefined || uses.includes('other')) return 'other'
  const family = familyOf(first)
  return family !== undefined && family !== 'time' && uses.every((use) => familyOf(use) === family)
    ? first
    : 'other'
}

function familyOf(use: UseType): string | undefined {
  return Object.hasOwn(keyFamilies, use) ? keyFamilies[use as keyof typeof keyFamilies] : undefined
}

export function useOf(type: TypeGuess): UseType {
  return type === undefined || type === 'unknown' ? 'other' : type
}

/** Refuses an operator whose function may use tables; gives its symbol when it is spelled plainly. */
function visitOperator(analysis: Analysis, node: Node): string {
  const names = bodyAs(node, 'A_Expr')?.name ?? []
  const symbol = stringOf(names.at(-1)) ?? ''
  const facts = analysis.catalog.operators.get(symbol)
  if (facts !== undefined && facts.isOpaque && facts.volatility !== 'immutable') {
    analysis.refuse(
      'OPAQUE_FUNCTION',
      `the operator ${symbol}`,
      `The function behind an operator "${symbol}" may read or write tables that the statement does not name. Run the statement in router.run({ tenant }, …) or router.run({ shard }, …), or declare the function IMMUTABLE if it uses no table.`,
    )
  }
  return names.length === 1 || stringOf(names[0]) === 'pg_catalog' ? symbol : ''
}

/** The type of an expression, as far as proofs need it. */
function typeOf(analysis: Analysis, node: Node | undefined, scope: Scope): TypeGuess {
  if (node === undefined) return undefined
  const constant = constantOf(node)
  if (constant !== undefined) {
    if (constant.kind === 'string' || constant.kind === 'null') return 'unknown'
    if (constant.kind === 'integer') return 'int4'
    return constant.kind === 'numeric' && isInt8(constant.text) ? 'int8' : undefined
  }
  if (parameterOf(node) !== undefined) return 'unknown'
  const cast = castOf(node)
  if (cast !== undefined) return typeOfCast(cast.type, analysis.catalog)
  return bindColumn(scope, node)?.type
}

/** What an output expression is bound to. */
export function bindExpression(analysis: Analysis, node: Node | undefined, scope: Scope): Binding {
  const column = bindColumn(scope, node)
  if (column !== undefined) return column
  const type = typeOf(analysis, node, scope)
  if (type === 'unknown') return untypedBinding
  return type === undefined ? unknownBinding : { ...unknownBinding, type }
}
