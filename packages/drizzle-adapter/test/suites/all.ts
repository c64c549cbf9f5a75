import { describe } from 'vitest'
import { useHarness } from './harness.ts'
import { routingSuite } from './routing.ts'

/** Everything that needs servers, for the version of Drizzle that `drizzle-orm` means in this file's graph. */
export function integrationSuites(): void {
  const harness = useHarness()
  describe('routing', () => {
    routingSuite(harness)
  })
}
