import { migrationsSuite } from './suite.ts'
import { prismaTool } from './tools/prisma.ts'

migrationsSuite(prismaTool)
