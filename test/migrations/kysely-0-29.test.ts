import { migrationsSuite } from './suite.ts'
import { kyselyTool } from './tools/kysely.ts'

migrationsSuite(kyselyTool)
