// Checked by tsc with both versions of Prisma; see types.test.ts. Nothing here runs.
import { entity, reference, tenant, time, type RouteContext, type Router } from '@shardline/core'
import { expectTypeOf } from 'vitest'
import type { Prisma, PrismaClient } from '../generated/extension/client.ts'
import { prismaAdapter, shardline, type ModelMap } from '../src/index.ts'
import type { KeyFieldOf, RoutableFieldOf, TimeFieldOf } from '../src/models.ts'

declare const router: Router
declare const Client: typeof PrismaClient
const base = new Client({ adapter: prismaAdapter(router) })
type Order = Prisma.TypeMap['model']['Order']['payload']['scalars']

expectTypeOf<KeyFieldOf<Order>>().toEqualTypeOf<'id' | 'tenantId' | 'status' | 'placedAt'>()
expectTypeOf<TimeFieldOf<Order>>().toEqualTypeOf<'placedAt'>()
expectTypeOf<RoutableFieldOf<Order>>().toEqualTypeOf<'id' | 'status'>()

// What is right compiles.
const prisma = base.$extends(
  shardline<Prisma.TypeMap>(router, {
    models: {
      Order: tenant('tenantId', { routable: ['id'] }),
      Customer: tenant('tenantId'),
      Feature: entity('entityId'),
      Reading: time('recordedAt', { every: 'month' }),
      Country: reference(),
    },
  }),
)
declare const map: ModelMap
base.$extends(shardline(router, { models: map }))
base.$extends(shardline(router))
prismaAdapter(router, { schema: 'app', context: { shard: 's0' }, endsRouter: true })

// What is wrong does not.
// @ts-expect-error no such model
shardline<Prisma.TypeMap>(router, { models: { Orders: tenant('tenantId') } })
// @ts-expect-error no such field: it is the name of the column
shardline<Prisma.TypeMap>(router, { models: { Order: tenant('tenant_id') } })
// @ts-expect-error a relation is no field
shardline<Prisma.TypeMap>(router, { models: { Order: tenant('tenant') } })
// @ts-expect-error nullable
shardline<Prisma.TypeMap>(router, { models: { Order: tenant('customerId') } })
// @ts-expect-error no scalar that can be a key
shardline<Prisma.TypeMap>(router, { models: { Order: entity('total') } })
// @ts-expect-error a list is no key
shardline<Prisma.TypeMap>(router, { models: { Sample: entity('texts') } })
// @ts-expect-error no such routable field
shardline<Prisma.TypeMap>(router, { models: { Order: tenant('tenantId', { routable: ['ids'] }) } })
// @ts-expect-error an Int carries no bucket
shardline<Prisma.TypeMap>(router, { models: { Reading: entity('recordedAt', { routable: ['sensor'] }) } })
// @ts-expect-error a number is no time
shardline<Prisma.TypeMap>(router, { models: { Reading: time('sensor', { every: 'day' }) } })
// @ts-expect-error the types of the client are missing, so nothing could be checked
shardline(router, { models: { Order: tenant('tenantId') } })
// @ts-expect-error the router is the adapter's, which ends it or not
prismaAdapter(router, { disposeExternalPool: true })

// The methods keep the client's type, also in transactions and beside other extensions.
expectTypeOf(prisma.$primary()).toEqualTypeOf<typeof prisma>()
expectTypeOf(prisma.$tenant(7n).$shard('s0').$replica()).toEqualTypeOf<typeof prisma>()
expectTypeOf(prisma.$context).toBeCallableWith({ consistency: 'strong' } satisfies RouteContext)
expectTypeOf(prisma.$shard({ model: 'Order', key: 7 })).toEqualTypeOf<typeof prisma>()
// @ts-expect-error no tenant
prisma.$tenant({})
void prisma.$transaction(async (tx) => {
  const order = await tx.$primary().order.findFirst({ include: { lines: true } })
  expectTypeOf(order?.lines[0]?.quantity).toEqualTypeOf<number | undefined>()
  // @ts-expect-error a transaction cannot be extended
  tx.$primary().$extends({})
})
const more = prisma.$extends({ result: { order: { label: { needs: { note: true }, compute: () => 'x' } } } })
void more
  .$tenant(7)
  .order.findFirstOrThrow()
  .then(({ label }) => expectTypeOf(label).toEqualTypeOf<string>())
void prisma.order.findUnique({ where: { tenantId_id: { tenantId: 1, id: 1n } } }).lines()
