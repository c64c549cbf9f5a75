import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { draws, type Draw } from './draw.ts'
import { generate, type Generated } from './generate.ts'
import { namedOutcome, outcomeOf, streamedRows, type Outcome } from './outcome.ts'
import { startTwoWorlds, type TwoWorlds } from './two-worlds.ts'

// The law as a test: a generated statement gives on the cluster what it gives on one PostgreSQL (rows, order, types,
// fields, row count, error code), or it is refused. A longer run: DIFFERENCE_RUNS=100000 DIFFERENCE_SEED=7 pnpm soak
const runs = Number(process.env['DIFFERENCE_RUNS'] ?? 3000)
const seed = Number(process.env['DIFFERENCE_SEED'] ?? 20_261_122)

let worlds: TwoWorlds

beforeAll(async () => {
  worlds = await startTwoWorlds(seed)
  await worlds.reset()
})

afterAll(async () => {
  await worlds.stop()
})

test(
  `${runs} generated statements agree with one PostgreSQL or are refused (seed ${seed})`,
  { timeout: Math.max(120_000, runs * 40) },
  async () => {
    const refusals = new Map<string, number>()
    let agreed = 0
    let failed = 0
    await fc.assert(
      fc.asyncProperty(draws(), async (draw) => {
        const statement = generate(draw)
        if (process.env['DIFFERENCE_VERBOSE'] !== undefined) console.log(statement.text, statement.values)
        const cluster = await outcomeOf(worlds.router.pool, statement)
        if (cluster.kind === 'refused') {
          const why = `${cluster.code}: ${cluster.construct}`
          refusals.set(why, (refusals.get(why) ?? 0) + 1)
          if (statement.writes !== undefined) await expectSameTable(statement.writes)
          return
        }
        const single = await outcomeOf(worlds.single, statement)
        try {
          expect({ ...cluster, statement: statement.text }).toEqual({ ...single, statement: statement.text })
          if (statement.writes !== undefined) await expectSameTable(statement.writes)
          else if (single.kind === 'rows' && draw.chance(15)) await expectOtherWays(statement, single, draw)
        } catch (error) {
          // The worlds may differ now; shrinking has to start from equal ones.
          await worlds.reset()
          throw error
        }
        if (cluster.kind === 'error') failed += 1
        else agreed += 1
      }),
      { numRuns: runs, seed, endOnFailure: false },
    )
    console.log(report(agreed, failed, refusals))
    // A router that refuses everything would agree with anything.
    expect(agreed).toBeGreaterThan(runs * 0.5)
  },
)

async function expectOtherWays(statement: Generated, single: Outcome, draw: Draw): Promise<void> {
  const { pool } = worlds.router
  expect({ ...(await namedOutcome(pool, statement)), statement: statement.text }).toEqual({
    ...single,
    statement: statement.text,
  })
  // The first line tells of the result as a whole.
  const [, ...rows] = 'text' in single ? single.text.split('\n') : []
  const expected = rows.length === 1 && rows[0] === '' ? [] : rows
  const streamed = await streamedRows(pool, statement, 1 + draw.upTo(3))
  expect({ streamed, statement: statement.text }).toEqual({ streamed: expected, statement: statement.text })
}

async function expectSameTable(table: string): Promise<void> {
  expect(await worlds.rowsOfShards(table)).toEqual(await worlds.rowsOfSingle(table))
}

function report(agreed: number, failed: number, refusals: ReadonlyMap<string, number>): string {
  const percent = (n: number): string => `${((100 * n) / runs).toFixed(1)} %`
  const refused = [...refusals.values()].reduce((sum, n) => sum + n, 0)
  return [
    `${runs} statements, seed ${seed}: ${percent(agreed)} agreed, ${percent(failed)} failed alike, ${percent(refused)} refused`,
    ...[...refusals].sort((a, b) => b[1] - a[1]).map(([why, n]) => `  ${percent(n).padStart(7)}  ${why}`),
  ].join('\n')
}
