import { vi } from 'vitest'
import { drizzleOrm } from './drizzle/orm-1.ts'
import { ormSuite } from './harness/suite.ts'

vi.mock('drizzle-orm', () => import('drizzle-orm-1'))
vi.mock('drizzle-orm/pg-core', () => import('drizzle-orm-1/pg-core'))
vi.mock('drizzle-orm/node-postgres', () => import('drizzle-orm-1/node-postgres'))

ormSuite(drizzleOrm)
