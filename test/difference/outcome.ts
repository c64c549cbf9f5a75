import { ShardlineError, type RoutedPool } from '@shardline/core'
import type { QueryArrayResult } from 'pg'
import { expect } from 'vitest'
import type { Generated } from './generate.ts'

/** What a statement did, in a form in which equal outcomes are equal strings. */
export type Outcome =
  | { readonly kind: 'rows'; readonly text: string }
  | { readonly kind: 'error'; readonly text: string }
  | { readonly kind: 'refused'; readonly code: string; readonly construct: string; readonly message: string }

interface Queryable {
  query(config: { text: string; values: unknown[]; rowMode: 'array' }): Promise<QueryArrayResult>
}

export async function outcomeOf(pool: Queryable, statement: Generated): Promise<Outcome> {
  try {
    const result = await pool.query({ text: statement.text, values: [...statement.values], rowMode: 'array' })
    return { kind: 'rows', text: describeResult(result, statement.order) }
  } catch (error) {
    if (error instanceof ShardlineError) {
      const construct = typeof error.details['construct'] === 'string' ? error.details['construct'] : ''
      return { kind: 'refused', code: error.code, construct, message: error.message }
    }
    const { code } = error as { code?: string }
    if (code === undefined) throw error
    return { kind: 'error', text: code }
  }
}

/** OIDs from here on belong to user types, whose numbers differ between servers. */
const firstUserOid = 16_384

function describeResult(result: QueryArrayResult, order: Generated['order']): string {
  const fields = result.fields
    .map((field) => `${field.name}:${field.dataTypeID < firstUserOid ? field.dataTypeID : 'user'}`)
    .join(',')
  const rows = result.rows.map((row) => JSON.stringify(row))
  if (order === 'bag') rows.sort()
  return `${result.command} ${result.rowCount} [${fields}]\n${rows.join('\n')}`
}

/** The rows of a read as a stream gives them, a few at a time; unordered ones sorted. */
export async function streamedRows(
  pool: RoutedPool,
  statement: Generated,
  batchSize: number,
): Promise<string[]> {
  const rows: string[] = []
  const options = { batchSize, rowMode: 'array' } as const
  for await (const batch of pool.stream(statement.text, statement.values, options)) {
    expect(batch.length).toBeLessThanOrEqual(batchSize)
    for (const row of batch) rows.push(JSON.stringify(row))
  }
  return statement.order === 'bag' ? rows.sort() : rows
}

/** The same read by a prepared statement's name. */
export function namedOutcome(pool: RoutedPool, statement: Generated): Promise<Outcome> {
  let hash = 0
  for (const character of statement.text) hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) | 0
  return outcomeOf({ query: (config) => pool.query({ ...config, name: `n${hash}` }) }, statement)
}
