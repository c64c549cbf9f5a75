import { startCluster, type Cluster } from '@shardline/local-cluster'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadParser, parse } from '../src/statement/parser.ts'
import { analysePlacement } from '../src/statement/placement.ts'
import type { Catalog } from '../src/statement/catalog.ts'
import type { Placement } from '../src/statement/statement.ts'
import {
  claimedShards,
  createWorld,
  fillWorld,
  schemaOf,
  shardOfKey,
  shardCount,
  worldCatalog,
  routableCatalog,
} from './support/placement-world.ts'
import { randomStatement, type Mode, type RandomStatement } from './support/random-sql.ts'
import { createRandom } from './support/seeded-random.ts'

/**
 * The law of pruning, tested as it is stated: take from every sharded table all rows of the shards that the statement
 * does not claim, and the statement does the same as before.
 */
const runs = Number(process.env.PRUNING_RUNS ?? 6000)
const seed = Number(process.env.PRUNING_SEED ?? 20_261_122)
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

export interface Outcome {
  readonly rows: readonly string[]
  /** All rows of the written tables afterwards. */
  readonly after: readonly string[]
}

async function run(statement: RandomStatement, schema: string): Promise<Outcome | { error: string }> {
  await client.query(`begin; set local search_path to ${schema}`)
  try {
    const result = await client.query({
      text: statement.text,
      values: [...statement.values],
      rowMode: 'array',
    })
    const rows = (result.rows as unknown[][]).map((row) => JSON.stringify(row)).toSorted()
    return { rows, after: statement.isWrite ? await allRows() : [] }
  } catch (error) {
    if (error instanceof pg.DatabaseError) return { error: `${error.code}: ${error.message}` }
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

/** Keys of the rows that an INSERT of the generator has made: their ids are above all others. */
function insertedKeys({ after }: Outcome): readonly number[] {
  return after.flatMap((row) => {
    const found = /^h\((\d+),(\d{3,}),/.exec(row)
    return found === null ? [] : [Number(found[1])]
  })
}

function place(statement: RandomStatement, catalog: Catalog): Placement | undefined {
  const [parsed] = parse(statement.text).stmts
  return parsed === undefined ? undefined : analysePlacement(parsed.stmt, statement.text, catalog)
}

const worlds: readonly (readonly [string, Catalog, Mode])[] = [
  ['by keys', worldCatalog, 'any'],
  ['by keys and routable ids', routableCatalog, 'ids'],
]

describe('pruning', () => {
  test.each(worlds)(
    '%s: the rows of unclaimed shards do not matter',
    { timeout: 300_000 },
    async (_, catalog, mode) => {
      const seen = { pruned: 0, whole: 0, refused: 0, failed: 0 }
      const failures = new Map<string, number>()
      let count = 0
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.noBias(fc.nat({ max: 2 ** 31 - 1 })), { minLength: 80, maxLength: 240, size: 'max' }),
          async (tape) => {
            if (count % runsPerWorld === 0) await fillWorld(client, createRandom(seed + count))
            count += 1
            const statement = randomStatement(tape, mode)
            const placement = place(statement, catalog)
            if (placement === undefined) throw new Error(`not parsable: ${statement.text}`)
            if (placement.refusal !== undefined) return void (seen.refused += 1)
            const claimed = claimedShards(placement.parts, statement.values)
            if (claimed.length === shardCount) return void (seen.whole += 1)
            const whole = await run(statement, 'world')
            if ('error' in whole) {
              failures.set(whole.error, (failures.get(whole.error) ?? 0) + 1)
              return void (seen.failed += 1)
            }
            const pruned = await run(statement, schemaOf(claimed))
            seen.pruned += 1
            for (const key of insertedKeys(whole))
              expect({
                text: statement.text,
                claimed,
                isClaimed: claimed.includes(shardOfKey('h', key)),
              }).toMatchObject({ isClaimed: true })
            expect({ text: statement.text, values: statement.values, claimed, ...pruned }).toEqual({
              text: statement.text,
              values: statement.values,
              claimed,
              ...whole,
            })
          },
        ),
        { numRuns: runs, seed, endOnFailure: process.env.PRUNING_SHRINK === '0' },
      )
      console.info(`pruning: seed ${seed}, ${JSON.stringify(seen)}`)
      if (process.env.PRUNING_VERBOSE !== undefined)
        console.info([...failures].toSorted((a, b) => b[1] - a[1]).slice(0, 12))
      expect(seen.pruned).toBeGreaterThan(runs / 5)
    },
  )
})
