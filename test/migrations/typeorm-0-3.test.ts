import { describe, vi } from 'vitest'
import { migrationsSuite } from './suite.ts'
import { synchronizeSuite } from './synchronize.ts'
import { typeormTool } from './tools/typeorm.ts'

vi.mock('typeorm', () => import('typeorm-0-3'))

describe('migrations', () => {
  migrationsSuite(typeormTool)
})
describe('synchronize', () => {
  synchronizeSuite()
})
