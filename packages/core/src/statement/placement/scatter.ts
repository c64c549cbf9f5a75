import type { Catalog } from '../catalog.ts'
import { countedSelect } from '../counted-select.ts'
import { pagedSelect } from '../paged-select.ts'
import type { DistributionProof } from '../distribution.ts'
import { planMerge } from '../merge-planner.ts'
import { oneRowPerValue } from '../one-row-per-value.ts'
import { parse, tooDeep } from '../parser.ts'
import type { Refusal, Scatter } from '../statement.ts'
import { isPositive, probeOf, type Probe } from '../probe.ts'
import { bodyAs, columnOf, type Node } from '../tree.ts'
import { Analysis, type FunctionOccurrence } from './analysis.ts'
import { refuseUnprovedWrites, scatterRefusal } from './outcome.ts'
import type { Roots, Source } from './model.ts'
import { analyseQuery } from './query.ts'
import { resolveColumn, type Resolved } from './scope.ts'
import { isNeverNull, placeOf } from './slots.ts'
import { solve, type Solution } from './solve.ts'
import { analyseTop, type Top } from './top.ts'

/**
 * The proof for several shards.
 *
 * A query is *linear* in a table when its rows for two halves of the table are the rows for the one and the rows for
 * the other: FROM and WHERE are linear in what is joined inner or preserved by an outer join, GROUP BY and DISTINCT
 * are where the halves split by whole keys. So the result over all shards is the sum, over the shards, of the result
 * with one such root table cut down to the shard. All other tables may then be cut down to the same shard, if the
 * equalities that pruning itself uses tie them to the root.
 */
export function proveScatter(text: string, catalog: Catalog): Scatter {
  try {
    return prove(text, catalog)
  } catch (error) {
    if (error instanceof RangeError) throw tooDeep(error)
    throw error
  }
}

function prove(text: string, catalog: Catalog): Scatter {
  const [statement] = parse(text).stmts
  if (statement === undefined) return refused(scatterRefusal('an empty statement', 'nothing runs', ''))
  const analysis = new Analysis(catalog, analyseQuery)
  const top = analyseTop(analysis, statement.stmt)
  const refusal = findRefusal(analysis, top)
  if (refusal !== undefined) return refused(refusal)
  if (top.kind === 'insert' && top.reading.rows !== undefined) return { kind: 'split' }
  if (top.kind !== 'select') return { kind: 'write' }
  const planned = planMerge(statement.stmt, text, catalog, proofOf(top))
  if ('refusal' in planned) return refused(planned.refusal)
  const select = bodyAs(statement.stmt, 'SelectStmt')
  const values = select === undefined ? undefined : oneRowPerValue(select, catalog)
  const plan = values === undefined ? planned.plan : { ...planned.plan, oneRowPerValue: values }
  return { kind: 'merge', plan }
}

const refused = (refusal: Refusal): Scatter => ({ kind: 'refused', refusal })

function findRefusal(analysis: Analysis, top: Top): Refusal | undefined {
  const solution = solve(analysis)
  refuseUnprovedWrites(analysis, solution)
  return (
    analysis.refusal ??
    refuseStatement(analysis, top) ??
    refuseFunctions(analysis, top) ??
    refuseShape(analysis, top, solution)
  )
}

function refuseStatement(analysis: Analysis, top: Top): Refusal | undefined {
  if (top.kind === 'wrapped') {
    const wayOut =
      top.construct === 'EXPLAIN'
        ? 'Ask router.explain() for the route, or explain in router.run({ shard }, …).'
        : 'Run it in router.run({ shard }, …) or router.eachShard(…).'
    return scatterRefusal(top.construct, 'it belongs to one server', wayOut)
  }
  const [home] = analysis.homes.keys()
  if (home !== undefined) {
    return {
      code: 'CROSS_SHARD',
      construct: `the unsharded table ${home} together with sharded tables`,
      message: `The statement needs the unsharded table "${home}", which lies on the home shard only, together with rows of other shards. Query them one after the other, or make "${home}" a reference table.`,
    }
  }
  if (analysis.hasModifyingCte) {
    return scatterRefusal(
      'a data-modifying WITH query',
      'each shard would see only its own part of what was written',
      'Send the writes as statements of their own.',
    )
  }
  const [obstacle] = analysis.scatterObstacles
  if (obstacle !== undefined) {
    return scatterRefusal(obstacle.construct, 'it means one server', obstacle.wayOut)
  }
  return undefined
}

function refuseFunctions(analysis: Analysis, top: Top): Refusal | undefined {
  const isRead = top.kind === 'select'
  const call = analysis.functions.find((occurrence) => !isFine(occurrence, isRead))
  if (call === undefined) return undefined
  return scatterRefusal(
    `${call.name}()`,
    'every shard would give it another value here',
    'Pass its value as a parameter, or compare the shard key with a value.',
  )
}

/**
 * Chance is as random on several shards as on one, where it makes rows but does not choose them. The moment differs
 * from shard to shard: in a condition that is what two runs of the statement differ by, in a result it would show.
 */
function isFine({ use, place }: FunctionOccurrence, isRead: boolean): boolean {
  if (use === undefined) return false
  switch (use.nature) {
    case 'immutable':
    case 'settings':
    case 'session':
      return !use.isUser || use.volatility !== 'volatile' || place === 'top-target'
    case 'time':
      return place === 'where' || (!isRead && place === 'top-target')
    case 'chance':
      return place === 'top-target'
    case 'state':
    case 'writes':
      return !isRead && place === 'top-target'
    case undefined:
      return use.volatility !== 'volatile' || place === 'top-target'
    default:
      return false
  }
}

function refuseShape(analysis: Analysis, top: Top, solution: Solution): Refusal | undefined {
  switch (top.kind) {
    case 'select':
      if (!top.parts.query.isComplete) {
        return scatterRefusal(
          '* over columns that are not known',
          'the columns of a function or system catalog decide what is merged',
          'Name the columns.',
        )
      }
      return (
        refuseRead(analysis, top, solution) ??
        (top.parts.hasWindowsWithoutKey
          ? scatterRefusal(
              'a window function whose PARTITION BY lacks the shard key',
              'its partitions span the shards',
              'Partition by the shard key, or compare it with a value.',
            )
          : undefined)
      )
    case 'insert': {
      const { rows, roots, target } = top.reading
      if (rows === undefined) return refuseRoots(analysis, roots, solution)
      const other = analysis.sources.find(
        (source) => source.placement !== undefined && source !== target.source,
      )
      if (other !== undefined) {
        return {
          code: 'CROSS_SHARD',
          construct: 'an INSERT over several shards that reads other sharded tables',
          message: `The rows for "${rows.table}" lie on several shards, and the statement also reads "${other.relation?.name ?? ''}". Insert the rows shard key by shard key.`,
        }
      }
      return undefined
    }
    case 'update':
    case 'delete':
    case 'merge':
      return refuseRoots(analysis, top.reading.roots, solution)
    default:
      return scatterRefusal(
        'this statement',
        'nothing proves what it reads',
        'Run it in router.run({ shard }, …).',
      )
  }
}

/** A statement that counts a page, or asks whether there are rows, is read for what it counts and asks about. */
function refuseRead(analysis: Analysis, top: TopSelect, solution: Solution): Refusal | undefined {
  const { node, parts } = top
  const select = bodyAs(node, 'SelectStmt') ?? {}
  const probe = probeOf(select)
  if (probe !== undefined) return refuseProbe(analysis, probe, solution)
  return refuseRoots(analysis, pageRoots(top) ?? parts.fromRoots, solution)
}

type TopSelect = Extract<Top, { kind: 'select' }>

/** The roots of the rows that a page is cut out of, which the statement only aggregates, or adds relations to. */
function pageRoots({ node, parts }: TopSelect): Roots | undefined {
  const select = bodyAs(node, 'SelectStmt') ?? {}
  const isKnown =
    parts.isOneRow === true ? countedSelect(select) !== undefined : pagedSelect(select) !== undefined
  return isKnown ? parts.unlimitedRoots : undefined
}

/** There is a row when any shard has one, if every shard finds its own: each question is a read of its own. */
function refuseProbe(analysis: Analysis, { questions }: Probe, solution: Solution): Refusal | undefined {
  const asked = new Set<Source>()
  for (const { sublink } of questions) {
    const question = analysis.questions.get(sublink)
    if (question === undefined) continue
    const { query, sources } = question
    const inner = bodyAs(sublink.subselect, 'SelectStmt')
    const isPage = inner?.limitOffset === undefined && isPositive(inner?.limitCount)
    const tables = analysis.sources.slice(...sources).filter((source) => source.placement !== undefined)
    for (const source of tables) asked.add(source)
    if (tables.length === 0) continue
    const refusal = refuseRoots(
      analysis,
      (isPage ? query.unlimited : undefined) ?? query.roots,
      solution,
      tables,
    )
    if (refusal !== undefined) return refusal
  }
  const other = analysis.sources.find((source) => source.placement !== undefined && !asked.has(source))
  return other === undefined ? undefined : untied(other, 'it stands in a subquery alone')
}

/** Undefined when some candidate root ties every sharded table of the statement to itself. */
function refuseRoots(
  analysis: Analysis,
  roots: Roots,
  solution: Solution,
  tables = analysis.sources.filter((source) => source.placement !== undefined),
): Refusal | undefined {
  if (roots.kind === 'refused') {
    const { construct, why, wayOut } = roots.obstacle
    return scatterRefusal(construct, why, wayOut)
  }
  if (roots.kind === 'replicated') return untied(tables[0], 'it stands in a subquery alone')
  let loose: Source | undefined
  for (const candidate of roots.candidates) {
    const tied = tiedTo(candidate, solution)
    const missing = tables.find((source) => !tied.has(source))
    if (missing === undefined) return undefined
    loose ??= missing
  }
  if (roots.hint !== undefined) return scatterRefusal(roots.hint.construct, roots.hint.why, roots.hint.wayOut)
  return untied(loose, 'nothing ties it to the other tables by equal shard keys or a foreign key')
}

function untied(source: Source | undefined, why: string): Refusal {
  const name = source?.relation?.name ?? ''
  const key = source?.placement?.keyColumn ?? ''
  return scatterRefusal(
    `the table ${name}`,
    why,
    `Compare "${key}" with the shard key of the other tables, or with a value.`,
  )
}

function tiedTo(roots: readonly Source[], solution: Solution): ReadonlySet<Source> {
  const tied = new Set(roots)
  for (let isChanged = true; isChanged;) {
    isChanged = false
    for (const { from, to } of solution.ties) {
      if (tied.has(to) || !from.every((source) => tied.has(source))) continue
      tied.add(to)
      isChanged = true
    }
  }
  return tied
}

function proofOf(top: TopSelect): DistributionProof {
  const { parts } = top
  const resolve = (node: Node): Resolved | undefined => {
    const column = columnOf(node)
    if (parts.scope === undefined || column === undefined || column.isStar) return undefined
    return resolveColumn(parts.scope, column.parts)
  }
  return {
    outputs: parts.query.outputs.map(({ name, binding }) => ({
      name,
      relation: binding.relation,
      column: binding.column,
      isShardKey: placeOf(binding) !== undefined,
    })),
    isOnOneShard(node: Node, orNull: boolean) {
      const binding = resolve(node)?.binding
      if (binding === undefined) return false
      return placeOf(binding, orNull) !== undefined
    },
    isNeverNull(node: Node) {
      const binding = resolve(node)?.binding
      return binding !== undefined && isNeverNull(binding)
    },
    isOfPage: pageRoots(top) !== undefined,
    isGroupedByKey: parts.isGroupedByKey,
    isDistinctByKey: parts.isDistinctByKey,
    resolveColumn(node: Node) {
      const binding = resolve(node)?.binding
      return binding?.relation === undefined || binding.column === undefined
        ? undefined
        : { relation: binding.relation, column: binding.column }
    },
    isSameColumn(left: Node, right: Node) {
      const item = resolve(left)?.item
      return item !== undefined && item === resolve(right)?.item && nameOf(left) === nameOf(right)
    },
  }
}

function nameOf(column: Node): string | undefined {
  return columnOf(column)?.parts.at(-1)
}
