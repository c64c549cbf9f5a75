// Both generated clients have the same shape; the newer one's types stand for both.
import type { RouteContext } from '@shardline/core'
import type { Prisma, PrismaClient } from '../generated/orm-suite/client.ts'

export type { Prisma }

/** What one version brings. */
export interface GeneratedClient {
  readonly PrismaClient: new (options: Prisma.PrismaClientOptions) => PrismaClient
  readonly Prisma: {
    readonly DbNull: typeof Prisma.DbNull
    readonly prismaVersion: typeof Prisma.prismaVersion
  }
}

/** A client, or a transaction of one. */
export type Client = Omit<PrismaClient, '$connect' | '$disconnect' | '$on' | '$extends'>

/** What Shardline adds, as far as the suite uses it. */
export interface Hinted {
  $primary(): Client
  $tenant(id: number): Client
  $context(context: RouteContext): Client
}
