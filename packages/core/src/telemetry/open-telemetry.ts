import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { isSqlState } from './error-type.ts'
import { subscribeLate } from './statement-trace.ts'
import type * as OpenTelemetryApi from '@opentelemetry/api'
import type { Attributes, Span } from '@opentelemetry/api'
import type { ReachedNode, StatementTrace } from './statement-trace.ts'

type Api = typeof OpenTelemetryApi

/**
 * Makes a span of every statement, by OpenTelemetry's conventions for database clients (stable since 1.33), with
 * `shardline.*` attributes for the route. Spans are children of the span that is active where the statement is run.
 *
 * Returns a function that stops it. While it is not called, nobody subscribes and statements cost nothing.
 */
function traceStatements({ trace: tracing, SpanKind, SpanStatusCode }: Api): () => void {
  const tracer = tracing.getTracer('@shardline/core')
  const spans = new WeakMap<object, Span>()

  const onStart = (message: unknown): void => {
    const trace = message as StatementTrace
    spans.set(
      trace,
      tracer.startSpan(trace.summary, { kind: SpanKind.CLIENT, attributes: startAttributes(trace) }),
    )
  }
  const onEnd = (message: unknown): void => {
    const trace = message as StatementTrace
    const span = spans.get(trace)
    if (span === undefined) return
    span.setAttributes(endAttributes(trace))
    if (trace.errorType !== undefined) span.setStatus({ code: SpanStatusCode.ERROR })
    span.end()
    spans.delete(trace)
  }
  subscribe('shardline:statement:start', onStart)
  subscribe('shardline:statement:end', onEnd)
  subscribe('shardline:statement:error', onEnd)
  return () => {
    unsubscribe('shardline:statement:start', onStart)
    unsubscribe('shardline:statement:end', onEnd)
    unsubscribe('shardline:statement:error', onEnd)
  }
}

/** Where every copy of version 1 of the API keeps what an SDK has registered. */
const registry = Symbol.for('opentelemetry.js.api.1')

let users = 0
let stop: () => void = () => {}

/**
 * Makes spans when the application has `@opentelemetry/api` (an optional peer) and as soon as an SDK is registered
 * with it, be it later: until then a statement costs one look at a global. Resolves to a function that ends it, or to
 * undefined without the API. However many routers ask for it, a statement gets one span.
 */
export async function traceWithInstalledApi(): Promise<(() => void) | undefined> {
  const api = await installedApi()
  if (api === undefined) return undefined
  if (++users === 1) {
    stop = subscribeLate(() => {
      const { trace: registered } = (globalThis as Registry)[registry] ?? {}
      return registered === undefined ? undefined : traceStatements(api)
    })
  }
  let isUsed = true
  return () => {
    if (!isUsed) return
    isUsed = false
    if (--users === 0) stop()
  }
}

type Registry = { readonly [registry]?: { readonly trace?: unknown } }

async function installedApi(): Promise<Api | undefined> {
  try {
    return await import('@opentelemetry/api')
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND') return undefined
    throw cause
  }
}

function startAttributes(trace: StatementTrace): Attributes {
  const { route, tables } = trace
  const attributes: Attributes = {
    'db.system.name': 'postgresql',
    'db.operation.name': trace.operation,
    'db.query.summary': trace.summary,
  }
  const [table] = tables
  if (table !== undefined && tables.length === 1) attributes['db.collection.name'] = table
  if (route === undefined) return attributes
  attributes['shardline.route.kind'] = route.kind
  attributes['shardline.route.role'] = route.role
  attributes['shardline.route.role_rule'] = route.roleRule
  attributes['shardline.route.placement_rule'] = route.placementRule
  attributes['shardline.shards'] = [...route.shards]
  attributes['shardline.consistency'] = route.consistency
  if (route.workload !== undefined) attributes['shardline.workload'] = route.workload
  return attributes
}

function endAttributes(trace: StatementTrace): Attributes {
  const attributes: Attributes = { 'shardline.nodes': trace.nodes.map(({ name }) => name) }
  const node = answeringNode(trace.nodes)
  if (node !== undefined) {
    attributes['server.address'] = node.host
    attributes['server.port'] = node.port
  }
  if (node?.database !== undefined) attributes['db.namespace'] = node.database
  if (typeof trace.rowCount === 'number' && trace.operation === 'SELECT') {
    attributes['db.response.returned_rows'] = trace.rowCount
  }
  if (trace.errorType === undefined) return attributes
  attributes['error.type'] = trace.errorType
  if (isSqlState(trace.errorType)) attributes['db.response.status_code'] = trace.errorType
  return attributes
}

/** The last one asked, when all were of one shard (a read that moved on); several shards have no one address. */
function answeringNode(nodes: readonly ReachedNode[]): ReachedNode | undefined {
  const last = nodes.at(-1)
  return nodes.every(({ shard }) => shard === last?.shard) ? last : undefined
}
