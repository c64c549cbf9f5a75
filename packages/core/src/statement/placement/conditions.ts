import type { KeySet, KeyValue } from '../key-set.ts'
import { keyFamilies, type KeyType } from '../key-type.ts'
import { bodyAs, constantOf, stringOf, tagOf, type Node } from '../tree.ts'
import type { Analysis } from './analysis.ts'
import { equate, isPlainComparison } from './equalities.ts'
import { walkExpression, walkOperation } from './expressions.ts'
import { allHold, bothHold, neverTrue, noFacts, oneHolds, type Facts, type SetFact } from './facts.ts'
import { noteArray, noteItems } from './key-lists.ts'
import { isKeyBinding, type Binding } from './model.ts'
import { bindColumn, type Scope } from './scope.ts'
import { isNeverNull, isProvingSlot, mayBeNull } from './slots.ts'
import { analyseSublink } from './sublinks.ts'
import { readKeyArray, readKeyList, readKeyValue } from './values.ts'

/**
 * What follows from a condition being true: AND gathers, OR keeps what all branches share, everything else that is
 * not read here says nothing. Reads the whole condition exactly once.
 */
export function readCondition(analysis: Analysis, node: Node | undefined, scope: Scope): Facts {
  if (node === undefined) return noFacts
  switch (tagOf(node)) {
    case 'BoolExpr':
      return readBoolean(analysis, node, scope)
    case 'A_Const':
      return readConstant(node)
    case 'A_Expr':
      walkOperation(analysis, node, scope)
      return readOperation(analysis, node, scope)
    case 'NullTest':
      walkExpression(analysis, node, scope)
      return readNullTest(node, scope)
    case 'BooleanTest': {
      const test = bodyAs(node, 'BooleanTest')
      if (test?.booltesttype === 'IS_TRUE') return readCondition(analysis, test.arg, scope)
      break
    }
    case 'SubLink':
      return readSublink(analysis, node, scope)
    default:
  }
  walkExpression(analysis, node, scope)
  return noFacts
}

function readBoolean(analysis: Analysis, node: Node, scope: Scope): Facts {
  const expression = bodyAs(node, 'BoolExpr')
  const args = expression?.args ?? []
  if (expression?.boolop === 'AND_EXPR') {
    return allHold(args.map((arg) => readCondition(analysis, arg, scope)))
  }
  if (expression?.boolop === 'OR_EXPR') {
    // Every branch is read, also after one that says nothing: parameters and sublinks stand in them.
    return oneHolds(args.map((arg) => readCondition(analysis, arg, scope)))
  }
  walkExpression(analysis, node, scope)
  return noFacts
}

function readConstant(node: Node): Facts {
  const constant = constantOf(node)
  return constant?.kind === 'null' || (constant?.kind === 'boolean' && !constant.value) ? neverTrue : noFacts
}

function readNullTest(node: Node, scope: Scope): Facts {
  const test = bodyAs(node, 'NullTest')
  const binding = bindColumn(scope, test?.arg)
  if (test?.nulltesttype !== 'IS_NULL' || binding === undefined) return noFacts
  // A key is never NULL by itself; on the nullable side of an outer join it is NULL where nothing matched.
  return isKeyBinding(binding) && !binding.isNullable ? neverTrue : noFacts
}

function readSublink(analysis: Analysis, node: Node, scope: Scope): Facts {
  const sublink = analyseSublink(analysis, node, scope, walkExpression)
  if (sublink.kind === 'other') return noFacts
  let facts = sublink.query?.outward ?? noFacts
  for (const { test, output } of sublink.pairs) {
    const equalities = equate(analysis.catalog, test, output)
    // The subquery's own rows are restricted here and now; what is said about the tested rows goes up.
    for (const equality of equalities)
      if (output.down.includes(equality.to)) analysis.equalities.push(equality)
    facts = bothHold(facts, {
      isNever: false,
      sets: [],
      equalities: equalities.filter((equality) => test.down.includes(equality.to)),
    })
  }
  return facts
}

function readOperation(analysis: Analysis, node: Node, scope: Scope): Facts {
  const operation = bodyAs(node, 'A_Expr')
  const symbol = symbolOf(operation?.name)
  if (operation === undefined || symbol === undefined) return noFacts
  const { lexpr, rexpr } = operation
  const rows = [bodyAs(lexpr, 'RowExpr')?.args, bodyAs(rexpr, 'RowExpr')?.args] as const
  switch (operation.kind ?? 'AEXPR_OP') {
    case 'AEXPR_OP':
      if (rows[0] !== undefined && rows[1] !== undefined) {
        return readRows(analysis, symbol, rows[0], rows[1], scope)
      }
      return readComparison(analysis, symbol, lexpr, rexpr, scope)
    case 'AEXPR_NOT_DISTINCT':
      return readNotDistinct(analysis, lexpr, rexpr, scope)
    case 'AEXPR_IN':
      return symbol === '=' ? readIn(analysis, lexpr, bodyAs(rexpr, 'List')?.items ?? [], scope) : noFacts
    case 'AEXPR_OP_ANY':
      return symbol === '=' ? readAny(analysis, lexpr, rexpr, scope) : noFacts
    case 'AEXPR_BETWEEN': {
      const [lower, upper] = bodyAs(rexpr, 'List')?.items ?? []
      return bothHold(
        readComparison(analysis, '>=', lexpr, lower, scope),
        readComparison(analysis, '<=', lexpr, upper, scope),
      )
    }
    default:
      return noFacts
  }
}

/** The operator's symbol, when it is one that the search path or pg_catalog gives. */
function symbolOf(name: readonly Node[] | undefined): string | undefined {
  if (name === undefined || name.length > 2) return undefined
  if (name.length === 2 && stringOf(name[0]) !== 'pg_catalog') return undefined
  return stringOf(name.at(-1))
}

function readComparison(
  analysis: Analysis,
  symbol: string,
  left: Node | undefined,
  right: Node | undefined,
  scope: Scope,
): Facts {
  const constant = compareConstants(symbol, left, right)
  if (constant !== undefined) return constant ? noFacts : neverTrue
  const a = bindColumn(scope, left)
  const b = bindColumn(scope, right)
  if (a !== undefined && b !== undefined) {
    if (symbol !== '=') return noFacts
    const equalities = equate(analysis.catalog, a, b)
    return equalities.length === 0 ? noFacts : { isNever: false, sets: [], equalities }
  }
  if (a !== undefined) return compareKey(analysis, symbol, a, right)
  if (b !== undefined) return compareKey(analysis, mirrored[symbol] ?? '', b, left)
  return noFacts
}

const mirrored: Readonly<Record<string, string>> = { '=': '=', '<': '>', '<=': '>=', '>': '<', '>=': '<=' }

/** `1 = 0` and its like, by which ORMs spell an empty IN. */
function compareConstants(
  symbol: string,
  left: Node | undefined,
  right: Node | undefined,
): boolean | undefined {
  const a = constantOf(left)
  const b = constantOf(right)
  if (symbol !== '=' || a?.kind !== 'integer' || b?.kind !== 'integer') return undefined
  return a.value === b.value
}

function compareKey(analysis: Analysis, symbol: string, key: Binding, node: Node | undefined): Facts {
  const type = keyTypeOf(key)
  if (type === undefined || !isPlainComparison(analysis.catalog, symbol, type)) return noFacts
  const value = readKeyValue(node, type, analysis.catalog)
  if (value === undefined) return noFacts
  // A comparison with NULL is never true, of whatever type.
  if (value.source === 'null') return symbol in mirrored ? neverTrue : noFacts
  if (symbol === '=') return restrict(key, { kind: 'values', values: [value] })
  return keyFamilies[type] === 'time' ? restrict(key, rangeOf(symbol, value)) : noFacts
}

function rangeOf(symbol: string, value: KeyValue): KeySet {
  const bound = { value, isInclusive: symbol === '<=' || symbol === '>=' }
  if (symbol === '>' || symbol === '>=') return { kind: 'range', lower: bound }
  return symbol === '<' || symbol === '<=' ? { kind: 'range', upper: bound } : { kind: 'all' }
}

function readNotDistinct(
  analysis: Analysis,
  left: Node | undefined,
  right: Node | undefined,
  scope: Scope,
): Facts {
  const a = bindColumn(scope, left)
  const b = bindColumn(scope, right)
  if (a !== undefined && b !== undefined) {
    if (!isNeverNull(a) || !isNeverNull(b)) return noFacts
    return { isNever: false, sets: [], equalities: equate(analysis.catalog, a, b, false) }
  }
  const key = a ?? b
  const type = key === undefined ? undefined : keyTypeOf(key)
  if (key === undefined || type === undefined || !isPlainComparison(analysis.catalog, '=', type))
    return noFacts
  const value = readKeyValue(a === undefined ? left : right, type, analysis.catalog)
  if (value === undefined) return noFacts
  if (value.source === 'null') return mayBeNull(key) ? noFacts : neverTrue
  if (value.source === 'literal') return restrict(key, { kind: 'values', values: [value] })
  return restrict(key, { kind: 'not-distinct', value, whenNull: mayBeNull(key) ? 'all' : 'none' })
}

function readIn(analysis: Analysis, left: Node | undefined, items: readonly Node[], scope: Scope): Facts {
  const row = bodyAs(left, 'RowExpr')?.args
  if (row === undefined) {
    const facts = readColumnIn(analysis, left, items, scope)
    if (facts.sets.length > 0) {
      noteItems(
        analysis,
        [bindColumn(scope, left)],
        items.map((item) => [item]),
      )
    }
    return facts
  }
  const rows = items.map((item) => bodyAs(item, 'RowExpr')?.args ?? [])
  let facts = noFacts
  for (const [index, part] of row.entries()) {
    const column: Node[] = []
    for (const values of rows) {
      const value = values[index]
      if (value !== undefined) column.push(value)
    }
    if (column.length === items.length) facts = bothHold(facts, readColumnIn(analysis, part, column, scope))
  }
  if (facts.sets.length > 0) {
    noteItems(
      analysis,
      row.map((part) => bindColumn(scope, part)),
      rows,
    )
  }
  return facts
}

function readColumnIn(
  analysis: Analysis,
  left: Node | undefined,
  items: readonly Node[],
  scope: Scope,
): Facts {
  const key = bindColumn(scope, left)
  const type = key === undefined ? undefined : keyTypeOf(key)
  if (key === undefined || type === undefined || !isPlainComparison(analysis.catalog, '=', type))
    return noFacts
  const set = readKeyList(items, type, analysis.catalog)
  return set === undefined ? noFacts : restrict(key, set)
}

function readAny(analysis: Analysis, left: Node | undefined, right: Node | undefined, scope: Scope): Facts {
  const key = bindColumn(scope, left)
  const type = key === undefined ? undefined : keyTypeOf(key)
  if (key === undefined || type === undefined || !isPlainComparison(analysis.catalog, '=', type))
    return noFacts
  const set = readKeyArray(right, type, analysis.catalog)
  if (set === undefined) return noFacts
  const elements = bodyAs(right, 'A_ArrayExpr')?.elements
  if (elements === undefined) noteArray(analysis, key, right)
  else {
    noteItems(
      analysis,
      [key],
      elements.map((element) => [element]),
    )
  }
  return restrict(key, set)
}

/** `(a, b) = (c, d)` is a conjunction; of `(a, b) < (c, d)` the first columns are at most equal. */
function readRows(
  analysis: Analysis,
  symbol: string,
  left: readonly Node[],
  right: readonly Node[],
  scope: Scope,
): Facts {
  if (left.length !== right.length) return noFacts
  if (symbol === '=') {
    let facts = noFacts
    for (const [index, item] of left.entries()) {
      facts = bothHold(facts, readComparison(analysis, '=', item, right[index], scope))
    }
    return facts
  }
  const inclusive =
    symbol === '<' || symbol === '<=' ? '<=' : symbol === '>' || symbol === '>=' ? '>=' : undefined
  return inclusive === undefined ? noFacts : readComparison(analysis, inclusive, left[0], right[0], scope)
}

/** The type under which the values of a key or an id compare; undefined when the column is none that could be restricted. */
function keyTypeOf(binding: Binding): KeyType | undefined {
  if (binding.type === undefined || binding.type === 'unknown') return undefined
  return isKeyBinding(binding) || binding.down.some(isProvingSlot) ? binding.type : undefined
}

function restrict(key: Binding, set: KeySet): Facts {
  const sets: SetFact[] = []
  for (const slot of key.down) if (isProvingSlot(slot)) sets.push({ slot, set })
  if (set.kind === 'none') return neverTrue
  return sets.length === 0 ? noFacts : { isNever: false, sets, equalities: [] }
}
