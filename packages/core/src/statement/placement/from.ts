import type { JoinExpr, RangeFunction } from 'libpg-query'
import { bodyAs, functionNameOf, tagOf, type Node, type QualifiedName } from '../tree.ts'
import type { Analysis } from './analysis.ts'
import { applyFacts } from './apply.ts'
import { readCondition } from './conditions.ts'
import { equate } from './equalities.ts'
import { walkExpression } from './expressions.ts'
import { bothHold, type Facts } from './facts.ts'
import {
  replicated,
  unknownBinding,
  type Binding,
  type NamedBinding,
  type Roots,
  type Source,
} from './model.ts'
import { aliasColumns, queryColumns, readRelation } from './relations.ts'
import {
  bindColumn,
  createLevel,
  hiddenColumns,
  hiddenColumnSet,
  listedColumns,
  namedItem,
  nullableItems,
  renamedColumns,
  visibleColumns,
  type RangeItem,
  type Scope,
} from './scope.ts'
import { placeOfSlot } from './slots.ts'
import { joinRoots } from './roots.ts'
import { isUnnest, readUnnest } from './unnest.ts'

export interface FromReading {
  readonly items: readonly RangeItem[]
  readonly roots: Roots
  /** For a single subquery what its roots would be without its LIMIT. */
  readonly unlimited?: Roots | undefined
}

/** `FROM a, b`: an inner join of its items, each of which LATERAL may refer to those before it. */
export function readFrom(analysis: Analysis, nodes: readonly Node[], scope: Scope): FromReading {
  let items: readonly RangeItem[] = []
  let roots: Roots = replicated
  let unlimited: Roots | undefined
  for (const node of nodes) {
    const reading = readItem(analysis, node, { ...scope, items: [...scope.items, ...items] }, scope.parent)
    roots = joinRoots('JOIN_INNER', roots, reading.roots, () => false)
    items = [...items, ...reading.items]
    if (nodes.length === 1) unlimited = reading.unlimited
  }
  return { items, roots, unlimited }
}

/**
 * @param lateral The items that LATERAL sees, with their own surroundings.
 * @param outer The scope of a query that is not LATERAL.
 */
function readItem(analysis: Analysis, node: Node, lateral: Scope, outer: Scope | undefined): FromReading {
  switch (tagOf(node)) {
    case 'RangeVar': {
      const range = bodyAs(node, 'RangeVar') ?? {}
      const { columns, roots, relation, isCte } = readRelation(analysis, range, lateral.ctes)
      const item: RangeItem = {
        ...namedItem(range.alias?.aliasname ?? range.relname, columns),
        schema: range.alias === undefined && !isCte ? (relation?.schema ?? range.schemaname) : undefined,
      }
      return { items: [item], roots }
    }
    case 'RangeSubselect': {
      const range = bodyAs(node, 'RangeSubselect')
      if (range?.subquery === undefined) break
      const query = analysis.analyseQuery(analysis, range.subquery, {
        parent: range.lateral === true ? lateral : outer,
        ctes: lateral.ctes,
      })
      const columns = queryColumns(query, aliasColumns(range.alias?.colnames))
      return {
        items: [namedItem(range.alias?.aliasname, columns)],
        roots: query.roots,
        unlimited: query.unlimited,
      }
    }
    case 'RangeFunction':
      return readFunction(analysis, bodyAs(node, 'RangeFunction') ?? {}, lateral)
    case 'RangeTableSample': {
      const sample = bodyAs(node, 'RangeTableSample')
      analysis.obstruct(
        'TABLESAMPLE',
        'Each server would take its own sample: sample in router.run({ shard }, …).',
      )
      for (const argument of sample?.args ?? []) walkExpression(analysis, argument, lateral)
      walkExpression(analysis, sample?.repeatable, lateral)
      if (sample?.relation === undefined) break
      return readItem(analysis, sample.relation, lateral, outer)
    }
    case 'JoinExpr':
      return readJoin(analysis, bodyAs(node, 'JoinExpr') ?? {}, lateral, outer)
    default:
      walkExpression(analysis, node, lateral)
  }
  const { alias } = (Object.values(node)[0] ?? {}) as { alias?: { aliasname?: string } }
  return { items: [namedItem(alias?.aliasname, hiddenColumnSet)], roots: replicated }
}

function readFunction(analysis: Analysis, range: RangeFunction, lateral: Scope): FromReading {
  const calls = (range.functions ?? []).map((node) => bodyAs(node, 'List')?.items?.[0])
  for (const call of calls) walkExpression(analysis, call, lateral)
  const name = range.alias?.aliasname
  const aliases = aliasColumns(range.alias?.colnames)
  const [only] = calls
  const call = calls.length === 1 ? bodyAs(only, 'FuncCall') : undefined
  const called = call === undefined ? undefined : functionNameOf(call)
  const itemName = name ?? called?.name
  const isPlain = call !== undefined && range.coldeflist === undefined && range.ordinality !== true
  const unnested = isPlain && isUnnest(analysis, call) ? readUnnest(analysis, call.args ?? []) : undefined
  if (unnested !== undefined) {
    const { columns } = unnested
    const own = columns.length === 1 ? (name ?? 'unnest') : 'unnest'
    const named = columns.map(({ binding }, index) => ({ name: aliases[index] ?? own, binding }))
    return { items: [namedItem(itemName, listedColumns(named, true))], roots: replicated }
  }
  if (isPlain && called?.name === 'generate_series' && isBuiltin(analysis, called)) {
    const columns = listedColumns(
      [{ name: aliases[0] ?? name ?? called.name, binding: unknownBinding }],
      true,
    )
    return { items: [namedItem(itemName, columns)], roots: replicated }
  }
  const known = aliases.map((column): NamedBinding => ({ name: column, binding: unknownBinding }))
  return { items: [namedItem(itemName, listedColumns(known, false))], roots: replicated }
}

function isBuiltin({ catalog }: Analysis, { schema, name }: QualifiedName): boolean {
  if (schema !== undefined) return schema === 'pg_catalog'
  return !catalog.searchPath.some((path) => catalog.functions.has(`${path}.${name}`))
}

function readJoin(analysis: Analysis, join: JoinExpr, lateral: Scope, outer: Scope | undefined): FromReading {
  const start = analysis.sources.length
  const { outerJoins } = lateral.level
  const before = outerJoins.length
  const left = join.larg === undefined ? emptyFrom : readItem(analysis, join.larg, lateral, outer)
  const middle = analysis.sources.length
  const right =
    join.rarg === undefined
      ? emptyFrom
      : readItem(analysis, join.rarg, { ...lateral, items: [...lateral.items, ...left.items] }, outer)
  const end = analysis.sources.length
  const type = join.jointype ?? 'JOIN_INNER'

  const merged = mergeColumns(analysis, join, left.items, right.items)
  // ON sees the two sides and what is around the query, not the other items of the FROM list.
  const inner: Scope = { ...lateral, items: [...left.items, ...right.items], parent: outer }
  inner.level.clause = 'where'
  const facts = bothHold(merged.facts, readCondition(analysis, join.quals, inner))
  inner.level.clause = 'other'
  // An outer join's condition filters only the side that it fills with NULLs; a full join's filters neither.
  if (type === 'JOIN_INNER') applyFacts(analysis, facts, start, end)
  else if (type === 'JOIN_LEFT') applyFacts(analysis, facts, middle, end)
  else if (type === 'JOIN_RIGHT') applyFacts(analysis, facts, start, middle)
  if (type === 'JOIN_LEFT') outerJoins.push({ nullable: [middle, end], facts })
  else if (type === 'JOIN_RIGHT') outerJoins.push({ nullable: [start, middle], facts })
  // A column that a full join has merged may be there although the row of one side is not.
  else if (type === 'JOIN_FULL') outerJoins.length = before

  const roots = joinRoots(type, left.roots, right.roots, (a, b) => isTied(facts, a, b))
  const items = [
    ...(type === 'JOIN_RIGHT' || type === 'JOIN_FULL' ? nullableItems(left.items) : left.items),
    ...(type === 'JOIN_LEFT' || type === 'JOIN_FULL' ? nullableItems(right.items) : right.items),
  ]
  const unlimited =
    left.unlimited === undefined || type !== 'JOIN_LEFT'
      ? undefined
      : joinRoots(type, left.unlimited, right.roots, () => false)
  return { items: joinedItems(join, items, merged.columns(type), merged.isHidden), roots, unlimited }
}

const emptyFrom: FromReading = { items: [], roots: replicated }

function isTied(facts: Facts, a: Source, b: Source): boolean {
  if (a.placement === undefined || a.placement.group !== b.placement?.group) return false
  return facts.equalities.some(
    ({ from, to }) =>
      from.length === 1 &&
      from[0]?.source === a &&
      to.source === b &&
      placeOfSlot(to) !== undefined &&
      placeOfSlot(from[0]) === placeOfSlot(to),
  )
}

interface MergedColumns {
  readonly facts: Facts
  /** True when NATURAL meets columns that are not known: then nothing is known of the join's names. */
  readonly isHidden: boolean
  columns(type: string): readonly NamedBinding[]
}

/** The columns that USING or NATURAL makes one. */
function mergeColumns(
  analysis: Analysis,
  join: JoinExpr,
  left: readonly RangeItem[],
  right: readonly RangeItem[],
): MergedColumns {
  const names = usingNames(join, left, right)
  let facts: Facts = { isNever: false, sets: [], equalities: [] }
  const pairs: { name: string; a: Binding; b: Binding }[] = []
  for (const name of names ?? []) {
    const a = findVisible(analysis, left, name)
    const b = findVisible(analysis, right, name)
    pairs.push({ name, a, b })
    facts = bothHold(facts, { isNever: false, sets: [], equalities: equate(analysis.catalog, a, b) })
  }
  return {
    facts,
    isHidden: names === undefined,
    columns: (type) => pairs.map(({ name, a, b }) => ({ name, binding: mergedBinding(type, a, b) })),
  }
}

function mergedBinding(type: string, a: Binding, b: Binding): Binding {
  if (type === 'JOIN_RIGHT') return b
  if (type !== 'JOIN_FULL') return a
  // COALESCE(a, b), and a = b wherever both are there: a row of either side keeps its own value.
  return {
    ...unknownBinding,
    up: a.up !== undefined && b.up !== undefined ? [...a.up, ...b.up] : undefined,
    down: a.type !== undefined && a.type === b.type ? [...a.down, ...b.down] : [],
    isNullable: a.isNullable || b.isNullable,
    type: a.type === b.type ? a.type : undefined,
  }
}

function usingNames(
  join: JoinExpr,
  left: readonly RangeItem[],
  right: readonly RangeItem[],
): readonly string[] | undefined {
  if (join.isNatural !== true) return aliasColumns(join.usingClause)
  const a = visibleColumns(left)
  const b = visibleColumns(right)
  if (!a.isComplete || !b.isComplete) return undefined
  const names = new Set(b.columns.map((column) => column.name))
  return [...new Set(a.columns.map((column) => column.name).filter((name) => names.has(name)))]
}

function findVisible(analysis: Analysis, items: readonly RangeItem[], name: string): Binding {
  const scope: Scope = {
    items,
    parent: undefined,
    ctes: undefined,
    level: createLevel(false),
  }
  return bindColumn(scope, { ColumnRef: { fields: [{ String: { sval: name } }] } }) ?? unknownBinding
}

/** The names a join leaves visible: merged columns first, and only its alias when it has one. */
function joinedItems(
  join: JoinExpr,
  items: readonly RangeItem[],
  merged: readonly NamedBinding[],
  isHidden: boolean,
): readonly RangeItem[] {
  const { alias } = join
  const using = join.join_using_alias
  if (alias === undefined && merged.length === 0 && !isHidden) return items
  const names = new Set(merged.map((column) => column.name))
  const visible = visibleColumns(items)
  const columns = listedColumns(
    [...merged, ...visible.columns.filter((column) => !names.has(column.name))],
    visible.isComplete && !isHidden,
  )
  const joined = isHidden ? hiddenColumnSet : columns
  if (alias !== undefined) {
    return [namedItem(alias.aliasname, renamedColumns(joined, aliasColumns(alias.colnames)))]
  }
  const result = [...hiddenColumns(items), namedItem(undefined, joined)]
  if (using !== undefined) {
    result.push({ ...namedItem(using.aliasname, listedColumns(merged, true)), hasVisibleColumns: false })
  }
  return result
}
