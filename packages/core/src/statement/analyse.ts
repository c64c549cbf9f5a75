import { emptyCatalog, type Catalog } from './catalog.ts'
import { classify, type Classification } from './classify/classify.ts'
import { removeComments } from './comments.ts'
import { noHints, readHints } from './hints.ts'
import { parseInsert } from './insert-template.ts'
import { parse, refuseNul, tooDeep, type ParsedText } from './parser.ts'
import { analysePlacement } from './placement.ts'
import type { Hints, Placement, Refusal, Statement, SyntaxError } from './statement.ts'

/**
 * Everything that a text says about itself: what it is, where it may run, which rows it ties to which shards.
 *
 * Pure; `await loadParser()` must have been called once. Comments are read for hints and then left out:
 * `Statement.text` is without them, but what runs on a server is the caller's own text.
 *
 * @param catalog What is known of the database; without it only built-in names are known.
 * @throws {StatementError} STATEMENT_NUL, STATEMENT_TOO_LARGE, HINT_INVALID.
 */
export function analyse(sql: string, catalog: Catalog = emptyCatalog): Statement {
  const { text, hints } = readSource(sql)
  return analyseText(text, hints, sql, catalog)
}

/** A text without its comments, and the hints that were in them. */
export interface Source {
  readonly text: string
  readonly hints: Hints
}

/** Throws StatementError STATEMENT_NUL (in a comment, too: the server would end the text there), HINT_INVALID. */
export function readSource(sql: string): Source {
  refuseNul(sql)
  const { text, comments } = removeComments(sql)
  return { text, hints: comments.length === 0 ? noHints : readHints(comments) }
}

/** Analyses a text whose comments were taken out; `original` still has them, for the position of a syntax error. */
export function analyseText(text: string, hints: Hints, original: string, catalog: Catalog): Statement {
  const parsed = parseInsert(text) ?? parse(text)
  if (parsed.syntaxError !== undefined) {
    const syntaxError = (text === original ? undefined : parse(original).syntaxError) ?? parsed.syntaxError
    return assemble(original, hints, catalog, unparsable(syntaxError), syntaxError)
  }
  try {
    return analyseParsed(text, hints, parsed, catalog)
  } catch (error) {
    // A tree that the parser could build may still be too deep for a recursion over it.
    if (error instanceof RangeError) throw tooDeep(error)
    throw error
  }
}

function analyseParsed(text: string, hints: Hints, { stmts }: ParsedText, catalog: Catalog): Statement {
  const [first, ...others] = stmts
  if (first === undefined) return assemble(text, hints, catalog, empty)
  if (others.length > 0) {
    const parts = stmts.map(({ stmt }) => classify(stmt, catalog))
    return assemble(text, hints, catalog, { ...combine(parts), placement: refused(severalStatements) })
  }
  return assemble(text, hints, catalog, {
    ...classify(first.stmt, catalog),
    placement: analysePlacement(first.stmt, text, catalog),
  })
}

interface Analysed extends Classification {
  readonly placement: Placement
}

function assemble(
  text: string,
  hints: Hints,
  catalog: Catalog,
  analysed: Analysed,
  syntaxError?: SyntaxError,
): Statement {
  return {
    text,
    kind: analysed.kind,
    role: analysed.reason.rule === 'read' ? 'replica' : 'primary',
    reason: analysed.reason,
    pins: analysed.pins,
    isSessionChanging: analysed.isSessionChanging,
    isCacheable: analysed.isCacheable,
    isConstant: analysed.isConstant,
    tables: analysed.tables,
    transaction: analysed.transaction,
    parameterCount: analysed.parameterCount,
    placement: analysed.placement,
    hints,
    syntaxError,
    changesCatalog: analysed.changesCatalog,
    catalogVersion: catalog.version,
  }
}

const plain: Omit<Classification, 'kind' | 'reason'> = {
  pins: undefined,
  isSessionChanging: false,
  isCacheable: false,
  isConstant: false,
  tables: [],
  transaction: undefined,
  parameterCount: 0,
  changesCatalog: false,
}

function placeless(refusal: Refusal | undefined): Placement {
  return {
    keyspace: undefined,
    parts: [],
    writesReference: false,
    rows: undefined,
    lists: [],
    assignments: [],
    refusal,
    scatter: () => ({ kind: 'refused', refusal: refusal ?? nothingToScatter }),
  }
}

function refused(refusal: Refusal): Placement {
  return placeless(refusal)
}

const nothingToScatter: Refusal = {
  code: 'UNSUPPORTED_SCATTER',
  construct: 'an empty statement',
  message: 'An empty statement has no rows to merge. Run it on one shard.',
}

const empty: Analysed = {
  ...plain,
  kind: 'empty',
  reason: { rule: 'read' },
  isConstant: true,
  placement: placeless(undefined),
}

const severalStatements: Refusal = {
  code: 'MULTI_STATEMENT',
  construct: 'several statements in one text',
  message:
    'A text of several statements cannot be routed as one when there are several shards. Send the statements one by one, in a transaction where they belong together, or run the text inside router.run({ shard }, …).',
}

function unparsable(error: SyntaxError): Analysed {
  return {
    ...plain,
    kind: 'unparsable',
    reason: { rule: 'unparsable' },
    placement: refused({
      code: 'STATEMENT_UNPARSABLE',
      construct: 'a text that does not parse',
      message: error.message,
    }),
  }
}

/** Several statements in one text: the strictest of each. */
function combine(parts: readonly Classification[]): Classification {
  const pinning = parts.find((part) => part.pins !== undefined)
  return {
    ...plain,
    kind: 'multiple',
    reason: { rule: 'multiple-statements' },
    pins: pinning?.pins,
    isSessionChanging: parts.some((part) => part.isSessionChanging),
    tables: parts.flatMap((part) => part.tables),
    parameterCount: Math.max(...parts.map((part) => part.parameterCount)),
    changesCatalog: parts.some((part) => part.changesCatalog),
  }
}

/** The statement with what a standby has taught: it writes, although its text did not show it. */
export function learnPrimary(statement: Statement): Statement {
  return {
    ...statement,
    role: 'primary',
    reason: { rule: 'learned' },
    isCacheable: false,
    isConstant: false,
  }
}
