import { startCluster, type Cluster } from '@shardline/local-cluster'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { StatementError } from '../src/errors.ts'
import { mergeRows } from '../src/merge/merge-rows.ts'
import { shardValues } from '../src/merge/row-counts.ts'
import type { FieldFacts, MergeEnvironment, RawRow } from '../src/merge/row.ts'
import { loadParser, parse } from '../src/statement/parser.ts'
import { analysePlacement } from '../src/statement/placement.ts'
import type { Catalog } from '../src/statement/catalog.ts'
import type { Scatter } from '../src/statement/statement.ts'
import {
  claimedShards,
  createWorld,
  fillWorld,
  routableCatalog,
  schemaOf,
  worldCatalog,
} from './support/placement-world.ts'
import { randomStatement, type Mode, type RandomStatement } from './support/random-sql.ts'
import { createRandom } from './support/seeded-random.ts'

/**
 * The law of distribution: what a statement says of all data is what the merge makes of what it says of each shard.
 */
const runs = Number(process.env.DISTRIBUTION_RUNS ?? 3000)
const seed = Number(process.env.DISTRIBUTION_SEED ?? 20_261_122)
const runsPerWorld = 150

let cluster: Cluster
let client: pg.Client

beforeAll(async () => {
  await loadParser()
  cluster = await startCluster()
  client = new pg.Client({ connectionString: cluster.nodes[0]?.url })
  await client.connect()
  await client.query("set statement_timeout = '3s'")
  await createWorld(client)
})

afterAll(async () => {
  await client?.end()
  await cluster?.stop()
})

/** The statements' columns are numbers. */
const environment: MergeEnvironment = {
  enumLabels: () => undefined,
  rank: () => Promise.reject(new Error('numbers need no ranking')),
}

const rawText: pg.CustomTypesConfig = { getTypeParser: () => (text: string | Buffer) => text }

interface Raw {
  readonly rows: RawRow[]
  readonly fields: readonly FieldFacts[]
}

async function ask(text: string, values: readonly unknown[], schema: string): Promise<Raw> {
  await client.query(`set local search_path to ${schema}`)
  const result = await client.query({ text, values: [...values], rowMode: 'array', types: rawText })
  return { rows: result.rows as unknown as RawRow[], fields: result.fields }
}

type Outcome =
  | { readonly rows: readonly string[]; readonly after: readonly string[] }
  | { readonly error: string }

async function attempt(isWrite: boolean, work: () => Promise<readonly RawRow[]>): Promise<Outcome> {
  await client.query('begin')
  try {
    const rows = (await work()).map((row) => JSON.stringify(row)).toSorted()
    return { rows, after: isWrite ? await allRows() : [] }
  } catch (error) {
    if (error instanceof pg.DatabaseError) return { error: error.code ?? '' }
    if (error instanceof StatementError) return { error: error.code }
    throw error
  } finally {
    await client.query('rollback')
  }
}

async function allRows(): Promise<string[]> {
  const { rows } = await client.query<{ text: string }>(
    ['a', 'b', 'c', 'h']
      .map((name) => `select '${name}' || t::text as text from world.${name} t`)
      .join(' union all '),
  )
  return rows.map((row) => row.text).toSorted()
}

async function runOnShards(
  statement: RandomStatement,
  scatter: Extract<Scatter, { kind: 'merge' | 'write' }>,
  claimed: readonly number[],
): Promise<readonly RawRow[]> {
  const plan = scatter.kind === 'merge' ? scatter.plan : undefined
  const values = plan === undefined ? statement.values : shardValues(plan, statement.values)
  const parts: Raw[] = []
  for (const shard of claimed) parts.push(await ask(plan?.text ?? statement.text, values, schemaOf([shard])))
  const rows = parts.map((part) => part.rows)
  if (plan === undefined) return rows.flat()
  return mergeRows(plan, parts[0]?.fields ?? [], rows, statement.values, environment)
}

const worlds: readonly (readonly [string, Catalog, Mode])[] = [
  ['by keys', worldCatalog, 'tied'],
  ['by keys and routable ids', routableCatalog, 'tied-ids'],
]

describe('distribution', () => {
  test.each(worlds)(
    '%s: the shards together say what all data says',
    { timeout: 300_000 },
    async (_, catalog, mode) => {
      const seen = { merged: 0, written: 0, single: 0, refused: 0, failed: 0 }
      const refusals = new Map<string, number>()
      let count = 0
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.noBias(fc.nat({ max: 2 ** 31 - 1 })), { minLength: 80, maxLength: 240, size: 'max' }),
          async (tape) => {
            if (count % runsPerWorld === 0) await fillWorld(client, createRandom(seed + count))
            count += 1
            const statement = randomStatement(tape, mode)
            const [parsed] = parse(statement.text).stmts
            if (parsed === undefined) throw new Error(`not parsable: ${statement.text}`)
            const placement = analysePlacement(parsed.stmt, statement.text, catalog)
            if (placement.refusal !== undefined) return void (seen.refused += 1)
            const claimed = claimedShards(placement.parts, statement.values)
            if (claimed.length <= 1) return void (seen.single += 1)
            const scatter = placement.scatter()
            if (scatter.kind === 'refused') {
              refusals.set(scatter.refusal.construct, (refusals.get(scatter.refusal.construct) ?? 0) + 1)
              return void (seen.refused += 1)
            }
            if (scatter.kind === 'split') throw new Error(`no VALUES here: ${statement.text}`)
            const whole = await attempt(
              statement.isWrite,
              async () => (await ask(statement.text, statement.values, 'world')).rows,
            )
            if ('error' in whole) return void (seen.failed += 1)
            const dealt = await attempt(statement.isWrite, () => runOnShards(statement, scatter, claimed))
            if ('error' in dealt && !/^[0-9]/.test(dealt.error)) return void (seen.refused += 1)
            if (scatter.kind === 'merge') seen.merged += 1
            else seen.written += 1
            const { text, values } = statement
            expect({ text, values, claimed, ...dealt }).toEqual({ text, values, claimed, ...whole })
          },
        ),
        { numRuns: runs, seed, endOnFailure: process.env.DISTRIBUTION_SHRINK === '0' },
      )
      console.info(`distribution: seed ${seed}, ${JSON.stringify(seen)}`)
      if (process.env.DISTRIBUTION_VERBOSE !== undefined) {
        console.info([...refusals].toSorted((a, b) => b[1] - a[1]).slice(0, 25))
      }
      expect(seen.merged).toBeGreaterThan(runs / 20)
      expect(seen.written).toBeGreaterThan(0)
    },
  )
})
