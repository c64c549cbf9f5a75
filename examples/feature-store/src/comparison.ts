import { isDeepStrictEqual } from 'node:util'
import type { Router } from '@shardline/core'
import type { Kysely } from 'kysely'
import type { Step } from './steps.ts'
import type { Database } from './tables.ts'

/** The same application on both: many servers through Shardline, and one PostgreSQL with all the data. */
export interface Both {
  readonly router: Router
  readonly sharded: Kysely<Database>
  readonly single: Kysely<Database>
}

export type Outcome =
  | { readonly verdict: 'equal'; readonly result: unknown; readonly durationMs: number }
  | { readonly verdict: 'different'; readonly result: unknown; readonly expected: unknown }
  | { readonly verdict: 'refused'; readonly code: string; readonly message: string }

/** Runs a step on the cluster and on the single PostgreSQL, and compares what the application got. */
export async function compare({ router, sharded, single }: Both, step: Step): Promise<Outcome> {
  const startedAt = performance.now()
  const asked = router.run(step.context ?? {}, async () => step.run(sharded))
  if (step.refusal !== undefined) return expectRefusal(asked, step.refusal)
  const result = await asked
  const durationMs = performance.now() - startedAt
  const expected = await step.run(single)
  return isDeepStrictEqual(result, expected)
    ? { verdict: 'equal', result, durationMs }
    : { verdict: 'different', result, expected }
}

async function expectRefusal(asked: Promise<unknown>, code: string): Promise<Outcome> {
  try {
    return { verdict: 'different', result: await asked, expected: `the error ${code}` }
  } catch (error) {
    const refusal = error as { code?: unknown; message: string }
    if (refusal.code !== code) throw error
    return { verdict: 'refused', code, message: refusal.message }
  }
}

export const tableNames = ['airports', 'flights', 'route_features', 'readings'] as const

/** Reads a whole table on both sides, in the order of its primary key. */
export function wholeTable(table: keyof Database): Step {
  const run = {
    airports: (db: Kysely<Database>) => db.selectFrom('airports').selectAll().orderBy('iata').execute(),
    flights: (db: Kysely<Database>) =>
      db.selectFrom('flights').selectAll().orderBy('origin').orderBy('id').execute(),
    route_features: (db: Kysely<Database>) =>
      db.selectFrom('route_features').selectAll().orderBy('route').execute(),
    readings: (db: Kysely<Database>) =>
      db.selectFrom('readings').selectAll().orderBy('recorded_on').orderBy('station').execute(),
  }[table]
  return { title: table, note: '', context: { consistency: 'strong' }, run }
}
