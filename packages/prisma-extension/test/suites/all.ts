import { describe } from 'vitest'
import { contextsSuite } from './contexts.ts'
import { differencesSuite } from './differences.ts'
import { useHarness, type GeneratedClient } from './harness.ts'
import { interleavingsSuite } from './interleavings.ts'
import { nativeSuite } from './native.ts'

/** Everything that needs servers, for one version of Prisma. */
export function integrationSuites(generated: GeneratedClient): void {
  const harness = useHarness(generated)
  describe('operations', () => {
    differencesSuite(harness)
  })
  describe('contexts', () => {
    contextsSuite(harness)
  })
  describe('native', () => {
    nativeSuite(harness)
  })
  describe('interleavings', () => {
    interleavingsSuite(harness)
  })
}
