import { vi } from 'vitest'
import { nativeSuite } from './suites/native.ts'

vi.mock('typeorm', () => import('typeorm-0-3'))

nativeSuite()
