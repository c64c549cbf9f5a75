import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { startCluster } from '@shardline/local-cluster'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { analyse } from '../src/statement/analyse.ts'
import { loadParser } from '../src/statement/parser.ts'
import { RouteCount, snapshotCounters } from '../src/telemetry/counters.ts'
import { traceWithInstalledApi } from '../src/telemetry/open-telemetry.ts'
import { observeStatement } from '../src/telemetry/statement-trace.ts'
import { endPools, openPool, rejection } from './node-pool-fixture.ts'
import type { Cluster } from '@shardline/local-cluster'
import type { NodePool } from '../src/pool/node-pool.ts'
import type { SingleRoute } from '../src/routing/route.ts'
import type { StatementTrace } from '../src/telemetry/statement-trace.ts'

const route: SingleRoute = {
  kind: 'single',
  role: 'primary',
  roleReason: { rule: 'read' },
  placementReason: { rule: 'shard-key', subject: 'orders' },
  consistency: 'session',
  workload: undefined,
  shard: 's0',
  isAnyShard: false,
}

let cluster: Cluster
let pool: NodePool
let port: number

beforeAll(async () => {
  await loadParser()
  cluster = await startCluster()
  const [shard] = cluster.shards
  if (shard === undefined) throw new Error('no shard')
  await cluster.sql('create table orders (id int primary key, note text)')
  ;({ port } = shard.primary)
  pool = openPool(shard.primary.url)
})
afterAll(async () => {
  await endPools()
  await cluster.stop()
})

/** As execution does it. */
async function run(text: string, values: unknown[] = []): Promise<void> {
  const observer = observeStatement(analyse(text), route)
  try {
    observer?.asked(pool)
    const result = await pool.execute({ text, values })
    observer?.ended(result.rowCount)
  } catch (error) {
    observer?.failed(error)
    throw error
  }
}

describe('statement channels', () => {
  const channels = [
    'shardline:statement:start',
    'shardline:statement:end',
    'shardline:statement:error',
  ] as const
  let messages: { channel: string; trace: StatementTrace }[]
  const listener = (trace: unknown, channel: string | symbol): void => {
    messages.push({ channel: String(channel), trace: trace as StatementTrace })
  }
  beforeEach(() => {
    messages = []
    for (const channel of channels) subscribe(channel, listener)
    return () => {
      for (const channel of channels) unsubscribe(channel, listener)
    }
  })

  it('tell of a statement twice with one and the same object', async () => {
    await run('insert into orders values ($1, $2)', [1, 'private-note'])
    expect(messages.map(({ channel }) => channel)).toEqual(channels.slice(0, 2))
    expect(messages[0]?.trace).toBe(messages[1]?.trace)
    expect(messages[1]?.trace).toMatchObject({
      kind: 'insert',
      operation: 'INSERT',
      tables: ['orders'],
      summary: 'INSERT orders',
      route: { kind: 'single', role: 'primary', shards: ['s0'], placementRule: 'shard-key' },
      nodes: [
        { name: 's0/primary', shard: 's0', role: 'primary', host: '127.0.0.1', port, database: 'postgres' },
      ],
      rowCount: 1,
      errorType: undefined,
    })
    expect(messages[1]?.trace.durationMs).toBeGreaterThan(0)
  })

  it('tell the kind of an error, and nothing that it quotes', async () => {
    const error = await rejection(run(`insert into orders values (1, 'private-literal')`))
    expect((error as { detail?: string }).detail).toContain('(id)=(1)')
    const failed = messages.find(({ channel }) => channel === 'shardline:statement:error')
    expect(failed?.trace.errorType).toBe('23505')
    const everything = JSON.stringify(messages)
    for (const secret of ['private', '(id)', 'duplicate']) expect(everything).not.toContain(secret)
  })

  it('have one count of statements', async () => {
    await run('select 1')
    await run('select 2')
    const [first, , second] = messages
    expect((second?.trace.id ?? 0) - (first?.trace.id ?? 0)).toBe(1)
  })
})

describe('without subscribers', () => {
  it('nothing is observed', () => {
    expect(observeStatement(analyse('select 1'), route)).toBeUndefined()
  })
})

describe('OpenTelemetry', () => {
  const exporter = new InMemorySpanExporter()

  it('makes spans by the conventions, under the caller’s span, as soon as an SDK is there, once for all routers', async () => {
    const ends = await Promise.all([traceWithInstalledApi(), traceWithInstalledApi()])
    expect(observeStatement(analyse('select 1'), route)).toBeUndefined()

    const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    trace.setGlobalTracerProvider(provider)
    await trace.getTracer('application').startActiveSpan('request', async (request) => {
      await run('select * from orders where id = $1', [1])
      await rejection(run('insert into orders values ($1, $2)', [1, 'private']))
      request.end()
    })

    const spans = exporter.getFinishedSpans()
    expect(spans.map(({ name }) => name)).toEqual(['SELECT orders', 'INSERT orders', 'request'])
    const [select, insert, request] = spans
    expect(select?.parentSpanContext?.spanId).toBe(request?.spanContext().spanId)
    expect(select?.kind).toBe(2)
    expect(select?.status.code).toBe(0)
    expect(select?.attributes).toEqual({
      'db.system.name': 'postgresql',
      'db.operation.name': 'SELECT',
      'db.query.summary': 'SELECT orders',
      'db.collection.name': 'orders',
      'db.namespace': 'postgres',
      'db.response.returned_rows': 1,
      'server.address': '127.0.0.1',
      'server.port': port,
      'shardline.consistency': 'session',
      'shardline.nodes': ['s0/primary'],
      'shardline.route.kind': 'single',
      'shardline.route.placement_rule': 'shard-key',
      'shardline.route.role': 'primary',
      'shardline.route.role_rule': 'read',
      'shardline.shards': ['s0'],
    })
    expect(insert?.status).toEqual({ code: 2 })
    expect(insert?.attributes).toMatchObject({ 'error.type': '23505', 'db.response.status_code': '23505' })
    expect(insert?.events).toEqual([])
    expect(JSON.stringify(insert?.attributes)).not.toContain('private')

    exporter.reset()
    ends[0]?.()
    ends[0]?.()
    await run('select 1')
    expect(exporter.getFinishedSpans()).toHaveLength(1)
    ends[1]?.()
    await run('select 1')
    expect(exporter.getFinishedSpans()).toHaveLength(1)
    expect(observeStatement(analyse('select 1'), route)).toBeUndefined()
  })
})

describe('counters', () => {
  it('are a snapshot of routes and pools', async () => {
    const count = new RouteCount()
    count.routed(route)
    count.routed(route)
    count.refused('UNPROVED_WRITE')
    const before = snapshotCounters(count, [pool])
    await pool.execute({ text: 'select 1' })
    count.routed(route)
    expect(before.routes).toEqual({
      byKind: { single: 2, merge: 0, 'write-all': 0, split: 0 },
      byRole: { replica: 0, primary: 2 },
      byPlacement: { 'shard-key': 2 },
      refused: { UNPROVED_WRITE: 1 },
    })
    const [after] = snapshotCounters(count, [pool]).nodes
    expect(after).toMatchObject({ node: 's0/primary', total: 1, idle: 1, waiting: 0, inFlight: 0 })
    expect((after?.leased ?? 0) - (before.nodes[0]?.leased ?? 0)).toBe(1)
  })
})
