import { channel } from 'node:diagnostics_channel'
import { errorTypeOf } from './error-type.ts'
import { factsOf } from './statement-facts.ts'
import { shardsOf } from '../routing/describe-route.ts'
import type { Route } from '../routing/route.ts'
import type { Statement } from '../statement/statement.ts'
import type { StatementFacts } from './statement-facts.ts'

/**
 * The channels of `node:diagnostics_channel` that tell of statements. One and the same StatementTrace object is
 * published at the start and at the end or error, so a subscriber can hang what it keeps on it (a WeakMap).
 *
 * Publishing is synchronous, in the caller's asynchronous context. Neither parameter values nor statement texts are
 * ever published: also a text with parameters may hold literals. `summary` takes their place.
 */
const started = channel('shardline:statement:start')
const ended = channel('shardline:statement:end')
const failed = channel('shardline:statement:error')

/** Where a node lives; `host` and `port` are what the client was configured with. */
export interface ReachedNode {
  readonly name: string
  readonly shard: string
  readonly role: 'primary' | 'replica'
  readonly host: string
  readonly port: number
  readonly database: string | undefined
}

interface RouteFacts {
  readonly kind: Route['kind']
  readonly role: Route['role']
  /** Why this role: the rule's stable word. */
  readonly roleRule: string
  /** Why these shards: the rule's stable word. */
  readonly placementRule: string
  readonly shards: readonly string[]
  readonly consistency: Route['consistency']
  readonly workload: string | undefined
}

/** What is published of one statement; the fields below `startedAt` are set by the time it ends. */
export interface StatementTrace extends StatementFacts {
  /** Counts up within the process. */
  readonly id: number
  /** Undefined for statements that are not routed: COMMIT, SET in a lease, and the like. */
  readonly route: RouteFacts | undefined
  /** Milliseconds of `performance.now()`. */
  readonly startedAt: number
  /** Nodes that were asked, in order: several for several shards, and when a read moved on. */
  readonly nodes: readonly ReachedNode[]
  readonly durationMs: number | undefined
  readonly rowCount: number | null | undefined
  /** SQLSTATE, Shardline's error code, or the error's class; nothing else of an error, which may quote rows. */
  readonly errorType: string | undefined
}

/** A node as its pool knows it. */
interface NodeSource {
  readonly node: { readonly name: string; readonly shard: string; readonly role: 'primary' | 'replica' }
  readonly address: { readonly host: string; readonly port: number; readonly database: string | undefined }
}

let count = 0

/** One statement on its way, to be told of what happens to it. */
export class StatementObserver {
  readonly #trace: Mutable<StatementTrace> & { nodes: ReachedNode[] }

  constructor(statement: Statement, route: Route | undefined) {
    this.#trace = {
      ...factsOf(statement),
      id: ++count,
      route: route === undefined ? undefined : routeFacts(route),
      startedAt: performance.now(),
      nodes: [],
      durationMs: undefined,
      rowCount: undefined,
      errorType: undefined,
    }
    started.publish(this.#trace)
  }

  /** The statement is sent to this node. */
  asked({ node, address }: NodeSource): void {
    this.#trace.nodes.push({
      name: node.name,
      shard: node.shard,
      role: node.role,
      host: address.host,
      port: address.port,
      database: address.database,
    })
  }

  ended(rowCount: number | null): void {
    this.#trace.durationMs = performance.now() - this.#trace.startedAt
    this.#trace.rowCount = rowCount
    ended.publish(this.#trace)
  }

  failed(error: unknown): void {
    this.#trace.durationMs = performance.now() - this.#trace.startedAt
    this.#trace.errorType = errorTypeOf(error)
    failed.publish(this.#trace)
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

let late: (() => void) | undefined

/**
 * Asks before every statement whether to subscribe by now, until `subscribe` has done so and returned how to stop.
 * Returns how to stop either.
 */
export function subscribeLate(subscribe: () => (() => void) | undefined): () => void {
  let stop: (() => void) | undefined
  const ask = (): void => {
    stop = subscribe()
    if (stop !== undefined && late === ask) late = undefined
  }
  late = ask
  return () => {
    if (late === ask) late = undefined
    stop?.()
  }
}

/** Undefined while nobody subscribes, which is all that it costs then. */
export function observeStatement(
  statement: Statement,
  route: Route | undefined,
): StatementObserver | undefined {
  late?.()
  if (!started.hasSubscribers && !ended.hasSubscribers && !failed.hasSubscribers) return undefined
  return new StatementObserver(statement, route)
}

function routeFacts(route: Route): RouteFacts {
  return {
    kind: route.kind,
    role: route.role,
    roleRule: route.roleReason.rule,
    placementRule: route.placementReason.rule,
    shards: shardsOf(route),
    consistency: route.consistency,
    workload: route.workload,
  }
}
