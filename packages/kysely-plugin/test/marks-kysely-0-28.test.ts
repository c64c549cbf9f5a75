import { vi } from 'vitest'
import { marksSuite } from './suites/marks.ts'

vi.mock('kysely', () => import('kysely-0-28'))

marksSuite()
