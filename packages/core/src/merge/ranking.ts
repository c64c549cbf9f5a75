import { StatementError } from '../errors.ts'
import type { Collation } from '../statement/catalog.ts'
import { mayBeCollated, rankedOrder, type TypeOrder } from './type-order.ts'
import type { MergeEnvironment, RawRow } from './row.ts'

/** More distinct values than this are not sent to a shard for ranking. */
const maxRankedValues = 100_000

/** Some column's values that only a server can order. */
export interface RankRequest {
  readonly values: readonly string[]
  readonly oid: number
  readonly collation: Collation | undefined
}

/**
 * A merge that may have to ask: it yields requests and is given the ranks. Run by `finish`, which stays synchronous when
 * nothing is asked.
 */
export type Asking<T> = Generator<RankRequest, T, readonly number[]>

export function finish<T>(steps: Asking<T>, env: MergeEnvironment): T | Promise<T> {
  const first = steps.next()
  return first.done === true ? first.value : answer(steps, first.value, env)
}

async function answer<T>(steps: Asking<T>, first: RankRequest, env: MergeEnvironment): Promise<T> {
  let request = first
  for (;;) {
    let next: IteratorResult<RankRequest, T>
    try {
      next = steps.next(await env.rank(request.values, request.oid, request.collation))
    } catch (error) {
      steps.throw(error)
      throw error
    }
    if (next.done === true) return next.value
    request = next.value
  }
}

/** Asks how the column's values in these rows compare. */
export function* rankColumn(
  rows: Iterable<RawRow>,
  column: number,
  type: { readonly oid: number; readonly collation: Collation | undefined },
): Asking<TypeOrder> {
  const values = new Set<string>()
  for (const row of rows) {
    const value = row[column]
    if (value !== null && value !== undefined) values.add(value)
    if (values.size > maxRankedValues) throw tooManyValues()
  }
  const ranks = new Map<string, number>()
  if (values.size === 1) for (const value of values) ranks.set(value, 0)
  else if (values.size > 1) {
    const asked = [...values]
    const collation = mayBeCollated(type.oid) ? type.collation : undefined
    const answers = yield { values: asked, oid: type.oid, collation }
    for (const [index, value] of asked.entries()) {
      const rank = answers[index]
      if (rank === undefined) throw new TypeError('fewer ranks than values')
      ranks.set(value, rank)
    }
  }
  return rankedOrder(ranks)
}

function tooManyValues(): StatementError {
  return new StatementError(
    'UNSUPPORTED_SCATTER',
    `More than ${maxRankedValues} distinct values of a type or collation that only PostgreSQL can order would have to be ranked by a shard. Add a LIMIT, order by a column with COLLATE "C", or name the shard key.`,
    { details: { limit: maxRankedValues } },
  )
}

/**
 * The query that answers `MergeEnvironment.rank`: `$1` is a text[] of the values, the only column is their dense rank
 * as int8, in the order of the array.
 *
 * @param typeName the type as `format_type` prints it (quoted and qualified as needed)
 */
export function rankText(typeName: string, collation: Collation | undefined): string {
  const value = `v::${withoutLength(typeName)}${collateClause(collation)}`
  return `select pg_catalog.dense_rank() over (order by ${value}) as rank from pg_catalog.unnest($1::pg_catalog.text[]) with ordinality as u (v, n) order by n`
}

/** `character` and `bit` alone mean one character and one bit: a cast to them would cut the values. */
function withoutLength(typeName: string): string {
  return typeName.replace(/^character(?=$|\[)/, 'pg_catalog.bpchar').replace(/^bit(?=$|\[)/, '"bit"')
}

function collateClause(collation: Collation | undefined): string {
  if (collation === undefined || collation.name === 'default') return ''
  const name = collation.schema === undefined ? [collation.name] : [collation.schema, collation.name]
  return ` collate ${name.map((part) => `"${part.replaceAll('"', '""')}"`).join('.')}`
}
