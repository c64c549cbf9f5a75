import { relationKey, type Catalog, type Relation } from '../catalog.ts'
import { parse } from '../parser.ts'
import type { Node } from '../tree.ts'
import type { Findings } from './findings.ts'
import { inspect } from './inspect.ts'

const findingsByCatalog = new WeakMap<Catalog, Map<string, Findings | undefined>>()

/** Inspects a statement, and the queries of the views it names, each once per catalog. */
export function inspectStatement(stmt: Node, catalog: Catalog): Findings {
  return inspect(stmt, catalog, (view) => findingsOf(view, catalog))
}

/** What a view's query does; undefined when it cannot be told. */
function findingsOf(view: Relation, catalog: Catalog): Findings | undefined {
  let known = findingsByCatalog.get(catalog)
  if (known === undefined) findingsByCatalog.set(catalog, (known = new Map()))
  const key = relationKey(view.schema, view.name)
  if (known.has(key)) return known.get(key)
  // While it is being worked out it counts as unknown: views that name each other end here.
  known.set(key, undefined)
  const findings = read(view, catalog)
  known.set(key, findings)
  return findings
}

function read(view: Relation, catalog: Catalog): Findings | undefined {
  if (view.viewText === undefined) return undefined
  const { stmts } = parse(view.viewText)
  const stmt = stmts[0]?.stmt
  return stmts.length !== 1 || stmt === undefined ? undefined : inspectStatement(stmt, catalog)
}
