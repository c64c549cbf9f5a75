import type { Catalog, Collation, Column } from './catalog.ts'
import { findRelation } from './catalog.ts'
import type { DistributionProof } from './distribution.ts'
import { bodyAs, qualifiedName, readTypeName, stringsOf, walk, type Node } from './tree.ts'

/** What a statement's text tells about the collations of its expressions. */
export interface Collations {
  /** The collation under which PostgreSQL compares the expression if its type has one; undefined when that is not sure. */
  of(node: Node): Collation | undefined
  /** The collation of every expression, when there is only one in the whole statement. */
  readonly ofAny: Collation | undefined
  /** True when text can only be equal byte by byte, wherever in the statement. */
  readonly isDeterministic: boolean
}

export function readCollations(stmt: Node, catalog: Catalog, proof: DistributionProof): Collations {
  const facts = readFacts(stmt, catalog)
  const whole = facts.isUniform ? catalog.defaultCollation : undefined
  return {
    of: (node) => derive(node, catalog, proof) ?? whole,
    ofAny: whole,
    isDeterministic: facts.isDeterministic,
  }
}

/**
 * The rules of parse_collate.c, as far as they are sure: an explicit COLLATE on top decides; otherwise the one
 * collation other than the default among the columns, or the default when there is none.
 */
function derive(node: Node, catalog: Catalog, proof: DistributionProof): Collation | undefined {
  const clause = bodyAs(node, 'CollateClause')
  if (clause !== undefined) return namedCollation(clause.collname, catalog)
  let found = catalog.defaultCollation
  let isSure = true
  walk(node, (tag, body) => {
    if (tag === 'CollateClause' || tag === 'SubLink') isSure = false
    else if (tag === 'TypeCast') {
      const type = readTypeName(body.typeName)
      if (type === undefined || mayHaveCollation(type.schema, type.name, catalog)) isSure = false
    } else if (tag === 'ColumnRef') {
      const column = proof.resolveColumn({ ColumnRef: body })?.column
      if (column === undefined) isSure = false
      else if (column.collation !== undefined && !isSame(column.collation, catalog.defaultCollation)) {
        if (!isSame(found, catalog.defaultCollation) && !isSame(found, column.collation)) isSure = false
        found = column.collation
      }
    }
    return isSure
  })
  return isSure ? found : undefined
}

function isSame(left: Collation, right: Collation): boolean {
  return left.name === right.name && left.schema === right.schema
}

/** A domain may carry a collation of its own; an enum has none. */
function mayHaveCollation(schema: string | undefined, name: string, catalog: Catalog): boolean {
  if (schema === 'pg_catalog') return false
  const paths = schema === undefined ? catalog.searchPath : [schema]
  return paths.some((path) => {
    const type = catalog.types.get(`${path}.${name}`)
    return type !== undefined && type.kind !== 'enum'
  })
}

const codePointCollations: ReadonlySet<string> = new Set(['C', 'POSIX', 'ucs_basic', 'pg_c_utf8'])

function namedCollation(nodes: readonly Node[] | undefined, catalog: Catalog): Collation | undefined {
  const name = qualifiedName(nodes)
  if (name === undefined) return undefined
  if (name.schema === undefined || name.schema === 'pg_catalog') {
    if (name.name === 'default') return catalog.defaultCollation
    if (codePointCollations.has(name.name))
      return { name: name.name, isCodePoint: true, isDeterministic: true }
  }
  // Whether a collation that no column has is deterministic is not known here; a shard can order by it all the same.
  const schema = name.schema === undefined || name.schema === 'pg_catalog' ? {} : { schema: name.schema }
  return { name: name.name, ...schema, isCodePoint: false, isDeterministic: false }
}

interface CollationFacts {
  /** No expression of the statement can have a collation other than the default. */
  readonly isUniform: boolean
  readonly isDeterministic: boolean
}

function readFacts(stmt: Node, catalog: Catalog): CollationFacts {
  let isUniform = true
  let isDeterministic = catalog.defaultCollation.isDeterministic
  const see = (column: Column): void => {
    if (column.collation === undefined) return
    if (!isSame(column.collation, catalog.defaultCollation)) isUniform = false
    if (!column.collation.isDeterministic) isDeterministic = false
  }
  const commonTables = new Set<string>()
  walk(stmt, (tag, body) => {
    if (tag === 'CommonTableExpr' && body.ctename !== undefined) commonTables.add(body.ctename)
  })
  walk(stmt, (tag, body) => {
    if (tag === 'CollateClause') {
      isUniform = false
      const names = stringsOf(body.collname)
      if (!codePointCollations.has(names?.at(-1) ?? '')) isDeterministic = false
    } else if (tag === 'TypeCast') {
      const type = readTypeName(body.typeName)
      if (type === undefined || type.name === 'name' || mayHaveCollation(type.schema, type.name, catalog)) {
        isUniform = false
        isDeterministic = false
      }
    } else if (tag === 'RangeVar') {
      const relation = findRelation(catalog, body.schemaname, body.relname ?? '')
      for (const column of relation?.columns ?? []) see(column)
      const isCommonTable = body.schemaname === undefined && commonTables.has(body.relname ?? '')
      if (relation === undefined && !isCommonTable) {
        isUniform = false
        isDeterministic = false
      }
    }
  })
  return { isUniform, isDeterministic }
}
