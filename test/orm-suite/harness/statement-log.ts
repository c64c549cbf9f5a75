import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Cluster, PgNode } from '@shardline/local-cluster'
import { tableNames } from '../domain/schema.ts'

/** What the application's connections are called; others (the suite's own, the plain application's) are not counted. */
export const applicationName = 'suite'

/** What the connections of the plain application must be called. */
export const plainName = 'plain'

/** Every server writes what it runs into its own log, before it runs it. */
export const loggingConf = {
  log_statement: 'all',
  log_line_prefix: '<<%a>> ',
  log_parameter_max_length: 0,
  deadlock_timeout: '50ms',
} as const

/** A comment that makes a statement without a table of the domain count. */
export const mark = '/* suite */'

/** One statement on one server, in the server's own words. */
export interface Logged {
  readonly node: PgNode
  readonly text: string
}

const ofDomain = new RegExp(`\\b(?:${tableNames.join('|')})\\b`)
const ofCatalogs = /pg_catalog|pg_class|information_schema/

/**
 * Runs `act` and returns what each server ran for the application meanwhile. Statements that name no table of the domain and
 * have no `mark` are left out: BEGIN and COMMIT, probes, and what reads the catalogs.
 */
export async function logging<T>(
  cluster: Cluster,
  act: () => Promise<T>,
): Promise<{ readonly result: T; readonly statements: readonly Logged[] }> {
  const starts = new Map(cluster.nodes.map((node) => [node, statSync(logOf(node)).size]))
  const result = await act()
  const statements = [...starts].flatMap(([node, start]) =>
    entriesOf(readFrom(logOf(node), start)).flatMap((entry) => {
      const text = statementIn(entry)
      return text === undefined || !isCounted(text) ? [] : [{ node, text }]
    }),
  )
  return { result, statements }
}

function isCounted(text: string): boolean {
  return text.includes(mark) || (ofDomain.test(text) && !ofCatalogs.test(text))
}

/** A multi-line statement goes on behind a tab. */
function entriesOf(log: string): string[] {
  return log.split('\n<<').map((entry) => entry.replace(/^<</, ''))
}

/** `application>> LOG:  statement: …`, or `execute name: …` in the extended protocol. */
function statementIn(entry: string): string | undefined {
  const found = /^([^>]*)>> LOG: {2}(?:statement|execute [^:]*): ([^]*)$/.exec(entry)
  return found?.[1] === applicationName ? found[2] : undefined
}

function logOf(node: PgNode): string {
  return join(node.dir, 'log')
}

function readFrom(file: string, start: number): string {
  const handle = openSync(file, 'r')
  try {
    const { size } = fstatSync(handle)
    const bytes = Buffer.alloc(Math.max(size - start, 0))
    readSync(handle, bytes, 0, bytes.length, start)
    return bytes.toString()
  } finally {
    closeSync(handle)
  }
}
