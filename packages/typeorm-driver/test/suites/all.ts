import { describe } from 'vitest'
import { cacheSuite } from './cache.ts'
import { connectionsSuite } from './connections.ts'
import { descriptionsSuite } from './descriptions.ts'
import { useHarness } from './harness.ts'
import { nativeSuite } from './native.ts'
import { schemaSuite } from './schema.ts'
import { treesSuite } from './trees.ts'

/** Everything, on one cluster, with the version of TypeORM that the file has chosen. */
export function allSuites(): void {
  const harness = useHarness()
  describe('descriptions', () => {
    descriptionsSuite(harness)
  })
  describe('native', () => {
    nativeSuite(harness)
  })
  describe('connections', () => {
    connectionsSuite(harness)
  })
  describe('cache', () => {
    cacheSuite(harness)
  })
  describe('trees', () => {
    treesSuite(harness)
  })
  describe('schema', () => {
    schemaSuite(harness)
  })
}
