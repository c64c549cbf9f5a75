import { bodyAs, tagOf, type Node } from '../tree.ts'
import type { Analysis, Query, QueryContext } from './analysis.ts'
import { replicated } from './model.ts'
import { analyseSelect } from './select.ts'
import { readDelete } from './update.ts'
import { readInsert } from './insert.ts'
import { readMerge } from './merge.ts'
import { readUpdate } from './update.ts'

/** Any statement that can stand where a query stands. */
export function analyseQuery(analysis: Analysis, node: Node, context: QueryContext): Query {
  switch (tagOf(node)) {
    case 'SelectStmt':
      return analyseSelect(analysis, bodyAs(node, 'SelectStmt') ?? {}, context)
    case 'InsertStmt':
      return readInsert(analysis, bodyAs(node, 'InsertStmt') ?? {}, context).returning
    case 'UpdateStmt':
      return readUpdate(analysis, bodyAs(node, 'UpdateStmt') ?? {}, context).returning
    case 'DeleteStmt':
      return readDelete(analysis, bodyAs(node, 'DeleteStmt') ?? {}, context).returning
    case 'MergeStmt':
      return readMerge(analysis, bodyAs(node, 'MergeStmt') ?? {}, context).returning
    default:
      return { outputs: [], isComplete: false, roots: replicated, outward: undefined }
  }
}
