import { bodyAs, castOf, columnOf, stringOf, stringsOf, type Node, type NodeBody } from './tree.ts'

/** The name PostgreSQL gives an entry of the select list (FigureColname in parse_target.c); undefined for stars and `?column?`. */
export function outputName(target: NodeBody<'ResTarget'>): string | undefined {
  return target.name ?? figure(target.val)?.name
}

interface Figured {
  readonly name: string
  /** A cast's type name gives way to a name found inside. */
  readonly isStrong: boolean
}

function figure(node: Node | undefined): Figured | undefined {
  if (node === undefined) return undefined
  const column = columnOf(node)
  if (column !== undefined) return column.isStar ? undefined : strong(column.parts.at(-1))
  const indirection = bodyAs(node, 'A_Indirection')
  if (indirection !== undefined) {
    const names = (indirection.indirection ?? []).map(stringOf).filter((name) => name !== undefined)
    return strong(names.at(-1)) ?? figure(indirection.arg)
  }
  const call = bodyAs(node, 'FuncCall')
  if (call !== undefined) return strong(stringsOf(call.funcname)?.at(-1))
  const cast = castOf(node)
  if (cast !== undefined) {
    const inner = figure(cast.argument)
    return inner?.isStrong === true ? inner : { name: cast.type.name, isStrong: false }
  }
  const collate = bodyAs(node, 'CollateClause')
  if (collate !== undefined) return figure(collate.arg)
  const choice = bodyAs(node, 'CaseExpr')
  if (choice !== undefined) {
    const inner = figure(choice.defresult)
    return inner?.isStrong === true ? inner : { name: 'case', isStrong: false }
  }
  return strong(fixedName(node) ?? sublinkName(node))
}

function strong(name: string | undefined): Figured | undefined {
  return name === undefined ? undefined : { name, isStrong: true }
}

function fixedName(node: Node): string | undefined {
  if (bodyAs(node, 'A_Expr')?.kind === 'AEXPR_NULLIF') return 'nullif'
  if (bodyAs(node, 'CoalesceExpr') !== undefined) return 'coalesce'
  const extreme = bodyAs(node, 'MinMaxExpr')
  if (extreme !== undefined) return extreme.op === 'IS_LEAST' ? 'least' : 'greatest'
  if (bodyAs(node, 'A_ArrayExpr') !== undefined) return 'array'
  if (bodyAs(node, 'RowExpr') !== undefined) return 'row'
  if (bodyAs(node, 'GroupingFunc') !== undefined) return 'grouping'
  if (bodyAs(node, 'XmlSerialize') !== undefined) return 'xmlserialize'
  const value = bodyAs(node, 'SQLValueFunction')?.op
  if (value !== undefined)
    return value
      .replace(/^SVFOP_/, '')
      .replace(/_N$/, '')
      .toLowerCase()
  for (const [tag, name] of jsonNames) if (tag in node) return name
  return undefined
}

const jsonNames: readonly (readonly [string, string])[] = [
  ['JsonParseExpr', 'json'],
  ['JsonScalarExpr', 'json_scalar'],
  ['JsonSerializeExpr', 'json_serialize'],
  ['JsonObjectConstructor', 'json_object'],
  ['JsonArrayConstructor', 'json_array'],
  ['JsonArrayQueryConstructor', 'json_array'],
  ['JsonObjectAgg', 'json_objectagg'],
  ['JsonArrayAgg', 'json_arrayagg'],
]

function sublinkName(node: Node): string | undefined {
  const link = bodyAs(node, 'SubLink')
  if (link?.subLinkType === 'EXISTS_SUBLINK') return 'exists'
  if (link?.subLinkType === 'ARRAY_SUBLINK') return 'array'
  if (link?.subLinkType !== 'EXPR_SUBLINK') return undefined
  const target = bodyAs(bodyAs(link.subselect, 'SelectStmt')?.targetList?.[0], 'ResTarget')
  return target === undefined ? undefined : outputName(target)
}
