import type {
  A_Const,
  ColumnRef,
  FuncCall,
  Node,
  ParamRef,
  RangeVar,
  SelectStmt,
  TypeCast,
  TypeName,
} from 'libpg-query'

/**
 * Reading PostgreSQL's parse tree.
 *
 * A `Node` is an object with one key, its tag: `{ FuncCall: { … } }`. Fields of one fixed type are *not* wrapped
 * (`InsertStmt.relation` is a bare RangeVar). Zero, false and empty fields are left out. Locations are UTF-8 byte
 * offsets into the text.
 */
export type { Node } from 'libpg-query'

type Intersection<U> = (U extends unknown ? (member: U) => void : never) extends (member: infer I) => void
  ? I
  : never
type Bodies = Intersection<Node>
export type NodeTag = keyof Bodies
export type NodeBody<T extends NodeTag = NodeTag> = Bodies[T]

/** A tag with its body; a callback `(tag, body) => …` narrows the body when it tests the tag. */
export type Tagged = { [T in NodeTag]: [tag: T, body: NodeBody<T>] }[NodeTag]

export function tagOf(node: Node): NodeTag {
  for (const tag in node) return tag as NodeTag
  throw new TypeError('a parse-tree node without a tag')
}

/** The node's body if it has the tag, otherwise undefined: `bodyAs(node, 'FuncCall')?.funcname`. */
export function bodyAs<T extends NodeTag>(node: Node | undefined, tag: T): NodeBody<T> | undefined {
  return node === undefined ? undefined : (node as unknown as Partial<Record<T, NodeBody<T>>>)[tag]
}

/** Tags of the fields whose value is not wrapped; the few names with two meanings are told apart by their parent. */
const bareFields: Readonly<Record<string, NodeTag>> = {
  action: 'GrantStmt',
  alias: 'Alias',
  argType: 'TypeName',
  authrole: 'RoleSpec',
  base: 'CreateStmt',
  bound: 'PartitionBoundSpec',
  collClause: 'CollateClause',
  constrrel: 'RangeVar',
  context_item: 'JsonValueExpr',
  cycle_clause: 'CTECycleClause',
  datatype: 'TypeName',
  expr: 'JsonValueExpr',
  extname: 'String',
  format: 'JsonFormat',
  fromsql: 'ObjectWithArgs',
  func: 'ObjectWithArgs',
  funccall: 'FuncCall',
  grantor: 'RoleSpec',
  identitySequence: 'RangeVar',
  infer: 'InferClause',
  into: 'IntoClause',
  intoClause: 'IntoClause',
  join_using_alias: 'Alias',
  larg: 'SelectStmt',
  name: 'ObjectWithArgs',
  newowner: 'RoleSpec',
  newrole: 'RoleSpec',
  ofTypename: 'TypeName',
  onConflictClause: 'OnConflictClause',
  on_empty: 'JsonBehavior',
  on_error: 'JsonBehavior',
  opername: 'ObjectWithArgs',
  output: 'JsonOutput',
  over: 'WindowDef',
  owner: 'RoleSpec',
  partbound: 'PartitionBoundSpec',
  partspec: 'PartitionSpec',
  pathspec: 'JsonTablePathSpec',
  pktable: 'RangeVar',
  pubtable: 'PublicationTable',
  rarg: 'SelectStmt',
  rel: 'RangeVar',
  relation: 'RangeVar',
  returnType: 'TypeName',
  returning: 'JsonReturning',
  returningClause: 'ReturningClause',
  role: 'RoleSpec',
  search_clause: 'CTESearchClause',
  sequence: 'RangeVar',
  setstmt: 'VariableSetStmt',
  sourcetype: 'TypeName',
  stmts: 'RawStmt',
  storedtype: 'TypeName',
  table: 'RangeVar',
  targettype: 'TypeName',
  tosql: 'ObjectWithArgs',
  typeName: 'TypeName',
  type_name: 'TypeName',
  typevar: 'RangeVar',
  user: 'RoleSpec',
  val: 'JsonValueExpr',
  value: 'JsonValueExpr',
  view: 'RangeVar',
  withClause: 'WithClause',
}

function bareTag(parent: NodeTag, field: string): NodeTag | undefined {
  if (field === 'arg') return parent === 'JsonObjectAgg' ? 'JsonKeyValue' : 'JsonValueExpr'
  if (field === 'constructor') return 'JsonAggConstructor'
  if (field === 'name' && parent === 'PartitionCmd') return 'RangeVar'
  return Object.hasOwn(bareFields, field) ? bareFields[field] : undefined
}

function isTag(key: string): boolean {
  const code = key.charCodeAt(0)
  return code >= 65 && code <= 90
}

/**
 * Calls `visit` for every direct child that is a node, in field order: that of the grammar's clauses, except that
 * WITH comes last. Use `parameterRefs` where the order of the source matters.
 */
export function forEachChild(tag: NodeTag, body: NodeBody, visit: (...child: Tagged) => void): void {
  // A constant's fields hold its value, not nodes.
  if (tag === 'A_Const') return
  for (const field in body) {
    const value = (body as Record<string, unknown>)[field]
    if (typeof value !== 'object' || value === null) continue
    if (Array.isArray(value)) {
      for (const item of value) visitValue(tag, field, item, visit)
    } else visitValue(tag, field, value, visit)
  }
}

function visitValue(parent: NodeTag, field: string, value: object, visit: (...child: Tagged) => void): void {
  for (const key in value) {
    if (isTag(key)) visit(...([key, (value as Record<string, unknown>)[key]] as unknown as Tagged))
    else {
      const tag = bareTag(parent, field)
      if (tag !== undefined) visit(...([tag, value] as unknown as Tagged))
    }
    return
  }
}

/**
 * Visits a node and everything below it, parents first, in field order. Return false to leave out what lies below.
 * Keeps its own stack: a tree that the parser could build never overflows here.
 */
export function walk(root: Node, visit: (...node: Tagged) => boolean | void): void {
  const tags: NodeTag[] = [tagOf(root)]
  const bodies: NodeBody[] = [bodyAs(root, tagOf(root)) as NodeBody]
  const push = (tag: NodeTag, body: NodeBody): void => {
    tags.push(tag)
    bodies.push(body)
  }
  for (;;) {
    const tag = tags.pop()
    const body = bodies.pop()
    if (tag === undefined || body === undefined) return
    if (visit(...([tag, body] as unknown as Tagged)) === false) continue
    const first = tags.length
    forEachChild(tag, body, push)
    reverseFrom(tags, first)
    reverseFrom(bodies, first)
  }
}

function reverseFrom(items: unknown[], first: number): void {
  for (let low = first, high = items.length - 1; low < high; low++, high--) {
    const item = items[low]
    items[low] = items[high]
    items[high] = item
  }
}

/** Every `$n` below the node in the order of the source text. */
export function parameterRefs(root: Node): { readonly number: number; readonly location: number }[] {
  const refs: { number: number; location: number }[] = []
  walk(root, (tag, body) => {
    if (tag === 'ParamRef') refs.push({ number: body.number ?? 0, location: body.location ?? 0 })
  })
  return refs.sort((a, b) => a.location - b.location)
}

/** The text of a `String` node. */
export function stringOf(node: Node | undefined): string | undefined {
  const body = bodyAs(node, 'String')
  return body === undefined ? undefined : (body.sval ?? '')
}

/** The texts of a list of `String` nodes (a qualified name); undefined when something else is among them. */
export function stringsOf(nodes: readonly Node[] | undefined): string[] | undefined {
  const names: string[] = []
  for (const node of nodes ?? []) {
    const name = stringOf(node)
    if (name === undefined) return undefined
    names.push(name)
  }
  return names
}

/** A constant's value: text for strings, bit strings and numbers beyond int4, as written. */
export type Constant =
  | { readonly kind: 'integer'; readonly value: number }
  | { readonly kind: 'numeric'; readonly text: string }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'bits'; readonly text: string }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'null' }

function readConstant(constant: A_Const): Constant {
  if (constant.isnull === true) return { kind: 'null' }
  if (constant.ival !== undefined) return { kind: 'integer', value: constant.ival.ival ?? 0 }
  if (constant.sval !== undefined) return { kind: 'string', text: constant.sval.sval ?? '' }
  if (constant.boolval !== undefined) return { kind: 'boolean', value: constant.boolval.boolval ?? false }
  if (constant.fval !== undefined) return { kind: 'numeric', text: constant.fval.fval ?? '0' }
  return { kind: 'bits', text: constant.bsval?.bsval ?? '' }
}

/** The constant a node is, if it is one. */
export function constantOf(node: Node | undefined): Constant | undefined {
  const constant = bodyAs(node, 'A_Const')
  return constant === undefined ? undefined : readConstant(constant)
}

/** The number of `$n`, if the node is a parameter. */
export function parameterOf(node: Node | undefined): number | undefined {
  const parameter: ParamRef | undefined = bodyAs(node, 'ParamRef')
  return parameter === undefined ? undefined : (parameter.number ?? 0)
}

export interface ColumnName {
  /** The name's parts: `[column]`, `[table, column]`, `[schema, table, column]`; a star is left out and told by `isStar`. */
  readonly parts: readonly string[]
  readonly isStar: boolean
}

export function columnOf(node: Node | undefined): ColumnName | undefined {
  const reference = bodyAs(node, 'ColumnRef')
  return reference === undefined ? undefined : readColumn(reference)
}

export function readColumn(reference: ColumnRef): ColumnName {
  const parts: string[] = []
  let isStar = false
  for (const field of reference.fields ?? []) {
    if (bodyAs(field, 'A_Star') !== undefined) isStar = true
    else parts.push(stringOf(field) ?? '')
  }
  return { parts, isStar }
}

export interface QualifiedName {
  readonly schema: string | undefined
  readonly name: string
}

/** A relation's name. A database in front (`db.schema.name`) is dropped: PostgreSQL only takes the current one. */
export function relationOf(relation: RangeVar): QualifiedName {
  return { schema: relation.schemaname, name: relation.relname ?? '' }
}

/** A dotted name's last part, and the one before it as its schema. */
export function qualifiedName(nodes: readonly Node[] | undefined): QualifiedName | undefined {
  const names = stringsOf(nodes)
  const name = names?.at(-1)
  return name === undefined ? undefined : { schema: names?.at(-2), name }
}

export function functionNameOf(call: FuncCall): QualifiedName {
  return qualifiedName(call.funcname) ?? { schema: undefined, name: '' }
}

export interface TypeReading extends QualifiedName {
  readonly isArray: boolean
  /** True for `varchar(3)`, `numeric(10,2)`: the cast may change the value. */
  readonly hasModifiers: boolean
}

/** A type as written; the grammar's own spellings arrive qualified (`int` is `pg_catalog.int4`). */
export function readTypeName(type: TypeName | undefined): TypeReading | undefined {
  const name = qualifiedName(type?.names)
  if (type === undefined || name === undefined) return undefined
  return {
    ...name,
    isArray: (type.arrayBounds?.length ?? 0) > 0,
    hasModifiers: (type.typmods?.length ?? 0) > 0,
  }
}

export interface CastReading {
  readonly argument: Node
  readonly type: TypeReading
}

export function castOf(node: Node | undefined): CastReading | undefined {
  const cast: TypeCast | undefined = bodyAs(node, 'TypeCast')
  const type = readTypeName(cast?.typeName)
  return cast?.arg === undefined || type === undefined ? undefined : { argument: cast.arg, type }
}

/** A node for a bare SelectStmt, such as a branch of a set operation. */
export function selectNode(select: SelectStmt): Node {
  return { SelectStmt: select }
}

/** Turns the tree's UTF-8 byte offsets into string indices. */
export type OffsetMap = (byteOffset: number) => number

/** Free for ASCII text; otherwise one pass over the text on first use. */
export function createOffsetMap(text: string): OffsetMap {
  const byteLength = Buffer.byteLength(text)
  if (byteLength === text.length) return (byteOffset) => byteOffset
  let indices: Uint32Array | undefined
  return (byteOffset) => {
    indices ??= indexBytes(text, byteLength)
    return indices[byteOffset] ?? text.length
  }
}

function indexBytes(text: string, byteLength: number): Uint32Array {
  const indices = new Uint32Array(byteLength + 1)
  let byte = 0
  for (let index = 0; index < text.length;) {
    const code = text.codePointAt(index) ?? 0
    const bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
    indices.fill(index, byte, byte + bytes)
    byte += bytes
    index += code < 0x10000 ? 1 : 2
  }
  indices[byte] = text.length
  return indices
}
