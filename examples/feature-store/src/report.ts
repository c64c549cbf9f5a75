import type { Router } from '@shardline/core'
import type { Outcome } from './comparison.ts'
import type { Observed } from './observation.ts'
import type { Step } from './steps.ts'
import { bold, cyan, dim, green, print, red, table, thousands, wrap, yellow } from './terminal.ts'

const longestSql = 330

const shorten = (sql: string) => (sql.length > longestSql ? `${sql.slice(0, longestSql)} …` : sql)

/** What `router.explain` says, or the refusal; transaction commands have no route of their own. */
function explain(router: Router, step: Step, { query }: Observed): string {
  try {
    return router.run(step.context ?? {}, () => router.explain(query.sql, [...query.parameters])).toString()
  } catch (error) {
    return `refused (${(error as { code?: string }).code})`
  }
}

const transactionCommand = /^(begin|commit|rollback|savepoint|release|start transaction)\b/i

function printStatement(router: Router, step: Step, observed: Observed): void {
  const { query, times, nodes } = observed
  const again = times > 1 ? `  (× ${times})` : ''
  const where = nodes.length > 0 ? `    ${cyan('→')} ${bold(nodes.join(', '))}` : ''
  if (transactionCommand.test(query.sql)) {
    print(`    ${query.sql}${where}`)
    return
  }
  print(wrap(shorten(query.sql) + again, 4))
  for (const line of explain(router, step, observed).split('\n'))
    print(wrap(line.replaceAll(/\s+/g, ' '), 6, dim))
  if (where !== '') print(where)
}

const isRows = (result: unknown): result is Record<string, unknown>[] => Array.isArray(result)

function count(result: unknown): string {
  if (isRows(result)) return `${thousands(result.length)} ${result.length === 1 ? 'row' : 'rows'}`
  return typeof result === 'bigint' ? `${thousands(Number(result))} rows written` : 'the result'
}

function printOutcome(outcome: Outcome): void {
  if (outcome.verdict === 'equal') {
    print(
      `    ${green('=')} ${count(outcome.result)}, equal to the single PostgreSQL  ${dim(`${outcome.durationMs.toFixed(1)} ms`)}`,
    )
    if (isRows(outcome.result)) print(`\n${table(outcome.result, 5, 6)}`)
  } else if (outcome.verdict === 'refused') {
    print(`    ${green('✓')} refused, as it must be: ${yellow(outcome.code)}`)
    print(wrap(outcome.message, 6, dim))
  } else {
    print(`    ${red('≠')} ${bold(red('different'))} from the single PostgreSQL`)
    print(`      here:   ${shorten(JSON.stringify(outcome.result))}`)
    print(`      there:  ${shorten(JSON.stringify(outcome.expected))}`)
  }
}

/** Tells one step: what was asked, where it went and why, and what came of it. */
export function printStep(
  router: Router,
  number: number,
  step: Step,
  statements: readonly Observed[],
  outcome: Outcome,
): void {
  print(`\n${bold(`${String(number).padStart(3)}  ${step.title}`)}`)
  print(wrap(step.note, 5, dim))
  print()
  for (const statement of statements) printStatement(router, step, statement)
  printOutcome(outcome)
}
