import { StatementError } from '../errors.ts'
import type { MergePlan, RowCount, RowCountType, ShardParameter } from '../statement/merge-plan.ts'

/** What LIMIT and OFFSET come to with the values given. */
export interface RowCounts {
  /** Undefined for no limit. */
  readonly limit: bigint | undefined
  readonly offset: bigint
}

const largest: Readonly<Record<RowCountType, bigint>> = {
  int2: 32_767n,
  int4: 2_147_483_647n,
  int8: 9_223_372_036_854_775_807n,
}

/** A value that PostgreSQL will refuse as LIMIT or OFFSET; it is passed on so that its own error comes back. */
type Reading = bigint | null | 'invalid'

function read(count: RowCount, values: readonly unknown[]): Reading {
  if (count.source === 'literal') return count.count
  const value = readInteger(values[count.number - 1])
  if (typeof value !== 'bigint') return value
  return value > largest[count.type] || value < 0n ? 'invalid' : value
}

/** An integer parameter as `pg` would spell it and int8in read it. */
function readInteger(value: unknown): Reading {
  if (value === null || value === undefined) return null
  if (typeof value === 'bigint') return value
  if (typeof value !== 'number' && typeof value !== 'string' && typeof value !== 'boolean') {
    throw new StatementError(
      'UNSUPPORTED_SCATTER',
      'LIMIT and OFFSET over several shards take a number, a bigint, a string of digits or null as parameter, not an object.',
      { details: { construct: 'LIMIT or OFFSET of an object' } },
    )
  }
  const text = String(value).replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, '')
  const match = /^([-+]?)(\d+(?:_\d+)*|0[xX](?:_?[\da-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+)$/.exec(text)
  if (match === null) return 'invalid'
  const magnitude = BigInt((match[2] ?? '').replaceAll('_', ''))
  return match[1] === '-' ? -magnitude : magnitude
}

/** LIMIT and OFFSET of the merge; undefined when PostgreSQL refuses the values and no row will come. */
export function rowCounts(
  plan: Pick<MergePlan, 'limit' | 'offset'>,
  values: readonly unknown[],
): RowCounts | undefined {
  const limit = plan.limit === undefined ? null : read(plan.limit, values)
  const offset = plan.offset === undefined ? null : read(plan.offset, values)
  if (limit === 'invalid' || offset === 'invalid') return undefined
  return { limit: limit ?? undefined, offset: offset ?? 0n }
}

/**
 * The values for the plan's text, from those of the application's: call it for every scattered statement.
 *
 * @throws {StatementError} UNSUPPORTED_SCATTER when LIMIT + OFFSET exceeds the type the statement casts them to.
 */
export function shardValues(plan: MergePlan, values: readonly unknown[]): readonly unknown[] {
  if (plan.parameters === undefined) return values
  return plan.parameters.map((parameter) => shardValue(parameter, values))
}

function shardValue(parameter: ShardParameter, values: readonly unknown[]): unknown {
  switch (parameter.kind) {
    case 'original':
      return values[parameter.number - 1]
    case 'absent': {
      const value = values[parameter.number - 1]
      const count = read({ source: 'parameter', number: parameter.number, type: parameter.type }, values)
      if (count === null || count === 'invalid' || (parameter.clause === 'OFFSET' && count === 0n))
        return value
      throw new StatementError(
        'UNSUPPORTED_SCATTER',
        `An aggregate over ${parameter.clause} in a subquery cannot be finished over several shards. Name the shard key in the WHERE clause so that one shard answers, or read the rows and aggregate them in the application.`,
        { details: { construct: `an aggregate over ${parameter.clause} in a subquery` } },
      )
    }
    case 'one': {
      const count = read({ source: 'parameter', number: parameter.number, type: 'int8' }, values)
      if (count === 'invalid' || (count !== null && count <= 1n)) return values[parameter.number - 1]
      throw new StatementError(
        'UNSUPPORTED_SCATTER',
        'A page that is joined with several rows each cannot be finished over several shards. Name the shard key in the WHERE clause so that one shard answers.',
        { details: { construct: 'LIMIT in a subquery' } },
      )
    }
    case 'skipped':
    case 'unlimited': {
      const value = values[parameter.number - 1]
      const count = read({ source: 'parameter', number: parameter.number, type: parameter.type }, values)
      if (count === 'invalid') return value
      return parameter.kind === 'skipped' ? '0' : null
    }
  }
  return sumOf(parameter.terms, parameter.type, values)
}

function sumOf(terms: readonly RowCount[], type: RowCountType, values: readonly unknown[]): unknown {
  let sum = 0n
  const [limit] = terms
  for (const term of terms) {
    const count = read(term, values)
    // An invalid offset is passed on in its own place; here it only must not hide an error of the limit.
    if (count === 'invalid') {
      if (term === limit && term.source === 'parameter') return values[term.number - 1]
      continue
    }
    if (count === null) {
      if (term === limit) return null
      continue
    }
    sum += count
  }
  if (sum <= largest[type]) return sum.toString()
  if (type === 'int8') return largest.int8.toString()
  throw new StatementError(
    'UNSUPPORTED_SCATTER',
    `LIMIT + OFFSET exceeds ${type}, the type they are cast to. Cast them to bigint.`,
    { details: { construct: 'LIMIT' } },
  )
}
