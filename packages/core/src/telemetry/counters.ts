import type { Route } from '../routing/route.ts'

/** Statements routed since start. */
export interface RouteCounters {
  /** By kind of route: `single`, `merge`, `write-all`, `split`. */
  readonly byKind: Readonly<Record<Route['kind'], number>>
  readonly byRole: Readonly<Record<Route['role'], number>>
  /** By the rule that placed them; rules that never decided are absent. */
  readonly byPlacement: Readonly<Partial<Record<Route['placementReason']['rule'], number>>>
  /** Refusals by error code. */
  readonly refused: Readonly<Record<string, number>>
}

/** One node's connections now, and what happened to them since start. */
export interface NodeCounters {
  readonly node: string
  readonly total: number
  readonly idle: number
  readonly waiting: number
  readonly inFlight: number
  /** Of these, how many share connections at this moment. */
  readonly sharedInFlight: number
  readonly opened: number
  readonly failed: number
  readonly closed: number
  readonly broken: number
  readonly leased: number
  readonly waited: number
  readonly timedOut: number
  /** Callers that were refused because too many waited. */
  readonly overloaded: number
  readonly healed: number
  /** Statements that shared a connection with one that was under way there. */
  readonly shared: number
  /** Reads that were run again because another one broke or held up the connection that they shared. */
  readonly repeated: number
}

export interface Counters {
  readonly routes: RouteCounters
  readonly nodes: readonly NodeCounters[]
}

/** Counts routes: plain additions, so it runs for every statement. */
export class RouteCount {
  readonly #byKind = { single: 0, merge: 0, 'write-all': 0, split: 0 }
  readonly #byRole = { replica: 0, primary: 0 }
  readonly #byPlacement: Partial<Record<Route['placementReason']['rule'], number>> = {}
  readonly #refused: Record<string, number> = {}

  routed(route: Route): void {
    this.#byKind[route.kind]++
    this.#byRole[route.role]++
    const { rule } = route.placementReason
    this.#byPlacement[rule] = (this.#byPlacement[rule] ?? 0) + 1
  }

  /** `code`: of the error with which the statement was refused. */
  refused(code: string): void {
    this.#refused[code] = (this.#refused[code] ?? 0) + 1
  }

  snapshot(): RouteCounters {
    return {
      byKind: { ...this.#byKind },
      byRole: { ...this.#byRole },
      byPlacement: { ...this.#byPlacement },
      refused: { ...this.#refused },
    }
  }
}

/** A pool, as far as it is counted here. */
export interface CountedPool {
  readonly node: { readonly name: string }
  readonly totalCount: number
  readonly idleCount: number
  readonly waitingCount: number
  readonly inFlight: number
  readonly sharedInFlight: number
  readonly counters: Omit<NodeCounters, 'node' | 'total' | 'idle' | 'waiting' | 'inFlight' | 'sharedInFlight'>
}

/** A snapshot that later statements do not change. */
export function snapshotCounters(routes: RouteCount, pools: Iterable<CountedPool>): Counters {
  const nodes = Array.from(pools, (pool) => ({
    node: pool.node.name,
    total: pool.totalCount,
    idle: pool.idleCount,
    waiting: pool.waitingCount,
    inFlight: pool.inFlight,
    sharedInFlight: pool.sharedInFlight,
    ...pool.counters,
  }))
  return { routes: routes.snapshot(), nodes }
}
