import { performance } from 'node:perf_hooks'

/** At least this share of a run is the server's, however busy this process was meanwhile. */
const leastShare = 1 / 8
/** Below this it makes no difference, milliseconds. */
const leastMs = 5

/** Milliseconds since the start in which this process had nothing to do: much cheaper than a look at the clock. */
export function idleSoFar(): number {
  return performance.nodeTiming.idleTime
}

/**
 * How much of a run that took `passedMs` the server has needed, milliseconds, as far as this process can tell: an answer that lies
 * in the socket while others are worked off is not slow. Without this a process with more callers than it can serve finds every plan
 * slow, shares nothing, and stays that busy. `idleBefore`: what `idleSoFar` said when the run began.
 */
export function waitedFor(passedMs: number, idleBefore: number): number {
  if (passedMs < leastMs) return passedMs
  return Math.min(passedMs, Math.max(idleSoFar() - idleBefore, passedMs * leastShare))
}
