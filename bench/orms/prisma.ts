import { PrismaPg } from '@prisma/adapter-pg'
import { readReplicas } from '@prisma/extension-read-replicas'
import type { Router } from '@shardline/core'
import { prismaAdapter, shardline } from '@shardline/prisma-extension'
import { PrismaClient } from '../generated/orms/client.ts'
import { connections, type Jobs, type Walk } from './jobs.ts'

type Client = Pick<PrismaClient, 'order' | 'note' | '$disconnect'>

const clientOf = (url: string): PrismaClient =>
  new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: connections }) })

export function prismaAlone(url: string, walk: Walk): Jobs {
  return jobs('Prisma', clientOf(url), walk)
}

export function prismaSplit(primary: string, replica: string, walk: Walk): Jobs {
  const client = clientOf(primary).$extends(readReplicas({ replicas: [clientOf(replica)] }))
  return jobs('Prisma, extension-read-replicas', client as unknown as Client, walk)
}

export function prismaRouted(router: Router, walk: Walk): Jobs {
  const client = new PrismaClient({ adapter: prismaAdapter(router) }).$extends(shardline(router))
  return jobs('Prisma, Shardline', client as unknown as Client, walk)
}

function jobs(name: string, prisma: Client, walk: Walk): Jobs {
  return {
    name,
    point: () => {
      const { tenantId, id } = walk.next()
      return prisma.order.findUniqueOrThrow({ where: { tenantId_id: { tenantId, id } } })
    },
    list: () => {
      const { tenantId } = walk.next()
      return prisma.order.findMany({ where: { tenantId }, orderBy: { id: 'asc' }, take: 50 })
    },
    insert: () => {
      const { tenantId } = walk.next()
      return prisma.note.create({ data: { tenantId, body: 'a note' } })
    },
    relation: () => {
      const { tenantId, id } = walk.next()
      return prisma.order.findFirstOrThrow({ where: { tenantId, id }, include: { customer: true } })
    },
    close: () => prisma.$disconnect(),
  }
}
