import { migrate } from 'drizzle-orm/node-postgres/migrator'
import { migrationsSuite } from './suite.ts'
import { drizzleTool } from './tools/drizzle.ts'

migrationsSuite(drizzleTool(migrate))
