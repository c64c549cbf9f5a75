import { describe } from 'vitest'
import { useHarness, type GeneratedClient } from './harness.ts'
import { interleavingsSuite } from './interleavings.ts'

/** Everything that needs servers, for one version of Prisma. */
export function integrationSuites(generated: GeneratedClient): void {
  const harness = useHarness(generated)
  describe('interleavings', () => {
    interleavingsSuite(harness)
  })
}
