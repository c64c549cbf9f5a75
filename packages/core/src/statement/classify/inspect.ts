import type { A_Expr, CommonTableExpr, FuncCall, RangeVar, TypeCast, TypeName, WithClause } from 'libpg-query'
import { relationKey, findRelation, type Catalog, type Relation } from '../catalog.ts'
import {
  bodyAs,
  constantOf,
  forEachChild,
  functionNameOf,
  qualifiedName,
  readColumn,
  readTypeName,
  stringOf,
  tagOf,
  type Node,
  type NodeBody,
  type NodeTag,
  type Tagged,
} from '../tree.ts'
import { functionUse, hasVolatileFunctions, isServerView, operatorUse } from '../volatility.ts'
import { applyFunction, FindingsBuilder, type Findings } from './findings.ts'

/** A WITH query that is visible at a place, and those visible besides. A chain: copies would cost its square. */
interface Scope {
  readonly name: string
  readonly outer: Scope | undefined
}

type ViewReader = (view: Relation) => Findings | undefined

const modifyingTags: ReadonlySet<NodeTag> = new Set(['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'])

/**
 * Walks a statement and everything in it. Keeps its own stack, so that no depth the parser survives overflows here.
 *
 * A table is told apart from a WITH query of the same name by PostgreSQL's scoping: a WITH query sees the ones before
 * it (with RECURSIVE all of them, itself included), and the target of a data-modifying statement is always a table.
 */
export function inspect(root: Node, catalog: Catalog, readView: ViewReader): Findings {
  const walk = new Inspection(catalog, readView)
  walk.run(root)
  return walk.findings.build()
}

class Inspection {
  readonly findings = new FindingsBuilder()
  readonly #catalog: Catalog
  readonly #readView: ViewReader
  readonly #tags: NodeTag[] = []
  readonly #bodies: NodeBody[] = []
  readonly #scopes: (Scope | undefined)[] = []
  /** Relations that are written or only named, so that the walk does not take them for read ones. */
  readonly #settled = new Set<object>()

  constructor(catalog: Catalog, readView: ViewReader) {
    this.#catalog = catalog
    this.#readView = readView
  }

  run(root: Node): void {
    for (const cast of this.#catalog.volatileCasts ?? []) {
      this.findings.needsPrimary('volatile-function', `cast ${cast}`)
    }
    this.#push(root, undefined)
    for (;;) {
      const tag = this.#tags.pop()
      const body = this.#bodies.pop()
      if (tag === undefined || body === undefined) return
      this.#visit(tag, body, this.#scopes.pop())
    }
  }

  #push(node: Node, scope: Scope | undefined): void {
    const tag = tagOf(node)
    this.#pushBody(tag, bodyAs(node, tag) as NodeBody, scope)
  }

  #pushBody(tag: NodeTag, body: NodeBody, scope: Scope | undefined): void {
    this.#tags.push(tag)
    this.#bodies.push(body)
    this.#scopes.push(scope)
  }

  #visit(tag: NodeTag, body: NodeBody, outer: Scope | undefined): void {
    if (!this.#inspect(...([tag, body] as unknown as Tagged), outer)) return
    let scope = outer
    const withClause = (body as { withClause?: WithClause }).withClause
    if (withClause !== undefined) scope = this.#enterWith(withClause, outer)
    const first = this.#tags.length
    forEachChild(tag, body, (childTag, childBody) => {
      // A bulk insert has thousands of these, and nothing lies below them.
      if (childTag === 'ParamRef') this.findings.parameter(childBody.number ?? 0)
      else if (childTag !== 'WithClause' && childTag !== 'String') this.#pushBody(childTag, childBody, scope)
    })
    // The stack gives back the last first; reasons are told in the order of the text.
    reverseFrom(this.#tags, first)
    reverseFrom(this.#bodies, first)
    reverseFrom(this.#scopes, first)
  }

  #enterWith(clause: WithClause, outer: Scope | undefined): Scope | undefined {
    const definitions = (clause.ctes ?? []).map((node) => bodyAs(node, 'CommonTableExpr') ?? {})
    const enter = (scope: Scope | undefined, { ctename: name = '' }: CommonTableExpr): Scope => ({
      name,
      outer: scope,
    })
    const all = definitions.reduce(enter, outer)
    let before = outer
    for (const definition of definitions) {
      const { ctequery: query, ctename: name = '' } = definition
      if (query === undefined) continue
      const tag = tagOf(query)
      if (modifyingTags.has(tag)) {
        this.findings.needsPrimary('data-modifying-cte', `${verb(tag)} in WITH ${name}`)
      }
      this.#push(query, clause.recursive === true ? all : before)
      before = enter(before, definition)
    }
    return all
  }

  /** Returns false when nothing below the node matters. */
  #inspect(...[tag, body, scope]: [...Tagged, scope: Scope | undefined]): boolean {
    switch (tag) {
      case 'RangeVar':
        if (!this.#settled.has(body)) this.#relation(body, scope)
        return false
      case 'InsertStmt':
      case 'UpdateStmt':
      case 'DeleteStmt':
      case 'MergeStmt':
        this.#writtenRelation(body.relation)
        return true
      case 'IntoClause':
        this.#writtenRelation(body.rel)
        return true
      case 'ViewStmt':
        this.#writtenRelation(body.view)
        return true
      case 'SelectStmt':
        if (body.intoClause !== undefined) this.findings.needsPrimary('select-into', 'SELECT INTO')
        return true
      case 'LockingClause':
        this.findings.needsPrimary(
          'row-locks',
          lockingClauses[body.strength ?? 'LCS_FORUPDATE'] ?? 'FOR UPDATE',
        )
        // It names the aliases of FROM items, not tables.
        return false
      case 'FuncCall':
        this.#functionCall(body)
        return true
      case 'A_Expr':
        this.#operators(body)
        return true
      case 'SubLink':
        if (body.operName !== undefined) this.#operator(qualifiedName(body.operName)?.name ?? '=')
        else if (body.subLinkType === 'ANY_SUBLINK') this.#operator('=')
        return true
      case 'SortBy':
        if (body.useOp !== undefined) this.#operator(qualifiedName(body.useOp)?.name ?? '<')
        return true
      case 'CaseExpr':
        if (body.arg !== undefined) this.#operator('=')
        return true
      case 'JoinExpr':
        if (body.isNatural === true || body.usingClause !== undefined) this.#operator('=')
        return true
      case 'ColumnRef': {
        // `t.f` also calls the function f on a row of t when t has no such column.
        const { parts, isStar } = readColumn(body)
        if (parts.length > 1 && !isStar) this.#attribute(parts.at(-1) ?? '')
        return false
      }
      case 'A_Indirection':
        for (const field of body.indirection ?? []) {
          const name = stringOf(field)
          if (name !== undefined) this.#attribute(name)
        }
        return true
      case 'TypeCast':
        this.#cast(body)
        return true
      case 'TypeName':
        this.#typeName(body)
        return true
      case 'A_Const':
        if (body.sval !== undefined && namesAnInstant(body.sval.sval ?? '')) this.findings.varies()
        return false
      case 'ParamRef':
        this.findings.parameter(body.number ?? 0)
        return false
      case 'SQLValueFunction':
      case 'RangeTableSample':
        this.findings.varies()
        return true
      case 'CurrentOfExpr':
        this.findings.pin('cursor', false)
        return true
      default:
        // XML and JSON constructors go through the output functions of types.
        if (tag.startsWith('Json') || tag.startsWith('Xml') || tag === 'RangeTableFunc')
          this.findings.isNotConstant()
        return true
    }
  }

  #writtenRelation(relation: RangeVar | undefined): void {
    if (relation === undefined) return
    this.#settled.add(relation)
    const { schemaname: schema, relname: name = '' } = relation
    this.findings.table({ schema, name, access: 'write' })
    const known = findRelation(this.#catalog, schema, name)
    if (known === undefined) this.#unknownRelation(schema, name)
    if (known?.kind !== 'view') return
    // A write through a view reaches its base tables.
    for (const base of this.#readView(known)?.tables ?? []) this.findings.table({ ...base, access: 'write' })
  }

  #relation(relation: RangeVar, scope: Scope | undefined): void {
    const { schemaname: schema, relname: name = '' } = relation
    if (schema === undefined) {
      for (let at = scope; at !== undefined; at = at.outer) if (at.name === name) return
    }
    const findings = this.findings
    findings.table({ schema, name, access: 'read' })
    const isSystem = schema === 'pg_catalog' || schema === 'information_schema' || schema === 'pg_toast'
    if (isSystem || (schema === undefined && name.startsWith('pg_'))) {
      if (isServerView(name)) findings.needsPrimaryToPlan('per-server', name)
      findings.varies()
      if (isSystem) return
    }
    if (schema?.startsWith('pg_temp') === true) {
      findings.pin('temporary-table', false)
      findings.needsPrimaryToPlan('session-state', `${schema}.${name}`)
      return
    }
    const known = findRelation(this.#catalog, schema, name)
    if (known !== undefined) this.#knownRelation(known)
    else this.#unknownRelation(schema, name)
  }

  /** A temporary table of this session, or something the catalog has not seen yet: only the primary surely has it. */
  #unknownRelation(schema: string | undefined, name: string): void {
    if (this.#catalog.version === 0 || name.startsWith('pg_')) return
    this.findings.needsPrimaryToPlan('unknown-table', schema === undefined ? name : relationKey(schema, name))
  }

  #knownRelation(relation: Relation): void {
    const findings = this.findings
    const key = relationKey(relation.schema, relation.name)
    if (relation.isUnlogged === true)
      findings.needsPrimaryToPlan('refused-on-standby', `unlogged table ${key}`)
    switch (relation.kind) {
      case 'view': {
        const inner = this.#readView(relation)
        if (inner === undefined) findings.needsPrimaryToPlan('unknown-function', `view ${key}`)
        else findings.merge(inner, key)
        return
      }
      case 'sequence':
        // A standby's copy runs ahead of the values that were handed out.
        findings.needsPrimary('per-server', `sequence ${key}`)
        return
      case 'foreign':
        findings.needsPrimary('per-server', `foreign table ${key}`)
        return
      case 'table':
      case 'partitioned':
      case 'materialized-view':
    }
  }

  #functionCall(call: FuncCall): void {
    const name = functionNameOf(call)
    const subject =
      name.schema === undefined || name.schema === 'pg_catalog'
        ? name.name
        : relationKey(name.schema, name.name)
    const use = functionUse(name, this.#catalog)
    applyFunction(this.findings, use, subject)
    // ORDER BY … USING and DISTINCT inside aggregates are visited as children.
    if (use?.nature === 'state') pinFor(this.findings, name.name, call)
  }

  #operators(expression: A_Expr): void {
    switch (expression.kind) {
      case 'AEXPR_BETWEEN':
      case 'AEXPR_NOT_BETWEEN':
      case 'AEXPR_BETWEEN_SYM':
      case 'AEXPR_NOT_BETWEEN_SYM':
        for (const symbol of ['<', '>', '<=', '>=']) this.#operator(symbol)
        return
      default:
        this.#operator(qualifiedName(expression.name)?.name ?? '')
    }
  }

  #operator(symbol: string): void {
    const use = operatorUse(symbol, this.#catalog)
    if (use === undefined || use.isUser) applyFunction(this.findings, use, `operator ${symbol}`)
  }

  #attribute(name: string): void {
    if (this.#catalog.functions.size === 0) return
    const use = functionUse({ schema: undefined, name }, this.#catalog)
    if (use?.isUser === true && use.volatility === 'volatile')
      this.findings.needsPrimary('volatile-function', name)
  }

  #cast(cast: TypeCast): void {
    const type = readTypeName(cast.typeName)
    if (type === undefined || !plainTypes.has(type.name)) this.findings.isNotConstant()
    if (type === undefined) return
    if (type.name.startsWith('reg')) this.findings.varies()
  }

  /** A cast, what JSON gives, and a column of a function's rows: values of the type are made and checked there. */
  #typeName(typeName: TypeName): void {
    if (!hasVolatileFunctions(this.#catalog) || !mayHoldDomain(typeName, this.#catalog)) return
    // The CHECK constraints may call any of them.
    const name = qualifiedName(typeName.names)?.name ?? ''
    this.findings.needsPrimary('unknown-function', `type ${name}`)
  }
}

/** True for a domain, and for rows that may have one in a column. */
function mayHoldDomain(typeName: TypeName, catalog: Catalog): boolean {
  const name = qualifiedName(typeName.names)
  if (name === undefined || catalog.types.size === 0) return false
  const schemas = name.schema === undefined ? catalog.searchPath : [name.schema]
  return schemas.some((schema) => {
    const key = relationKey(schema, name.name)
    const kind = catalog.types.get(key)?.kind
    return kind === 'domain' || ((kind === 'composite' || catalog.relations.has(key)) && hasDomains(catalog))
  })
}

function hasDomains(catalog: Catalog): boolean {
  for (const { kind } of catalog.types.values()) if (kind === 'domain') return true
  return false
}

/** Types whose input reads no setting. */
const plainTypes: ReadonlySet<string> = new Set(
  'int2 int4 int8 float4 float8 numeric bool text varchar bpchar uuid json jsonb bytea'.split(' '),
)

/** Words that the input of date and time types reads from the clock. */
function namesAnInstant(text: string): boolean {
  return text.length < 64 && /\b(now|today|tomorrow|yesterday)\b/i.test(text)
}

const lockingClauses: Readonly<Record<string, string>> = {
  LCS_FORKEYSHARE: 'FOR KEY SHARE',
  LCS_FORSHARE: 'FOR SHARE',
  LCS_FORNOKEYUPDATE: 'FOR NO KEY UPDATE',
  LCS_FORUPDATE: 'FOR UPDATE',
}

function verb(tag: NodeTag): string {
  return tag.slice(0, -'Stmt'.length).toUpperCase()
}

/** The session state that a built-in function reads or leaves. */
function pinFor(findings: FindingsBuilder, name: string, call: FuncCall): void {
  if (name.includes('advisory')) {
    findings.pin('advisory-lock', !name.includes('_xact_'))
  } else if (name === 'set_config') {
    const isLocal = constantOf(call.args?.[2])
    findings.pin('setting', !(isLocal?.kind === 'boolean' && isLocal.value))
  } else if (name === 'currval' || name === 'lastval') {
    findings.pin('sequence-value', true)
  } else if (name === 'nextval' || name === 'setval') {
    findings.pin('sequence-value', false)
  } else if (name === 'pg_cursor') {
    findings.pin('cursor', false)
  } else if (name === 'pg_prepared_statement') {
    findings.pin('prepared-statement', false)
  } else if (name === 'pg_listening_channels') {
    findings.pin('listen', false)
  } else findings.pin('setting', true)
}

function reverseFrom(items: unknown[], first: number): void {
  for (let low = first, high = items.length - 1; low < high; low++, high--) {
    const item = items[low]
    items[low] = items[high]
    items[high] = item
  }
}
