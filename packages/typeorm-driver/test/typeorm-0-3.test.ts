import { vi } from 'vitest'
import { allSuites } from './suites/all.ts'

vi.mock('typeorm', () => import('typeorm-0-3'))

allSuites()
