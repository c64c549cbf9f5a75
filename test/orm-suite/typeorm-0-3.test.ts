import { vi } from 'vitest'
import { ormSuite } from './harness/suite.ts'
import { typeormOrm } from './typeorm/application.ts'

vi.mock('typeorm', () => import('typeorm-0-3'))
vi.mock(
  'typeorm/driver/postgres/PostgresDriver.js',
  () => import('typeorm-0-3/driver/postgres/PostgresDriver.js'),
)
vi.mock('typeorm/metadata/CheckMetadata.js', () => import('typeorm-0-3/metadata/CheckMetadata.js'))

ormSuite(typeormOrm('0.3'))
