import { vi } from 'vitest'
import { Prisma, PrismaClient } from '../prisma-6/generated/orm-suite/client.ts'
import { ormSuite } from './harness/suite.ts'
import type { GeneratedClient } from './prisma/client.ts'
import { prismaOrm } from './prisma/orm.ts'

vi.mock('@prisma/adapter-pg', () => import('../prisma-6/adapter.ts'))

ormSuite(
  prismaOrm({ Prisma, PrismaClient } as unknown as GeneratedClient, {
    nested: 'Prisma 6 has no transactions in transactions',
    'split-writes': 'Prisma 6 puts every createMany and updateMany into a transaction, which has one shard',
  }),
)
