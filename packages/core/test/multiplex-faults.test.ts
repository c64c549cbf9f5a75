import { startCluster, waitFor, type Cluster } from '@shardline/local-cluster'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { defineCluster } from '../src/config/define-cluster.ts'
import { tenant } from '../src/config/table-description.ts'
import { createRouter, type Router } from '../src/router.ts'
import { AccountedLoad, expectedCodes, idsPerTenant, loadSchema, noteOf } from './support/accounted-load.ts'
import { nodeFaults } from './support/node-faults.ts'
import { readSharingMode } from '../../../test/support/read-sharing-mode.ts'
import { createRandom } from './support/seeded-random.ts'

/**
 * Every statement is accounted for while connections and servers die under dozens of them: answered with its own answer,
 * failed with the right error, or reported as unknown; no write twice, and none lost that was confirmed.
 */
const rounds = Number(process.env['FAULT_ROUNDS'] ?? 2)
const seed = Number(process.env['FAULT_SEED'] ?? 20_261_123)
const callers = 160
const application = 'accounted'

let cluster: Cluster
let tenants: number[]

const openRouter = (): Promise<Router> =>
  createRouter(
    defineCluster({
      shards: cluster.urls,
      tables: { lasting: tenant('tenant_id'), ledger: tenant('tenant_id') },
      pool: { max: 3, connectTimeoutMs: 3_000 },
      client: { application_name: application },
    }),
    { pg },
  )

beforeAll(async () => {
  cluster = await startCluster({ shards: 2, replicas: 1, proxied: true })
  await cluster.sql(loadSchema)
  const router = await openRouter()
  const byShard: number[][] = [[], []]
  for (let id = 1; byShard.some((ids) => ids.length < 4); id++) {
    const { route } = router.explain('select 1 from lasting where tenant_id = $1', [id])
    const ids = route.kind === 'single' ? byShard[Number(route.shard.slice(1))] : undefined
    if (ids !== undefined && ids.length < 4) ids.push(id)
  }
  tenants = byShard.flat()
  for (const each of tenants)
    for (let id = 1; id <= idsPerTenant; id++)
      await router.pool.query('insert into lasting values ($1, $2, $3)', [each, id, noteOf(each, id)])
  await router.end()
  await cluster.waitForReplay()
})
afterAll(() => cluster.stop())

/** Rows per token, of all shards, when no statement of ours runs any more and no branch is left prepared. */
async function ledger(): Promise<Map<string, number>> {
  const primaries = cluster.shards.map((shard) => shard.primary)
  const quiet = async (): Promise<boolean> => {
    for (const node of primaries) {
      const rows = await node.sql(
        "select 1 from pg_stat_activity where application_name = $1 and state <> 'idle'",
        [application],
      )
      if (rows.length > 0 || (await node.sql('select 1 from pg_prepared_xacts')).length > 0) return false
    }
    return true
  }
  // Starting a router finishes what another one left half way.
  const router = await openRouter()
  await waitFor('the servers to be quiet', quiet)
  await router.end()
  const counts = new Map<string, number>()
  for (const node of primaries)
    for (const row of await node.sql<{ token: string }>('select token from ledger'))
      counts.set(row.token, (counts.get(row.token) ?? 0) + 1)
  return counts
}

it(
  `accounts for every statement (${rounds} rounds of every fault, seed ${seed})`,
  async () => {
    const router = await openRouter()
    const random = createRandom(seed)
    const load = new AccountedLoad(router, tenants, createRandom(seed + 1))
    const inFlight = (): number => router.counters().nodes.reduce((sum, node) => sum + node.inFlight, 0)
    const answered = (): number => load.accounts.filter(({ fate }) => fate === 'answered').length
    // Without sharing no more than one on each connection.
    const least = readSharingMode() === 'off' ? 8 : 24
    load.start(callers)
    for (let round = 0; round < rounds; round++) {
      const kinds = Object.keys(nodeFaults)
      while (kinds.length > 0) {
        const [kind = ''] = kinds.splice(Math.floor(random() * kinds.length), 1)
        const shard = cluster.shards[Math.floor(random() * 2)]
        const replica = shard?.replicas[0]
        if (shard === undefined || replica === undefined) throw new Error('no replica')
        const { primary } = shard
        const node = random() < 0.5 ? primary : replica
        await waitFor('dozens to be in flight', async () => inFlight() >= least)
        await nodeFaults[kind]?.({ primary, replica, node, application })
        const before = answered()
        await waitFor(
          `statements to be answered after: ${kind}`,
          async () => answered() > before + 2 * callers,
        )
      }
    }
    await load.stop()
    // What runs in the background comes to rest, too.
    await waitFor('nothing to be under way', async () =>
      router.counters().nodes.every((node) => node.inFlight + node.sharedInFlight + node.waiting === 0),
    )
    const { nodes } = router.counters()
    const sum = (count: 'shared' | 'repeated' | 'broken'): number =>
      nodes.reduce((total, node) => total + node[count], 0)
    const facts = { shared: sum('shared'), repeated: sum('repeated'), broken: sum('broken') }
    await router.end()

    const { accounts, wrong } = load
    expect(wrong).toEqual([])
    const codes = new Set(accounts.flatMap(({ code }) => (code === undefined ? [] : [code])))
    expect([...codes].filter((code) => !expectedCodes.has(code))).toEqual([])
    const rows = await ledger()
    const misfits = accounts.filter(({ fate, tokens }) => {
      const counts = tokens.map((token) => rows.get(token) ?? 0)
      const isAll = counts.every((count) => count === 1)
      const isNone = counts.every((count) => count === 0)
      return fate === 'answered' ? !isAll : fate === 'failed' ? !isNone : !isAll && !isNone
    })
    expect(misfits.filter(({ tokens }) => tokens.length > 0)).toEqual([])

    const tally: Record<string, number> = {}
    for (const { kind, fate } of accounts) tally[`${kind} ${fate}`] = (tally[`${kind} ${fate}`] ?? 0) + 1
    console.info(
      `faults: seed ${seed}, ${JSON.stringify({ ...facts, ...tally })}, codes ${[...codes].join(' ')}`,
    )
    for (const kind of ['read', 'slow read', 'scatter', 'write', 'read back', 'transaction', 'split write'])
      expect(tally[`${kind} answered`]).toBeGreaterThan(20)
    expect(facts.broken).toBeGreaterThan(5)
    if (readSharingMode() !== 'off') {
      expect(facts.shared).toBeGreaterThan(1_000)
      expect(facts.repeated).toBeGreaterThan(0)
    }
    // Reads move on; few meet two faults, or a cancel that was meant for them.
    const failedReads = accounts.filter(({ fate, kind }) => fate === 'failed' && /read|scatter/.test(kind))
    expect(failedReads.length).toBeLessThan(accounts.length / 50)
  },
  60_000 + rounds * 60_000,
)
