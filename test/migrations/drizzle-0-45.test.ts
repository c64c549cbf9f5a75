import { migrate } from 'drizzle-orm/node-postgres/migrator'
import { drizzleKitSuite } from './drizzle-kit.ts'
import { migrationsSuite } from './suite.ts'
import { drizzleTool } from './tools/drizzle.ts'
import { useWorld } from './world.ts'

const world = useWorld()
migrationsSuite(world, drizzleTool(migrate))
drizzleKitSuite(world, '', migrate)
