import { migrationsSuite } from './suite.ts'
import { kyselyTool } from './tools/kysely.ts'
import { useWorld } from './world.ts'

const world = useWorld()
migrationsSuite(world, kyselyTool)
