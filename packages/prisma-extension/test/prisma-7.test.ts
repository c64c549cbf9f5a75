import { Prisma, PrismaClient } from '../generated/extension/client.ts'
import { integrationSuites } from './suites/all.ts'

integrationSuites({ Prisma, PrismaClient })
