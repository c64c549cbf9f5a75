import { vi } from 'vitest'
import { ormSuite } from './harness/suite.ts'
import { kyselyOrm } from './kysely/application.ts'

vi.mock('kysely', () => import('kysely-0-28'))
vi.mock('kysely/helpers/postgres', () => import('kysely-0-28/helpers/postgres'))

ormSuite(kyselyOrm('0.28'))
