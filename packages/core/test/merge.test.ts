import { startCluster, type Cluster } from '@shardline/local-cluster'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { StatementError } from '../src/errors.ts'
import { visibleFields } from '../src/merge/columns.ts'
import { mergeRows } from '../src/merge/merge-rows.ts'
import { mergeStream } from '../src/merge/merge-stream.ts'
import type { FieldFacts, RawRow } from '../src/merge/row.ts'
import { shardValues } from '../src/merge/row-counts.ts'
import { identityOf } from '../src/merge/type-order.ts'
import type { MergePlan } from '../src/statement/merge-plan.ts'
import { planMerge } from '../src/statement/merge-planner.ts'
import { loadParser, parse } from '../src/statement/parser.ts'
import { catalog, proofOf } from './support/merge-catalog.ts'
import { createParts, partCount, type Parts, type RawResult } from './support/merge-parts.ts'
import {
  groupStatement,
  rowStatement,
  unionStatement,
  type MergeStatement,
} from './support/merge-statements.ts'

const runs = Number(process.env.MERGE_RUNS ?? 500)
const seed = Number(process.env.MERGE_SEED ?? 20_261_122)

let cluster: Cluster
let parts: Parts

beforeAll(async () => {
  await loadParser()
  cluster = await startCluster()
  const [node] = cluster.nodes
  if (node === undefined) throw new Error('no node')
  let state = 7
  const random = (): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
  parts = await createParts(node, { rows: 300, random })
})

afterAll(async () => {
  await parts?.end()
  await cluster?.stop()
})

type Outcome =
  | { readonly kind: 'rows'; readonly result: RawResult }
  | { readonly kind: 'refused'; readonly construct: string }
  | { readonly kind: 'error'; readonly sqlState: string }

async function attempt(work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof pg.DatabaseError) return { kind: 'error', sqlState: error.code ?? '' }
    if (error instanceof StatementError) return { kind: 'refused', construct: constructOf(error) }
    throw error
  }
}

function constructOf({ details, message }: StatementError): string {
  return typeof details.construct === 'string' ? details.construct : message
}

function plan(statement: MergeStatement): { plan: MergePlan } | { construct: string } {
  const [parsed] = parse(statement.text).stmts
  if (parsed === undefined) throw new Error(`not parsable: ${statement.text}`)
  const outcome = planMerge(parsed.stmt, statement.text, catalog, proofOf(statement))
  return 'plan' in outcome ? outcome : { construct: outcome.refusal.construct }
}

/** The statement on every part, merged. */
async function runOnParts(statement: MergeStatement, mode: 'rows' | 'stream'): Promise<Outcome> {
  const planned = plan(statement)
  if ('construct' in planned) return { kind: 'refused', construct: planned.construct }
  const { plan: merge } = planned
  const values = shardValues(merge, statement.values)
  const results: RawResult[] = []
  for (let index = 0; index < partCount; index++) results.push(await parts.part(index, merge.text, values))
  const fields = results[0]?.fields ?? []
  const rows = results.map((result) => result.rows)
  const merged =
    mode === 'rows'
      ? await mergeRows(merge, fields, rows, statement.values, parts.env)
      : await collect(mergeStream(merge, fields, rows.map(inBatches), statement.values, parts.env))
  return { kind: 'rows', result: { rows: merged, fields: visibleFields(merge, fields) } }
}

async function* inBatches(rows: RawRow[]): AsyncGenerator<RawRow[]> {
  for (let start = 0; start < rows.length; start += 7) yield rows.slice(start, start + 7)
}

async function collect(stream: AsyncGenerator<RawRow[]>): Promise<RawRow[]> {
  const rows: RawRow[] = []
  for await (const batch of stream) rows.push(...batch)
  return rows
}

/** Of equal values PostgreSQL may return any spelling: 1.0 or 1.00. */
function canonical(rows: readonly RawRow[], fields: readonly FieldFacts[]): string[] {
  const orders = fields.map((field) => identityOf(field.dataTypeID, true, parts.env))
  return rows.map((row) =>
    row
      .map((text, index) => (text === null ? '∅' : String(orders[index]?.decode(text) ?? loose(text))))
      .join(' | '),
  )
}

/** jsonb and numeric[] are told apart by a shard; here their spelling must not matter. */
function loose(text: string): string {
  return text.replace(/(\d)\.0+(?!\d)/g, '$1')
}

const tallies = new Map<string, number>()

function tally(what: string): void {
  tallies.set(what, (tallies.get(what) ?? 0) + 1)
}

async function compare(statement: MergeStatement): Promise<void> {
  const whole = await attempt(async () => ({
    kind: 'rows',
    result: await parts.whole(statement.text, statement.values),
  }))
  for (const mode of ['rows', 'stream'] as const) {
    const merged = await attempt(() => runOnParts(statement, mode))
    if (merged.kind === 'refused') {
      tally(`refused: ${merged.construct}`)
      return
    }
    if (whole.kind !== 'rows' || merged.kind !== 'rows') {
      expect(merged).toEqual(whole)
      tally(`error ${whole.kind === 'error' ? whole.sqlState : ''}`)
      return
    }
    compareRows(statement, whole.result, merged.result)
  }
  tally('agreed')
}

function compareRows(statement: MergeStatement, whole: RawResult, merged: RawResult): void {
  expect(merged.fields.map((field) => [field.name, field.dataTypeID])).toEqual(
    whole.fields.map((field) => [field.name, field.dataTypeID]),
  )
  const expected = canonical(whole.rows, whole.fields)
  const actual = canonical(merged.rows, merged.fields)
  if (statement.isTotallyOrdered) expect(actual).toEqual(expected)
  else if (statement.isArbitrary) expect(actual.length).toBe(expected.length)
  else expect(actual.sort()).toEqual(expected.sort())
}

/** Returns the share of statements that gave rows on both sides; a difference fails inside. */
async function agreement(arbitrary: fc.Arbitrary<MergeStatement>): Promise<number> {
  tallies.clear()
  await fc.assert(fc.asyncProperty(arbitrary, compare), { numRuns: runs, seed, endOnFailure: true })
  const total = [...tallies.values()].reduce((sum, value) => sum + value, 0)
  const summary = [...tallies].sort(([, a], [, b]) => b - a).map(([what, count]) => `${count} ${what}`)
  console.log(summary.join('\n'))
  return (tallies.get('agreed') ?? 0) / total
}

describe('parts of a table merge into what the whole table gives', () => {
  const suites = [
    { what: 'rows: ORDER BY, LIMIT, DISTINCT, DISTINCT ON', statements: rowStatement, least: 0.6 },
    { what: 'groups: aggregates, HAVING, ORDER BY, LIMIT', statements: groupStatement, least: 0.5 },
    { what: 'set operations', statements: unionStatement, least: 0.6 },
  ]
  test.each(suites)(
    '$what',
    async ({ statements, least }) => {
      expect(await agreement(statements)).toBeGreaterThan(least)
    },
    600_000,
  )

  test('shards were asked for what JavaScript cannot order', () => {
    expect(parts.rankCount()).toBeGreaterThan(0)
  })
})
