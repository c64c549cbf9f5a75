import { vi } from 'vitest'
import { migrationsSuite } from './suite.ts'
import { typeormTool } from './tools/typeorm.ts'

vi.mock('typeorm', () => import('typeorm-0-3'))
vi.mock(
  'typeorm/driver/postgres/PostgresDriver.js',
  () => import('typeorm-0-3/driver/postgres/PostgresDriver.js'),
)
vi.mock('typeorm/metadata/CheckMetadata.js', () => import('typeorm-0-3/metadata/CheckMetadata.js'))

migrationsSuite(typeormTool)
