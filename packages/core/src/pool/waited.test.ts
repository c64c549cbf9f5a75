import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { idleSoFar, waitedFor } from './waited.ts'

it('counts the time in which the process had nothing to do', async () => {
  const [start, idle] = [performance.now(), idleSoFar()]
  await delay(60)
  const passed = performance.now() - start
  expect(waitedFor(passed, idle)).toBeGreaterThan(30)
  expect(waitedFor(passed, idle)).toBeLessThanOrEqual(passed)
})

it('does not count the time in which it was busy itself, but for an eighth', () => {
  const [start, idle] = [performance.now(), idleSoFar()]
  while (performance.now() - start < 80);
  expect(waitedFor(80, idle)).toBe(10)
})

it('does not care about short runs', () => {
  expect(waitedFor(3, idleSoFar())).toBe(3)
})
