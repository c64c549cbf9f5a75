import type { Column } from '../catalog.ts'
import { parse } from '../parser.ts'
import { bodyAs, functionNameOf, walk } from '../tree.ts'
import { functionUse, type FunctionUse } from '../volatility.ts'
import type { Analysis } from './analysis.ts'
import type { Top } from './top.ts'

/**
 * A write to a reference table runs on every shard and must leave the same rows on each: nothing in it may depend on
 * the moment, on chance or on the server.
 */
export function refuseUnstableReferenceWrite(analysis: Analysis, top: Top): void {
  const [table] = analysis.referenceWrites
  if (table === undefined) return
  const call = analysis.functions.find(({ use }) => !isAlikeEverywhere(use))
  if (call !== undefined) {
    return refuse(
      analysis,
      table,
      `${call.name}()`,
      'Compute the value in the application and pass it as a parameter.',
    )
  }
  const [obstacle] = analysis.scatterObstacles
  if (obstacle !== undefined) return refuse(analysis, table, obstacle.construct, obstacle.wayOut)
  const column = top.kind === 'insert' ? unstableDefault(analysis, top.reading.defaulted, top) : undefined
  if (column !== undefined) {
    refuse(analysis, table, `the default of "${column}"`, `Give "${column}" a value in the statement.`)
  }
}

function isAlikeEverywhere(use: FunctionUse | undefined): boolean {
  if (use === undefined) return false
  if (use.isUser && use.volatility === 'volatile') return false
  return (
    use.nature === undefined ||
    use.nature === 'immutable' ||
    use.nature === 'settings' ||
    use.nature === 'session'
  )
}

function unstableDefault(
  analysis: Analysis,
  names: readonly string[],
  top: Extract<Top, { kind: 'insert' }>,
): string | undefined {
  const columns = top.reading.target.relation?.columns ?? []
  return names.find((name) => {
    const column = columns.find((candidate) => candidate.name === name)
    return (
      column !== undefined && column.hasDefault && !column.isGenerated && !isStableDefault(analysis, column)
    )
  })
}

/** True for a default of constants and immutable functions; an identity column's has no text. */
function isStableDefault(analysis: Analysis, column: Column): boolean {
  if (column.defaultText === undefined) return false
  const { stmts } = parse(`select ${column.defaultText}`)
  const [statement] = stmts
  if (statement === undefined || stmts.length !== 1) return false
  let isStable = true
  walk(statement.stmt, (tag, body) => {
    if (tag === 'SQLValueFunction') isStable = false
    const call = tag === 'FuncCall' ? bodyAs({ FuncCall: body }, 'FuncCall') : undefined
    if (call !== undefined && !isAlikeEverywhere(functionUse(functionNameOf(call), analysis.catalog)))
      isStable = false
  })
  return isStable
}

function refuse(analysis: Analysis, table: string, construct: string, wayOut: string): void {
  analysis.refuse(
    'UNSUPPORTED_STATEMENT',
    `${construct} in a write to the reference table ${table}`,
    `Every shard runs a write to the reference table "${table}", and ${construct} would give each of them another value. ${wayOut}`,
  )
}
