import { vi } from 'vitest'
import { integrationSuites } from './suites/all.ts'

vi.mock('drizzle-orm', () => import('drizzle-orm-1'))
vi.mock('drizzle-orm/pg-core', () => import('drizzle-orm-1/pg-core'))
vi.mock('drizzle-orm/node-postgres', () => import('drizzle-orm-1/node-postgres'))
vi.mock('drizzle-orm/node-postgres/migrator', () => import('drizzle-orm-1/node-postgres/migrator'))

integrationSuites()
