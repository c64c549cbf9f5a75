import { setTimeout as sleep } from 'node:timers/promises'
import { LocalClusterError } from './errors.ts'

export interface WaitOptions {
  /** Milliseconds until the wait gives up. Default 30,000. */
  readonly timeoutMs?: number
}

/**
 * Asks until the answer is neither `undefined` nor `false`, and returns it.
 * @throws LocalClusterError TIMEOUT naming what was waited for
 */
export async function waitFor<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  { timeoutMs = 30_000 }: WaitOptions = {},
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 20)) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (Date.now() > deadline) throw new LocalClusterError('TIMEOUT', `Waited ${timeoutMs} ms for ${what}.`)
    await sleep(pauseMs)
  }
}
