import { describe } from 'vitest'
import { abortsSuite } from './aborts.ts'
import { useHarness } from './harness.ts'
import { hintsSuite } from './hints.ts'
import { migrationsSuite } from './migrations.ts'
import { nativeSuite } from './native.ts'
import { routingSuite } from './routing.ts'
import { streamsSuite } from './streams.ts'
import { tablesSuite } from './tables.ts'
import { transactionsSuite } from './transactions.ts'

/** Everything that needs servers, for the version of Kysely that `kysely` means in this file's graph. */
export function integrationSuites(): void {
  const harness = useHarness()
  describe('routing', () => {
    routingSuite(harness)
  })
  describe('tables', () => {
    tablesSuite(harness)
  })
  describe('transactions', () => {
    transactionsSuite(harness)
  })
  describe('streams', () => {
    streamsSuite(harness)
  })
  describe('hints', () => {
    hintsSuite(harness)
  })
  describe('aborts', () => {
    abortsSuite(harness)
  })
  describe('native', () => {
    nativeSuite(harness)
  })
  describe('migrations', () => {
    migrationsSuite(harness)
  })
}
