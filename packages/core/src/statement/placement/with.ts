import type { CommonTableExpr, WithClause } from 'libpg-query'
import { bodyAs, walk, type Node } from '../tree.ts'
import type { Analysis, Query, QueryContext } from './analysis.ts'
import {
  refusedRoots,
  unknownBinding,
  type Binding,
  type NamedBinding,
  type Roots,
  type Source,
} from './model.ts'
import { aliasColumns, queryColumns, refuseRootsOfWrites } from './relations.ts'
import { hiddenColumnSet, listedColumns, type Cte, type CteScope } from './scope.ts'

export interface WithReading {
  readonly ctes: CteScope | undefined
  /** Reads what no reference has read yet: its parameters get their types all the same. */
  readonly unread: (() => void)[]
}

/**
 * Puts a WITH clause's queries in force. A plain one is read anew at every reference, with sources of its own, as if
 * it were written there: what a reference filters out is filtered from that reading alone, and the shards of all
 * readings together hold what the one materialised result needs. Recursive and data-modifying ones are read once.
 */
export function bindWith(
  analysis: Analysis,
  clause: WithClause | undefined,
  context: QueryContext,
): WithReading {
  const unread: (() => void)[] = []
  let { ctes } = context
  const list = (clause?.ctes ?? []).map((node) => bodyAs(node, 'CommonTableExpr') ?? {})
  if (clause?.recursive === true) {
    // Each of them hides the one of its own name as soon as it is read.
    for (const { ctename: name = '' } of list) ctes = { name, cte: forwardReference(analysis), next: ctes }
  }
  for (const definition of list) {
    const name = definition.ctename ?? ''
    const inner: QueryContext = { parent: context.parent, ctes }
    ctes = {
      name,
      cte: createCte(analysis, definition, inner, clause?.recursive === true, unread),
      next: ctes,
    }
  }
  return { ctes, unread }
}

export function finishWith(reading: WithReading): void {
  for (const read of reading.unread) read()
}

function createCte(
  analysis: Analysis,
  definition: CommonTableExpr,
  context: QueryContext,
  isRecursive: boolean,
  unread: (() => void)[],
): Cte {
  const query = definition.ctequery
  if (query === undefined) return hiddenCte
  const aliases = aliasColumns(definition.aliascolnames)
  if (bodyAs(query, 'SelectStmt') === undefined) {
    analysis.hasModifyingCte = true
    return createWrittenCte(analysis, analysis.analyseQuery(analysis, query, context), aliases)
  }
  if (isRecursive && namesItself(query, definition.ctename ?? '')) {
    return createRecursiveCte(analysis, definition, query, context)
  }
  let isRead = false
  const read = (): Query => {
    isRead = true
    return analysis.analyseQuery(analysis, query, context)
  }
  unread.push(() => {
    if (!isRead) read()
  })
  return {
    reference() {
      const { outputs, isComplete, roots, outward } = read()
      return { columns: queryColumns({ outputs, isComplete, roots, outward }, aliases), roots }
    },
  }
}

const hiddenCte: Cte = {
  reference: () => ({
    columns: hiddenColumnSet,
    roots: refusedRoots('this WITH query', 'it cannot be read', 'Send it as a statement of its own.'),
  }),
}

function forwardReference(analysis: Analysis): Cte {
  return {
    reference() {
      analysis.refuse(
        'UNPROVED_READ',
        'a reference to a later WITH query',
        'A WITH RECURSIVE query refers to a later one, of which nothing is proved. Put the queries in the order of their references.',
      )
      return hiddenCte.reference()
    },
  }
}

/** RETURNING rows: their keys are those of the rows written, but a condition on them leaves out no write. */
function createWrittenCte(analysis: Analysis, query: Query, aliases: readonly string[]): Cte {
  return {
    reference() {
      const row = analysis.nextRow()
      const outputs = query.outputs.map(({ binding, ...output }) => ({
        ...output,
        binding: { ...binding, down: [], up: binding.up?.map((slot) => ({ ...slot, row })) },
      }))
      return { columns: queryColumns({ ...query, outputs }, aliases), roots: refuseRootsOfWrites() }
    },
  }
}

function namesItself(query: Node, name: string): boolean {
  let found = false
  walk(query, (tag, body) => {
    if (tag === 'RangeVar' && body.schemaname === undefined && body.relname === name) found = true
  })
  return found
}

/**
 * A column keeps the values of the non-recursive term when the recursive term returns it, or a column equal to it:
 * then, by induction, every row's value is one of the first rows'.
 */
function createRecursiveCte(
  analysis: Analysis,
  definition: CommonTableExpr,
  node: Node,
  context: QueryContext,
): Cte {
  const roots: Roots = refusedRoots(
    'a recursive WITH query',
    'a step may lead to another shard',
    'Compare the shard key with a value in both of its terms.',
  )
  const select = bodyAs(node, 'SelectStmt')
  const isPlain =
    select?.op === 'SETOP_UNION' &&
    select.larg !== undefined &&
    select.rarg !== undefined &&
    select.withClause === undefined &&
    !namesItself({ SelectStmt: select.larg }, definition.ctename ?? '')
  if (!isPlain || select.larg === undefined || select.rarg === undefined) {
    const blind = {
      name: definition.ctename ?? '',
      cte: { reference: () => ({ columns: hiddenColumnSet, roots }) },
      next: context.ctes,
    }
    analysis.analyseQuery(analysis, node, { ...context, ctes: blind })
    return { reference: () => ({ columns: hiddenColumnSet, roots }) }
  }
  const aliases = aliasColumns(definition.aliascolnames)
  const first = analysis.analyseQuery(analysis, { SelectStmt: select.larg }, context)
  const columns = first.outputs.map(
    (output, index): { name: string; source: Source | undefined; binding: Binding } => {
      const name = aliases[index] ?? output.name
      const { type } = output.binding
      if (output.binding.up === undefined || type === undefined || type === 'unknown') {
        return { name, source: undefined, binding: unknownBinding }
      }
      const source = analysis.addSource('recursion', 'read', type)
      // NULL may come in with a later row.
      return {
        name,
        source,
        binding: { ...unknownBinding, type, up: [{ source, column: '', row: source.id }] },
      }
    },
  )
  const named: NamedBinding[] = columns.map(({ name, binding }) => ({ name, binding }))
  const isKnown =
    first.isComplete && definition.search_clause === undefined && definition.cycle_clause === undefined
  const reading = { columns: isKnown ? listedColumns(named, true) : hiddenColumnSet, roots }
  const itself: Cte = { reference: () => reading }
  const next = analysis.analyseQuery(
    analysis,
    { SelectStmt: select.rarg },
    { ...context, ctes: { name: definition.ctename ?? '', cte: itself, next: context.ctes } },
  )
  for (const [index, { source }] of columns.entries()) {
    const start = first.outputs[index]?.binding.up
    const step = next.isComplete ? next.outputs[index]?.binding : undefined
    if (source === undefined || start === undefined || step === undefined) continue
    if (isTiedTo(analysis, step, source)) {
      analysis.equalities.push({ from: start, to: { source, column: '', row: source.id }, isStrict: true })
    }
  }
  return itself
}

function isTiedTo(analysis: Analysis, binding: Binding, source: Source): boolean {
  const [only, ...others] = binding.up ?? []
  if (only === undefined || others.length > 0) return false
  if (only.source === source) return true
  return analysis.equalities.some(
    ({ from, to }) =>
      to.source === only.source &&
      to.column === only.column &&
      from.length === 1 &&
      from[0]?.source === source,
  )
}
