import { Prisma, PrismaClient } from './generated/orm-suite/client.ts'
import { ormSuite } from './harness/suite.ts'
import { prismaOrm } from './prisma/orm.ts'

ormSuite(prismaOrm({ Prisma, PrismaClient }))
