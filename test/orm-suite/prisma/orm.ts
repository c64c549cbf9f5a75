import { PrismaPg } from '@prisma/adapter-pg'
import { ShardlineError, entity, reference, tenant, time, type RouteContext } from '@shardline/core'
import { prismaAdapter, shardline } from '@shardline/prisma-extension'
import type { Application, Lack, Operations, Orm, TransactionOptions } from '../application.ts'
import { describePostgresError } from '../harness/describe-error.ts'
import { plainPool } from '../harness/plain-pool.ts'
import type { Client, GeneratedClient, Hinted, Prisma } from './client.ts'
import { PrismaOperations } from './operations.ts'

const isolationLevels = {
  'read committed': 'ReadCommitted',
  'repeatable read': 'RepeatableRead',
  serializable: 'Serializable',
} as const

/** Faults and locks of the scenarios take longer than Prisma's defaults. */
const transactionOptions = { maxWait: 20_000, timeout: 30_000 }

class PrismaApplication extends PrismaOperations implements Application {
  readonly #disconnect: () => Promise<void>

  constructor(client: Client, generated: GeneratedClient, disconnect: () => Promise<void>) {
    super(client, generated)
    this.#disconnect = disconnect
  }

  transaction<T>(
    body: (transaction: Operations) => Promise<T>,
    { isolation }: TransactionOptions = {},
  ): Promise<T> {
    const options = isolation === undefined ? {} : { isolationLevel: isolationLevels[isolation] }
    return this.client.$transaction((tx) => body(new PrismaOperations(tx, this.generated)), options)
  }

  hinted(context: RouteContext): Operations {
    const client = this.client as Client & Partial<Hinted>
    if (client.$context === undefined) return this
    return new PrismaOperations(client.$context(context), this.generated)
  }

  // oxlint-disable-next-line require-yield -- Prisma has no streams
  async *streamOrders(): AsyncGenerator<never> {
    throw new Error('Prisma has no streams')
  }

  prepareOrderById(): never {
    throw new Error('Prisma has no prepared statements of the application')
  }

  describeError(error: unknown) {
    const described = describePostgresError(error)
    const { meta, clientVersion } = error as { readonly meta?: unknown; readonly clientVersion?: string }
    return { ...described, fields: { ...described.fields, clientVersion, meta: asData(meta) } }
  }

  refusalIn(error: unknown) {
    return error instanceof ShardlineError ? error : undefined
  }

  async end() {
    await this.#disconnect()
  }
}

/** The suite over one version; `lacks` are those that the other version does not have. */
export function prismaOrm(
  generated: GeneratedClient,
  lacks: Readonly<Partial<Record<Lack, string>>> = {},
): Orm {
  const open = (adapter: object) =>
    new generated.PrismaClient({
      adapter,
      transactionOptions,
      // Without the line of the call, which is not the same in two calls.
      errorFormat: 'minimal',
    } as Prisma.PrismaClientOptions)
  return {
    name: 'prisma',
    version: generated.Prisma.prismaVersion.client,
    unsupported: {
      stream: 'Prisma has no streams',
      prepared: 'Prisma prepares statements itself or not at all',
      'read-only': 'Prisma has no read-only transactions',
      ...lacks,
    },
    async open(router) {
      const client = open(prismaAdapter(router)).$extends(
        shardline<Prisma.TypeMap>(router, {
          models: {
            Tenant: tenant('id'),
            Customer: tenant('tenantId', { routable: ['id'] }),
            Order: tenant('tenantId', { routable: ['id'] }),
            OrderLine: tenant('tenantId', { routable: ['id'] }),
            Document: tenant('tenantId', { routable: ['id'] }),
            Feature: entity('entityId'),
            Reading: time('recordedAt', { every: 'month' }),
            Product: reference(),
          },
        }),
      )
      return new PrismaApplication(client as unknown as Client, generated, () => client.$disconnect())
    },
    async openPlain(url) {
      const pool = plainPool(url)
      const client = open(new PrismaPg(pool))
      return new PrismaApplication(client, generated, async () => {
        await client.$disconnect()
        // Not waited for: Prisma 6 keeps the connection of a transaction whose end fails, and this would never end.
        void pool.end()
      })
    },
  }
}

/** Errors in `meta` compare by what they hold. */
function asData(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const own = Object.entries(value).map(([key, one]) => [key, asData(one)] as const)
  return value instanceof Error
    ? {
        class: value.constructor.name,
        message: value.message,
        cause: asData(value.cause),
        ...Object.fromEntries(own),
      }
    : Object.fromEntries(own)
}
