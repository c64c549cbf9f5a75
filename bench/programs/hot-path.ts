/**
 * Prints, as JSON, what a statement on a plan hit costs where servers cost nothing: nanoseconds of each step, CPU and
 * bytes of whole statements. Wants flags, and two shards and a replica to read catalogs from: `../hot-path.ts` gives them.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout } from 'node:timers/promises'
import { createRouter, defineCluster, tenant, type NodeCounters, type Router } from '@shardline/core'
import pg from 'pg'
import { SessionFloors } from '../../packages/core/src/consistency/session-floors.ts'
import { createNodeChoice } from '../../packages/core/src/execution/choose-nodes.ts'
import { planQuery } from '../../packages/core/src/execution/decide.ts'
import type { Engine } from '../../packages/core/src/execution/engine.ts'
import { NodeHealth } from '../../packages/core/src/monitoring/node-health.ts'
import { NodePool } from '../../packages/core/src/pool/node-pool.ts'
import { PlanDurations } from '../../packages/core/src/pool/plan-duration.ts'
import type { StatementDone } from '../../packages/core/src/pool/wire-statement.ts'
import { preparedNames } from '../../packages/core/src/pool/prepared-names.ts'
import { plainRequest } from '../../packages/core/src/pool-facade/request.ts'
import type { SingleRoute } from '../../packages/core/src/routing/route.ts'
import { openNodes } from '../../packages/core/src/start/open-nodes.ts'
import { readCatalogs } from '../../packages/core/src/start/read-catalogs.ts'
import { createSnapshot } from '../../packages/core/src/start/snapshot.ts'
import { loadParser } from '../../packages/core/src/statement/parser.ts'
import { PlanCache } from '../../packages/core/src/statement/plan-cache.ts'
import { RouteCount } from '../../packages/core/src/telemetry/counters.ts'
import { observeStatement } from '../../packages/core/src/telemetry/statement-trace.ts'
import { spread, type Spread } from '../spread.ts'
import { AnsweringStream } from './answering-stream.ts'

const text = 'select "id", "total", "status" from "orders" where "tenant_id" = $1 and "id" = $2'
const insert = 'insert into "notes" ("tenant_id", "body") values ($1, $2) returning "id"'
const connections = 10
const rounds = Number(process.argv[2])
const [primary = '', replica = ''] = process.argv.slice(3)
const shards = { s0: { primary, replicas: [replica] }, s1: { primary: process.argv[5] ?? '' } }
const tables = {
  tenants: tenant('id'),
  orders: tenant('tenant_id'),
  customers: tenant('tenant_id'),
  notes: tenant('tenant_id'),
}
const settings = { shards, tables, pool: { max: connections } }
const config = defineCluster(settings)

/** Parameters of statements that go to the first shard. */
const parameters: unknown[][] = []
let turn = 0
const values = (): unknown[] => parameters[++turn & 63] as unknown[]

let isAnswering = false
const standby = new pg.Client(replica)
const opened: pg.Client[] = []
/** A client that has its server in memory, as soon as `isAnswering`. */
class AnsweringClient extends pg.Client {
  constructor(given?: string | pg.ClientConfig) {
    const config = typeof given === 'string' ? { connectionString: given } : (given ?? {})
    // However the address was spelled.
    const { host, port } = new pg.Client(config)
    const isStandby = port === standby.port && host === standby.host
    const stream = () => new AnsweringStream(isStandby ? 'replica' : 'primary')
    super(isAnswering ? { ...config, stream } : config)
    if (!isAnswering) opened.push(this)
  }
}
// The module's own properties are getters, some of which want packages that are not here.
const answering = Object.create(pg, { Client: { value: AnsweringClient } }) as typeof pg

type Work = () => unknown

/** Nanoseconds of CPU of one call, many of them in a row: other programs on the machine are not in it. */
function nanosOf(work: Work): Spread {
  const times = 100_000
  const seen: number[] = []
  for (let round = -4; round < rounds; round += 1) {
    const before = process.cpuUsage()
    for (let n = 0; n < times; n += 1) work()
    if (round >= 0) seen.push(nanosSince(before) / times)
  }
  return spread(seen)
}

function nanosSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return (user + system) * 1000
}

async function burst(run: () => Promise<unknown>, callers: number, operations: number): Promise<void> {
  let left = operations
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (left-- > 0) await run()
    }),
  )
}

interface Whole {
  readonly name: string
  readonly callers: number
  readonly cpuMicros: Spread
  readonly addedMicros: Spread
  readonly bytes: Spread
}

/** CPU and allocations of whole statements, turn by turn; the first way is what the others are held against. */
async function wholes(ways: Record<string, () => Promise<unknown>>, callers: number): Promise<Whole[]> {
  const names = Object.keys(ways)
  const cpu = new Map(names.map((name) => [name, [] as number[]]))
  const bytes = new Map(names.map((name) => [name, [] as number[]]))
  for (let round = -3; round < rounds; round += 1) {
    for (let step = 0; step < names.length; step += 1) {
      const name = names[(step + Math.max(round, 0)) % names.length] as string
      const run = ways[name] as () => Promise<unknown>
      const operations = 6_000
      const before = process.cpuUsage()
      await burst(run, callers, operations)
      const nanos = nanosSince(before)
      // Nothing is collected meanwhile: the young generation is made large enough by the flags.
      globalThis.gc?.()
      const heap = process.memoryUsage().heapUsed
      await burst(run, callers, 2_000)
      const allocated = process.memoryUsage().heapUsed - heap
      if (round < 0) continue
      cpu.get(name)?.push(nanos / 1000 / operations)
      bytes.get(name)?.push(allocated / 2_000)
    }
  }
  const base = cpu.get(names[0] ?? '') ?? []
  return names.map((name) => {
    const own = cpu.get(name) ?? []
    return {
      name,
      callers,
      cpuMicros: spread(own),
      addedMicros: spread(own.map((each, n) => each - (base[n] ?? Number.NaN))),
      bytes: spread(bytes.get(name) ?? []),
    }
  })
}

async function steps(): Promise<Record<string, Spread>> {
  const nodes = openNodes(config, pg)
  const all = [...nodes.values()].flatMap((shard) => [shard.primary, ...shard.replicas])
  const perShard = await readCatalogs(
    new Map([...nodes].map(([name, shard]) => [name, [shard.primary]])),
    5_000,
  )
  const snapshot = createSnapshot(config, perShard, 1, { random: Math.random, areDatesSentAsUtc: false })
  const now = (): number => performance.now()
  const knowledge = {
    health: new NodeHealth(all, now),
    floors: new SessionFloors(nodes.values()),
    staleness: undefined,
  }
  const choose = createNodeChoice(config, knowledge, { now, random: Math.random })
  const plans = new PlanCache()
  const counts = new RouteCount()
  const durations = new PlanDurations()
  const shard = nodes.get('s0')
  const statement = plans.get(text, snapshot.catalog)
  const [part] = statement.placement.parts
  if (shard === undefined || part?.kind !== 'keyed') throw new Error('the statement has no key')
  for (let key = 1; parameters.length < 64; key += 1) {
    const route = snapshot.route(statement, [key, 1], undefined)
    if (route.kind === 'single' && route.shard === 's0') parameters.push([key, 1 + (key % 50)])
  }
  const route = snapshot.route(statement, values(), undefined) as SingleRoute
  const engine = { plan: (sql: string) => plans.get(sql, snapshot.catalog) } as Engine
  const request = plainRequest(text, values())
  preparedNames.nameOf(text)
  const duration = durations.of(text)
  const contexts = new AsyncLocalStorage<object>()
  const [first] = choose(route, shard)
  const found = {
    'request: one object from text and values': nanosOf(() => plainRequest(text, values())),
    'plan look-up, with what it says of sharing and preparing': nanosOf(() => planQuery(engine, request)),
    'context: none while nobody has called run': nanosOf(() =>
      isAnswering ? contexts.getStore() : undefined,
    ),
    'key → shard → route': nanosOf(() => snapshot.route(statement, values(), undefined)),
    '  of it the key': nanosOf(() => snapshot.keys.resolve(part.placement, part.set, values())),
    'metrics: three counters': nanosOf(() => counts.routed(route)),
    'telemetry, nobody listening': nanosOf(() => observeStatement(statement, route)),
    'node choice, with health and floor': nanosOf(() => choose(route, shard)),
    '  of it the floor': nanosOf(() => knowledge.floors.isReplicaEligible('s0', first?.node.name ?? '')),
    'prepared name': nanosOf(() => preparedNames.nameOf(text)),
    'usual duration of the plan': nanosOf(() => durations.of(text)),
    '  learning it': nanosOf(() => duration.learn(0.2)),
    'left out: a context look-up once run was called': nanosOf(() => contexts.getStore()),
    'left out: one look at the clock': nanosOf(() => performance.now()),
  }
  for (const part of Object.values(knowledge)) part?.end()
  await Promise.all(all.map((pool) => pool.end()))
  return found
}

/** The way to the pool and back, with a pool that answers when it is told to. */
async function wayOf(
  query: () => Promise<unknown>,
): Promise<{ readonly there: Spread; readonly back: Spread }> {
  const original = Object.getOwnPropertyDescriptor(NodePool.prototype, 'run') as PropertyDescriptor
  const arrived: StatementDone[] = []
  const value = (_query: unknown, done: StatementDone): unknown => arrived.push(done)
  Object.defineProperty(NodePool.prototype, 'run', { ...original, value })
  const result = { rows: [], rowCount: 0, command: 'SELECT' } as unknown as pg.QueryResult
  const there: number[] = []
  const back: number[] = []
  const times = 20_000
  for (let round = -4; round < rounds; round += 1) {
    arrived.length = 0
    const pending: Promise<unknown>[] = []
    const before = process.cpuUsage()
    for (let n = 0; n < times; n += 1) pending.push(query())
    const sent = process.cpuUsage()
    for (const done of arrived) done(undefined, result)
    // The last one's turn comes when all have had theirs.
    await pending.at(-1)
    if (round < 0) continue
    back.push(nanosSince(sent) / times)
    there.push((sent.user - before.user + sent.system - before.system) * (1000 / times))
  }
  Object.defineProperty(NodePool.prototype, 'run', original)
  return { there: spread(there), back: spread(back) }
}

await loadParser()
const stepNanos = await steps()
const router = (isPrepared: boolean): Promise<Router> =>
  createRouter(defineCluster({ ...settings, prepare: { enabled: isPrepared } }), { pg: answering })
const routers = [await router(false), await router(true), await router(true)]
const [off, on, writing] = routers as [Router, Router, Router]
const isQuiet = ({ inFlight, idle, total }: NodeCounters): boolean => inFlight === 0 && idle === total
while (!routers.every((one) => one.counters().nodes.every(isQuiet))) await setTimeout(10)
// What was opened to read the catalogs gives way to connections that have their server in memory.
isAnswering = true
for (const client of opened) client.connection.stream.destroy()
while (routers.some((one) => one.counters().nodes.some(({ total }) => total > 0))) await setTimeout(10)

const plain = new pg.Pool({ max: connections, Client: AnsweringClient })
const whole: Whole[] = []
for (const callers of [1, 16, 64]) {
  whole.push(
    ...(await wholes(
      {
        'read, pg.Pool': () => plain.query(text, values()),
        'read, prepared off': () => off.pool.query(text, values()),
        'read, prepared on': () => on.pool.query(text, values()),
      },
      callers,
    )),
    ...(await wholes(
      {
        'write, pg.Pool': () => plain.query(insert, values()),
        'write, prepared on': () => writing.pool.query(insert, values()),
      },
      callers,
    )),
  )
}
const way = await wayOf(() => on.pool.query(text, values()))
// Reads that had to move on to the primary would be measured as something else than they are.
if (routers.some((one) => one.counters().nodes.some(({ failed }) => failed > 0)))
  throw new Error('a node in memory could not be reached')
process.stdout.write(JSON.stringify({ steps: stepNanos, ...way, whole }), () => process.exit(0))
