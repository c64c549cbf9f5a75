import type { RangeVar, SelectStmt } from 'libpg-query'
import { findRelation, type Relation } from '../catalog.ts'
import { parse } from '../parser.ts'
import { bodyAs, relationOf, selectNode, stringOf, type Node } from '../tree.ts'
import type { Analysis, Query } from './analysis.ts'
import { refusedRoots, replicated, type Roots, type Source } from './model.ts'
import {
  hiddenColumnSet,
  listedColumns,
  renamedColumns,
  tableColumns,
  type ColumnSet,
  type CteScope,
} from './scope.ts'

/** What a name in FROM, or the target of a write, stands for. */
export interface RelationReading {
  readonly columns: ColumnSet
  readonly roots: Roots
  readonly relation: Relation | undefined
  /** Set for a sharded table. */
  readonly source: Source | undefined
  readonly isCte: boolean
}

/** A chain of CTEs or views that doubles at every step is not followed further. */
const maxExpansions = 100

export function readRelation(
  analysis: Analysis,
  range: RangeVar,
  ctes: CteScope | undefined,
): RelationReading {
  const aliases = aliasColumns(range.alias?.colnames)
  const { schema, name } = relationOf(range)
  if (schema === undefined) {
    for (let scope = ctes; scope !== undefined; scope = scope.next) {
      if (scope.name !== name) continue
      if (!mayExpand(analysis)) return hiddenReading
      const { columns, roots } = scope.cte.reference()
      return {
        columns: renamedColumns(columns, aliases),
        roots,
        relation: undefined,
        source: undefined,
        isCte: true,
      }
    }
  }
  const relation = findRelation(analysis.catalog, schema, name)
  if (relation === undefined) return readUncatalogued(analysis, schema, name)
  if (relation.kind === 'view') {
    analysis.visitKeyspace(relation)
    return readView(analysis, relation, aliases)
  }
  return readTable(analysis, relation, 'read', aliases)
}

/** A table, with a source when it is sharded. */
export function readTable(
  analysis: Analysis,
  relation: Relation,
  access: 'read' | 'write',
  aliases: readonly string[] = [],
): RelationReading {
  const { placement } = relation
  analysis.visitKeyspace(relation)
  const plain = { relation, source: undefined, isCte: false, roots: replicated }
  switch (placement.strategy) {
    case 'reference':
      return { ...plain, columns: tableColumns(relation, undefined, aliases) }
    case 'unsharded':
      if (analysis.homes.get(relation.name) !== 'write') analysis.homes.set(relation.name, access)
      return { ...plain, columns: tableColumns(relation, undefined, aliases) }
    case 'per-shard':
      analysis.refuse(
        access === 'read' ? 'UNPROVED_READ' : 'UNPROVED_WRITE',
        `the relation ${relation.name}`,
        `The rows of "${relation.name}" differ from shard to shard (${placement.why}), so nothing tells which shard is meant. Run the statement in router.run({ shard }, …).`,
      )
      return { ...plain, columns: tableColumns(relation, undefined, aliases) }
    default: {
      const source = analysis.addSource('table', access, placement.keyType, { relation, placement })
      return {
        relation,
        source,
        isCte: false,
        columns: tableColumns(relation, source, aliases),
        roots: { kind: 'located', candidates: [[source]], hint: undefined },
      }
    }
  }
}

function readUncatalogued(analysis: Analysis, schema: string | undefined, name: string): RelationReading {
  const isSystem =
    schema === undefined
      ? name.startsWith('pg_')
      : schema === 'information_schema' || schema === 'pg_catalog' || schema === 'pg_toast'
  if (isSystem) {
    analysis.usesSystemCatalog = true
    analysis.obstruct(
      `the system catalog ${name}`,
      'Every server has its own: read it in router.run({ shard }, …) or router.eachShard(…).',
    )
  } else {
    const spelled = schema === undefined ? name : `${schema}.${name}`
    analysis.refuse(
      'UNKNOWN_TABLE',
      `the table ${spelled}`,
      `No shard has a relation "${spelled}" that the catalog read at start knows. Check the name, or call router.refresh() after creating it outside of the router; a temporary table needs router.run({ shard }, …).`,
    )
  }
  return hiddenReading
}

const hiddenReading: RelationReading = {
  columns: hiddenColumnSet,
  roots: replicated,
  relation: undefined,
  source: undefined,
  isCte: false,
}

/** Trees of views, kept as long as the catalog's relation is. */
const viewTrees = new WeakMap<Relation, SelectStmt>()

function readView(analysis: Analysis, view: Relation, aliases: readonly string[]): RelationReading {
  const select = viewTree(view)
  if (select === undefined || !mayExpand(analysis)) {
    analysis.refuse(
      'UNPROVED_READ',
      `the view ${view.name}`,
      `The definition of the view "${view.name}" cannot be read, so nothing tells which shards it needs. Query its tables, or run the statement in router.run({ shard }, …).`,
    )
    return { ...hiddenReading, relation: view }
  }
  const query = analysis.analyseQuery(analysis, selectNode(select), { parent: undefined, ctes: undefined })
  const named = view.columns.length === query.outputs.length && query.isComplete
  const columns = listedColumns(
    query.outputs.map(({ binding }, index) => ({ name: view.columns[index]?.name ?? '', binding })),
    named,
  )
  return {
    columns: named ? renamedColumns(columns, aliases) : hiddenColumnSet,
    roots: query.roots,
    relation: view,
    source: undefined,
    isCte: false,
  }
}

function viewTree(view: Relation): SelectStmt | undefined {
  const known = viewTrees.get(view)
  if (known !== undefined || view.viewText === undefined) return known
  const { stmts } = parse(view.viewText)
  const select = bodyAs(stmts[0]?.stmt, 'SelectStmt')
  if (stmts.length === 1 && select !== undefined) viewTrees.set(view, select)
  return select
}

function mayExpand(analysis: Analysis): boolean {
  analysis.expansions += 1
  if (analysis.expansions <= maxExpansions) return true
  analysis.refuse(
    'UNPROVED_READ',
    'more than a hundred references to CTEs and views',
    'The statement names CTEs and views so often, one inside the other, that its shards cannot be proved. Split it, or run it in router.run({ shard }, …).',
  )
  return false
}

export function aliasColumns(nodes: readonly Node[] | undefined): readonly string[] {
  return nodes === undefined ? [] : nodes.map((node) => stringOf(node) ?? '')
}

/** The columns of a query in FROM. */
export function queryColumns(query: Query, aliases: readonly string[]): ColumnSet {
  const columns = query.outputs.map(({ name, binding }, index) => ({ name: aliases[index] ?? name, binding }))
  if (query.isComplete) return listedColumns(columns, true)
  // Behind a `*` of unknown width the columns' order is lost, and a name might be there twice.
  return aliases.length > 0 ? hiddenColumnSet : listedColumns(columns, false)
}

export function refuseRootsOfWrites(): Roots {
  return refusedRoots(
    'a data-modifying WITH query',
    'each shard would see only its own part of what was written',
    'Send the write and the read as two statements.',
  )
}
