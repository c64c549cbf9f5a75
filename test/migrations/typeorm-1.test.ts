import { migrationsSuite } from './suite.ts'
import { typeormTool } from './tools/typeorm.ts'

migrationsSuite(typeormTool)
