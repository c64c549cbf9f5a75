import { ShardlineError, type Explanation, type Router } from '@shardline/core'
import type { Outcome } from './comparison.ts'
import type { Observed } from './observation.ts'
import type { Step } from './steps.ts'
import { bold, cyan, dim, green, print, red, table, thousands, wrap, yellow } from './terminal.ts'

const longestSql = 330

const shorten = (sql: string) => (sql.length > longestSql ? `${sql.slice(0, longestSql)} …` : sql)

const transactionCommand = /^(begin|commit|rollback|savepoint|release)\b/i

/** What `router.explain` says, line by line. */
function printExplanation(explanation: Explanation): void {
  for (const line of String(explanation).split('\n')) {
    const [, label = '', text = ''] = /^(\S+)\s+(.*)$/s.exec(line) ?? []
    print(`      ${dim(label.padEnd(7))} ${wrap(text, 14, dim).trimStart()}`)
  }
}

/** Which nodes were really asked, and why they are others than explained: a route knows no transaction and no lag. */
function printNodes(
  { nodes }: Observed,
  explanation: Explanation | undefined,
  isInTransaction: boolean,
): void {
  if (nodes.length === 0) {
    print(`    ${cyan('→')} not sent`)
    return
  }
  const isPrimaryInstead = explanation?.role === 'replica' && nodes.some((name) => name.endsWith('/primary'))
  let reason = ''
  if (isInTransaction) reason = "the transaction's server"
  else if (isPrimaryInstead) reason = 'the replica has yet to replay what this process wrote'
  print(`    ${cyan('→')} ${bold(nodes.join(', '))}  ${dim(reason)}`.trimEnd())
}

function printStatement(router: Router, step: Step, observed: Observed, isInTransaction: boolean): void {
  const { query, times, nodes } = observed
  if (transactionCommand.test(query.sql)) {
    print(
      `    ${query.sql}  ${nodes.length > 0 ? `${cyan('→')} ${nodes.join(', ')}` : dim('waits for a statement with a route')}`,
    )
    return
  }
  print(wrap(shorten(query.sql) + (times > 1 ? `  (× ${times})` : ''), 4))
  let explanation: Explanation | undefined
  try {
    explanation = router.run(step.context ?? {}, () => router.explain(query.sql, query.parameters))
    printExplanation(explanation)
  } catch (error) {
    // a statement that is refused whatever its place; the outcome of the step says why
    if (!(error instanceof ShardlineError)) throw error
  }
  printNodes(observed, explanation, isInTransaction)
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
  let isInTransaction = false
  for (const statement of statements) {
    if (/^(commit|rollback)$/i.test(statement.query.sql)) isInTransaction = false
    printStatement(router, step, statement, isInTransaction)
    if (/^begin/i.test(statement.query.sql)) isInTransaction = true
  }
  printOutcome(outcome)
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
