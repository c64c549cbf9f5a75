import { migrationsSuite } from './suite.ts'
import { synchronizeSuite } from './synchronize.ts'
import { typeormTool } from './tools/typeorm.ts'
import { useWorld } from './world.ts'

const world = useWorld()
migrationsSuite(world, typeormTool)
synchronizeSuite(world)
