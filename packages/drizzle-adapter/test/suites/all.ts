import { describe } from 'vitest'
import { contextsSuite } from './contexts.ts'
import { descriptionsSuite } from './descriptions.ts'
import { useHarness } from './harness.ts'
import { migrationsSuite } from './migrations.ts'
import { nativeSuite } from './native.ts'
import { routingSuite } from './routing.ts'
import { transactionsSuite } from './transactions.ts'

/** Everything that needs servers, for the version of Drizzle that `drizzle-orm` means in this file's graph. */
export function integrationSuites(): void {
  const harness = useHarness()
  describe('routing', () => {
    routingSuite(harness)
  })
  describe('descriptions', () => {
    descriptionsSuite(harness)
  })
  describe('contexts', () => {
    contextsSuite(harness)
  })
  describe('native', () => {
    nativeSuite(harness)
  })
  describe('migrations', () => {
    migrationsSuite(harness)
  })
  describe('transactions', () => {
    transactionsSuite(harness)
  })
}
