/** Running totals of one node's connections since start. */
export interface PoolCounters {
  /** Connections opened. */
  opened: number
  /** Connection attempts that failed, timeouts among them. */
  failed: number
  /** Connections that were closed, for whatever reason. */
  closed: number
  /** Connections that broke by themselves. */
  broken: number
  /** Leases handed out. */
  leased: number
  /** Leases that had to wait. */
  waited: number
  /** Callers that waited in vain (POOL_TIMEOUT). */
  timedOut: number
  /** Callers that were refused because too many waited (POOL_OVERLOADED). */
  overloaded: number
  /** Stale prepared statements that were parsed again without the caller noticing. */
  healed: number
  /** Statements that were sent on a connection on which another one was under way. */
  shared: number
  /** Reads that were run again because another one broke or held up the connection that they shared. */
  repeated: number
}

export function createPoolCounters(): PoolCounters {
  return {
    opened: 0,
    failed: 0,
    closed: 0,
    broken: 0,
    leased: 0,
    waited: 0,
    timedOut: 0,
    overloaded: 0,
    healed: 0,
    shared: 0,
    repeated: 0,
  }
}
