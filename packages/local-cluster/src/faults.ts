/**
 * - `ok`: bytes flow.
 * - `blackhole`: nothing flows and nothing closes, as when a cable is cut. Connections are still accepted (the
 *   kernel does that), then there is silence. After it, held bytes flow on, as TCP would send them again.
 * - `refuse`: new connections get ECONNREFUSED; open ones are not touched.
 * - `reset`: open and new connections get ECONNRESET.
 */
export type FaultMode = 'ok' | 'blackhole' | 'refuse' | 'reset'

/** What a proxy does to the bytes of every connection, in both directions. */
export interface Faults {
  readonly mode: FaultMode
  /** Milliseconds that every byte is late, one way. Default 0. */
  readonly latencyMs: number
  /** Up to this many milliseconds more, drawn for every chunk; order is kept. Default 0. */
  readonly jitterMs: number
  /** Default Infinity. */
  readonly bytesPerSecond: number
}

export const noFaults: Faults = {
  mode: 'ok',
  latencyMs: 0,
  jitterMs: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
}
