import { vi } from 'vitest'
import { migrationsSuite } from './suite.ts'
import { synchronizeSuite } from './synchronize.ts'
import { typeormTool } from './tools/typeorm.ts'
import { useWorld } from './world.ts'

vi.mock('typeorm', () => import('typeorm-0-3'))

const world = useWorld()
migrationsSuite(world, typeormTool)
synchronizeSuite(world)
