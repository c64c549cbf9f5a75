import { vi } from 'vitest'
import { integrationSuites } from './suites/all.ts'

vi.mock('kysely', () => import('kysely-0-28'))

integrationSuites()
