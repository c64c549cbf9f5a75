import { describe } from 'vitest'
import { migrationsSuite } from './suite.ts'
import { synchronizeSuite } from './synchronize.ts'
import { typeormTool } from './tools/typeorm.ts'

describe('migrations', () => {
  migrationsSuite(typeormTool)
})
describe('synchronize', () => {
  synchronizeSuite()
})
