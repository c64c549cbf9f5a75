import { vi } from 'vitest'
import { Prisma, PrismaClient } from '../../../test/prisma-6/generated/extension/client.ts'
import { integrationSuites } from './suites/all.ts'
import type { GeneratedClient } from './suites/harness.ts'

vi.mock('@prisma/adapter-pg', () => import('../../../test/prisma-6/adapter.ts'))

integrationSuites({ Prisma, PrismaClient } as unknown as GeneratedClient)
