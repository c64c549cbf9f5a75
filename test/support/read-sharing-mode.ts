/**
 * How the suites run, by `SHARDLINE_TEST_MULTIPLEX`:
 * - `on`, the default: as an application has it. Reads share connections when ten are busy, which few tests reach.
 * - `crowded`: two connections to a node where a test does not say, so that whatever runs at the same time shares.
 * - `off`: no connection is ever shared.
 */
export type SharingMode = 'on' | 'crowded' | 'off'

export function readSharingMode(): SharingMode {
  const mode = process.env['SHARDLINE_TEST_MULTIPLEX'] ?? 'on'
  if (mode === 'on' || mode === 'crowded' || mode === 'off') return mode
  throw new Error(`SHARDLINE_TEST_MULTIPLEX is "${mode}"; it may be on, crowded or off.`)
}
