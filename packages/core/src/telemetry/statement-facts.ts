import type { Statement, StatementKind } from '../statement/statement.ts'

/** What is told of a statement: names of its tables, never its text. */
export interface StatementFacts {
  readonly kind: StatementKind
  /** SQL's word: `SELECT`. */
  readonly operation: string
  /** As written in the statement, qualified where it qualifies; each once. */
  readonly tables: readonly string[]
  /** Operation and tables, as OpenTelemetry's `db.query.summary`: `SELECT orders customers`. */
  readonly summary: string
}

/** OpenTelemetry's bound on the summary's length. */
const longestSummary = 255

const factsByStatement = new WeakMap<Statement, StatementFacts>()

/** Worked out once per analysed statement. */
export function factsOf(statement: Statement): StatementFacts {
  let facts = factsByStatement.get(statement)
  if (facts === undefined) factsByStatement.set(statement, (facts = readFacts(statement)))
  return facts
}

function readFacts({ kind, tables, transaction }: Statement): StatementFacts {
  const operation = transaction === undefined ? operations[kind] : transactionWord(transaction.command)
  const names = new Set(tables.map(({ schema, name }) => (schema === undefined ? name : `${schema}.${name}`)))
  let summary = operation
  for (const name of names) {
    if (summary.length + 1 + name.length > longestSummary) break
    summary += ` ${name}`
  }
  return { kind, operation, tables: [...names], summary }
}

const operations: Record<StatementKind, string> = {
  select: 'SELECT',
  insert: 'INSERT',
  update: 'UPDATE',
  delete: 'DELETE',
  merge: 'MERGE',
  explain: 'EXPLAIN',
  copy: 'COPY',
  call: 'CALL',
  ddl: 'DDL',
  maintenance: 'MAINTENANCE',
  transaction: 'TRANSACTION',
  session: 'SET',
  show: 'SHOW',
  cursor: 'CURSOR',
  prepared: 'EXECUTE',
  lock: 'LOCK',
  notify: 'NOTIFY',
  unparsable: 'UNKNOWN',
  empty: 'EMPTY',
  multiple: 'BATCH',
}

/** `rollback-to` is `ROLLBACK TO` in SQL. */
function transactionWord(command: string): string {
  return command.replaceAll('-', ' ').toUpperCase()
}
