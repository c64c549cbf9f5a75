import { vi } from 'vitest'
import { ormSuite } from './harness/suite.ts'
import { typeormOrm } from './typeorm/application.ts'

vi.mock('typeorm', () => import('typeorm-0-3'))

ormSuite(typeormOrm('0.3'))
