import { migrate } from 'drizzle-orm-1/node-postgres/migrator'
import { vi } from 'vitest'
import { drizzleKitSuite } from './drizzle-kit.ts'
import { migrationsSuite } from './suite.ts'
import { drizzleTool } from './tools/drizzle.ts'
import { useWorld } from './world.ts'

vi.mock('drizzle-orm', () => import('drizzle-orm-1'))
vi.mock('drizzle-orm/pg-core', () => import('drizzle-orm-1/pg-core'))
vi.mock('drizzle-orm/node-postgres', () => import('drizzle-orm-1/node-postgres'))
vi.mock('drizzle-orm/version', () => import('drizzle-orm-1/version'))

const world = useWorld()
migrationsSuite(world, drizzleTool(migrate))
drizzleKitSuite(world, '-1', migrate)
