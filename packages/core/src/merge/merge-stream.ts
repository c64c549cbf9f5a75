import type { MergePlan } from '../statement/merge-plan.ts'
import { rankIdentity } from './identity.ts'
import { distinctColumns, mergeRows, outputOf, type MergeScope } from './merge-rows.ts'
import type { Output } from './output.ts'
import { finish } from './ranking.ts'
import type { FieldFacts, MergeEnvironment, RawRow } from './row.ts'
import { rowCounts } from './row-counts.ts'
import { disorder, rankSortOrder, sortColumns, type Keyed, type SortOrder } from './sort-keys.ts'
import { createTournament } from './tournament.ts'

/**
 * Merges the results of several shards while they arrive, in batches.
 *
 * What is held in memory is one batch per shard, and the distinct rows of a DISTINCT without ORDER BY. Grouped results
 * are held whole, one row per group and shard: a group is complete only when every shard has ended. The sources are closed (`return()`) as
 * soon as no further row can matter, on an error, and when the consumer stops.
 *
 * Parameters and errors are those of `mergeRows`.
 */
export async function* mergeStream(
  plan: MergePlan,
  fields: readonly FieldFacts[],
  sources: readonly AsyncIterator<RawRow[]>[],
  values: readonly unknown[],
  env: MergeEnvironment,
): AsyncGenerator<RawRow[], void, undefined> {
  const scope: MergeScope = { plan, fields, values, env }
  try {
    if (mustBeWhole(scope))
      yield* nonEmpty(await mergeRows(plan, fields, await readAll(sources), values, env))
    else if (plan.order.length === 0) yield* mergeUnordered(scope, sources)
    else yield* mergeOrdered(scope, sources)
  } finally {
    await Promise.allSettled(sources.map(async (source) => source.return?.()))
  }
}

function* nonEmpty(rows: RawRow[]): Generator<RawRow[]> {
  if (rows.length > 0) yield rows
}

/** Groups are complete only at the end; ranks of one batch do not tell rows of another apart. */
function mustBeWhole(scope: MergeScope): boolean {
  const { plan, fields, env } = scope
  if (plan.grouping !== undefined) return true
  if (distinctColumns(scope)?.some((column) => column.order === undefined) === true) return true
  const looksBack = plan.withTies || (plan.distinct !== undefined && !plan.distinct.isOn)
  return looksBack && sortColumns(plan, fields, env).some((column) => column.order === undefined)
}

async function readAll(sources: readonly AsyncIterator<RawRow[]>[]): Promise<RawRow[][]> {
  return Promise.all(
    sources.map(async (source) => {
      const rows: RawRow[] = []
      for (;;) {
        const next = await source.next()
        if (next.done === true) return rows
        for (const row of next.value) rows.push(row)
      }
    }),
  )
}

function outputFor(scope: MergeScope, order: Pick<SortOrder, 'compare'>): Output {
  const columns = distinctColumns(scope)
  const identity =
    columns === undefined
      ? undefined
      : finish(
          rankIdentity(columns, () => []),
          scope.env,
        )
  if (identity instanceof Promise) throw new TypeError('a streamed DISTINCT needs ranks')
  const counts = rowCounts(scope.plan, scope.values) ?? { limit: undefined, offset: 0n }
  return outputOf(scope, { order, identity, counts })
}

/** Batches in the order in which they come, from whichever shard. */
async function* mergeUnordered(
  scope: MergeScope,
  sources: readonly AsyncIterator<RawRow[]>[],
): AsyncGenerator<RawRow[]> {
  const output = outputFor(scope, { compare: () => 0 })
  const read = async (source: AsyncIterator<RawRow[]>) => ({ source, next: await source.next() })
  const pending = new Map(sources.map((source) => [source, read(source)]))
  // A shard's failure is met when its turn comes; until then it must not count as unhandled.
  for (const promise of pending.values()) promise.catch(() => {})
  while (pending.size > 0 && !output.isFull) {
    const { source, next } = await Promise.race(pending.values())
    if (next.done === true) {
      pending.delete(source)
      continue
    }
    for (const row of next.value) if (!output.push({ row, keys: [] })) break
    if (!output.isFull) {
      const promise = read(source)
      promise.catch(() => {})
      pending.set(source, promise)
    }
    yield* nonEmpty(output.take())
  }
}

/** One shard's rows, as far as they have come. */
interface Buffer {
  readonly source: AsyncIterator<RawRow[]>
  rows: RawRow[]
  position: number
  isEnded: boolean
  /** A copy of the last row of the batch before, against which the next batch's first row is checked. */
  previous: RawRow | undefined
}

async function* mergeOrdered(
  scope: MergeScope,
  sources: readonly AsyncIterator<RawRow[]>[],
): AsyncGenerator<RawRow[]> {
  const columns = sortColumns(scope.plan, scope.fields, scope.env)
  const buffers: Buffer[] = sources.map((source) => ({
    source,
    rows: [],
    position: 0,
    isEnded: false,
    previous: undefined,
  }))
  let order: SortOrder | undefined
  const output = outputFor(scope, { compare: (left, right) => order?.compare(left, right) ?? 0 })
  while (!output.isFull) {
    await Promise.all(buffers.map(fill))
    // Ranks only compare values that were ranked together, so every new batch means ranking what is buffered anew.
    order = await finish(
      rankSortOrder(columns, () => buffered(buffers)),
      scope.env,
    )
    drain(buffers, order, output)
    yield* nonEmpty(output.take())
    if (buffers.every((buffer) => buffer.isEnded && isEmpty(buffer))) return
  }
}

function isEmpty(buffer: Buffer): boolean {
  return buffer.position >= buffer.rows.length
}

async function fill(buffer: Buffer): Promise<void> {
  while (!buffer.isEnded && isEmpty(buffer)) {
    const next = await buffer.source.next()
    if (next.done === true) buffer.isEnded = true
    else {
      buffer.rows = next.value
      buffer.position = 0
    }
  }
}

function* buffered(buffers: readonly Buffer[]): Generator<RawRow> {
  for (const { rows, position, previous } of buffers) {
    if (previous !== undefined) yield previous
    for (let index = position; index < rows.length; index++) yield rows[index] ?? []
  }
}

/** Puts rows out in order until a shard's next row is not there yet. */
function drain(buffers: readonly Buffer[], order: SortOrder, output: Output): void {
  const compare = (left: Keyed, right: Keyed): number => order.compare(left, right)
  const head = ({ rows, position }: Buffer): Keyed | undefined => {
    const row = rows[position]
    return row === undefined ? undefined : order.keysOf(row)
  }
  const heads = buffers.map(head)
  for (const [index, { previous }] of buffers.entries()) {
    const first = heads[index]
    if (previous === undefined || first === undefined) continue
    if (compare(order.keysOf(previous), first) > 0) throw disorder()
  }
  const tournament = createTournament(heads, compare)
  for (let source = tournament.winner(); source !== -1; source = tournament.winner()) {
    const first = tournament.head(source)
    const buffer = buffers[source]
    if (first === undefined || buffer === undefined) return
    buffer.position += 1
    if (isEmpty(buffer)) buffer.previous = [...first.row]
    const next = head(buffer)
    if (next !== undefined && compare(first, next) > 0) throw disorder()
    tournament.replace(source, next)
    if (!output.push(first) || (next === undefined && !buffer.isEnded)) return
  }
}
