import { vi } from 'vitest'
import { migrationsSuite } from './suite.ts'
import { kyselyTool } from './tools/kysely.ts'
import { useWorld } from './world.ts'

vi.mock('kysely', () => import('kysely-0-28'))
vi.mock('kysely/helpers/postgres', () => import('kysely-0-28/helpers/postgres'))

const world = useWorld()
migrationsSuite(world, kyselyTool)
