import { migrationsSuite } from './suite.ts'
import { prismaTool } from './tools/prisma.ts'
import { useWorld } from './world.ts'

const world = useWorld()
migrationsSuite(world, prismaTool)
