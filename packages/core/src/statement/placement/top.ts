import type { RangeVar } from 'libpg-query'
import { findRelation } from '../catalog.ts'
import { bodyAs, relationOf, tagOf, type Node } from '../tree.ts'
import type { Analysis, QueryContext } from './analysis.ts'
import { walkExpression } from './expressions.ts'
import { readInsert, type InsertReading } from './insert.ts'
import { readMerge } from './merge.ts'
import { readTable } from './relations.ts'
import { createLevel } from './scope.ts'
import { readSelect, type SelectParts } from './select.ts'
import type { WriteReading } from './targets.ts'
import { readDelete, readUpdate } from './update.ts'

/** The statement itself, as the proofs see it. */
export type Top =
  | { readonly kind: 'select'; readonly parts: SelectParts; readonly node: Node }
  | { readonly kind: 'insert'; readonly reading: InsertReading }
  | { readonly kind: 'update' | 'delete' | 'merge'; readonly reading: WriteReading }
  /** A statement around a query or whole tables: EXPLAIN, COPY, DECLARE, TRUNCATE, LOCK. */
  | { readonly kind: 'wrapped'; readonly construct: string }
  | { readonly kind: 'other' }

const outermost: QueryContext = { parent: undefined, ctes: undefined }

export function analyseTop(analysis: Analysis, stmt: Node): Top {
  switch (tagOf(stmt)) {
    case 'SelectStmt':
      return {
        kind: 'select',
        parts: readSelect(analysis, bodyAs(stmt, 'SelectStmt') ?? {}, outermost, true),
        node: stmt,
      }
    case 'InsertStmt':
      return { kind: 'insert', reading: readInsert(analysis, bodyAs(stmt, 'InsertStmt') ?? {}, outermost) }
    case 'UpdateStmt':
      return { kind: 'update', reading: readUpdate(analysis, bodyAs(stmt, 'UpdateStmt') ?? {}, outermost) }
    case 'DeleteStmt':
      return { kind: 'delete', reading: readDelete(analysis, bodyAs(stmt, 'DeleteStmt') ?? {}, outermost) }
    case 'MergeStmt':
      return { kind: 'merge', reading: readMerge(analysis, bodyAs(stmt, 'MergeStmt') ?? {}, outermost) }
    case 'ExplainStmt':
      return wrapped(analysis, bodyAs(stmt, 'ExplainStmt')?.query, 'EXPLAIN')
    case 'DeclareCursorStmt':
      return wrapped(analysis, bodyAs(stmt, 'DeclareCursorStmt')?.query, 'a cursor')
    case 'CopyStmt':
      return readCopy(analysis, stmt)
    case 'TruncateStmt':
      return readWhole(analysis, rangesOf(bodyAs(stmt, 'TruncateStmt')?.relations), 'TRUNCATE')
    case 'LockStmt':
      return readWhole(analysis, rangesOf(bodyAs(stmt, 'LockStmt')?.relations), 'LOCK')
    default:
      return { kind: 'other' }
  }
}

function wrapped(analysis: Analysis, query: Node | undefined, construct: string): Top {
  if (query !== undefined) analyseTop(analysis, query)
  return { kind: 'wrapped', construct }
}

function readCopy(analysis: Analysis, stmt: Node): Top {
  const copy = bodyAs(stmt, 'CopyStmt')
  if (copy?.query !== undefined) return wrapped(analysis, copy.query, 'COPY')
  const top = readWhole(
    analysis,
    copy?.relation === undefined ? [] : [copy.relation],
    'COPY',
    copy?.is_from === true,
  )
  const level = createLevel(false)
  walkExpression(analysis, copy?.whereClause, { items: [], parent: undefined, ctes: undefined, level })
  return top
}

function rangesOf(nodes: readonly Node[] | undefined): RangeVar[] {
  return (nodes ?? []).map((node) => bodyAs(node, 'RangeVar') ?? {})
}

/** Statements about whole tables: all of their keys matter. */
function readWhole(analysis: Analysis, ranges: readonly RangeVar[], construct: string, isWrite = true): Top {
  for (const range of ranges) {
    const { schema, name } = relationOf(range)
    const relation = findRelation(analysis.catalog, schema, name)
    if (relation !== undefined) readTable(analysis, relation, isWrite ? 'write' : 'read')
  }
  return { kind: 'wrapped', construct }
}
