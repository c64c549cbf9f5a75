import { createRequire } from 'node:module'
import { ConfigError, tenant, type Router } from '@shardline/core'
import { PrismaPg } from '@prisma/adapter-pg'
import type pg from 'pg'
import { beforeAll, beforeEach, expect, it } from 'vitest'
import { prismaAdapter, shardline } from '../../src/index.ts'
import { extended, models, portOf, type Extended, type Harness, type Prisma } from './harness.ts'

const where = { tenantId_id: { tenantId: 1, id: 1n } }

/** The adapter and the extension among what else Prisma's users have. */
export function nativeSuite(harness: Harness): void {
  const { PrismaClient: Client } = harness.generated
  let router: Router
  let prisma: Extended

  beforeAll(async () => {
    router = await harness.createRouter()
    prisma = extended(router, harness.baseClient(router))
  })
  beforeEach(async () => {
    await harness.reset()
    await prisma.order.create({ data: { tenantId: 1, id: 1n, note: 'x' } })
  })

  it('serves without the extension until contexts are used, and refuses then', async () => {
    const own = await harness.createRouter({ tables: { orders: tenant('tenant_id'), tenants: tenant('id') } })
    const base = harness.baseClient(own)
    expect(await base.order.count({ where: { tenantId: 1 } })).toBeDefined()
    await expect(own.eachShard(() => base.tenant.count())).rejects.toMatchObject({ code: 'SHARDS_FAILED' })
    expect(await base.tenant.count()).toBe(8)
    own.run({ tenant: 1 }, () => {})
    await expect(base.order.findUnique({ where })).rejects.toMatchObject({ code: 'EXTENSION_MISSING' })
    await expect(base.$transaction((tx) => tx.order.count())).rejects.toMatchObject({
      code: 'EXTENSION_MISSING',
    })
    // Extending it keeps its operations apart, too.
    extended(own, base)
    expect(await base.tenant.count()).toBe(8)
  })

  it('a fixed context is that of every statement', async () => {
    await router.eachShard(async ({ name }) => {
      const client = harness.baseClient(router, { adapter: { context: { shard: name } } })
      const port = harness.cluster.shards.find((shard) => shard.name === name)?.primary.port
      await client.$transaction(async (tx) => {
        await tx.setting.create({ data: { key: name, value: 'here' } })
        expect(await portOf(tx)).toBe(port)
      })
      expect(await client.$executeRaw`update settings set value = 'there'`).toBe(1)
    })
    for (const { name, primary } of harness.cluster.shards) {
      expect(await primary.sql('select key, value from settings')).toEqual([{ key: name, value: 'there' }])
    }
  })

  it('disconnects without ending the router, unless it is asked to, and connects again', async () => {
    const own = await harness.createRouter()
    const client = harness.baseClient(own)
    await client.$connect()
    expect(await client.setting.count()).toBe(0)
    await client.$disconnect()
    expect(own.pool.ending).toBe(false)
    expect(await client.setting.count()).toBe(0)
    await client.$disconnect()
    expect(own.pool.listenerCount('error')).toBe(0)
    const last = harness.baseClient(own, { adapter: { endsRouter: true } })
    expect(await last.setting.count()).toBe(0)
    await last.$disconnect()
    expect(own.pool.ending).toBe(true)
  })

  it('is an instance of whatever copy of pg the driver adapter has', async () => {
    const file = createRequire(import.meta.url).resolve('pg/lib/index.js')
    const copies = createRequire(import.meta.url)
    const { cache } = copies
    for (const key of Object.keys(cache))
      if (key.includes('/node_modules/pg/') || key.includes('/pg-pool/')) delete cache[key]
    const other = copies(file) as typeof pg
    expect(router.pool).not.toBeInstanceOf(other.Pool)
    const adapter = await prismaAdapter(router).connect()
    const own = await new PrismaPg({}).connect()
    expect(adapter.underlyingDriver()).toBeInstanceOf(own.underlyingDriver().constructor)
    expect(adapter.adapterName).toBe(own.adapterName)
    const { createAdapterPool } = await import('../../src/adapter-pool.ts')
    const pool = createAdapterPool(other.Pool, router, { context: undefined, assertAttributed: () => {} })
    expect(pool).toBeInstanceOf(other.Pool)
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    const lease = await pool.connect()
    expect((await lease.query('select 2 as two')).rows).toEqual([{ two: 2 }])
    lease.release()
    expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([
      router.pool.totalCount,
      router.pool.idleCount,
      0,
    ])
  })

  it('refuses a client of another adapter, or of another router', async () => {
    const plain = new Client({
      adapter: new PrismaPg({ connectionString: 'postgres://nobody@127.0.0.1:1/none' }),
    })
    expect(() => plain.$extends(shardline(router))).toThrow(
      expect.objectContaining({ code: 'ADAPTER_MISSING' }),
    )
    const other = await harness.createRouter()
    expect(() => harness.baseClient(other).$extends(shardline(router))).toThrow(/another router/)
  })

  it('refuses a client that is not as in the tested versions', () => {
    const strange = { _clientVersion: '9.9.9', $extends: () => ({}) }
    const extend = shardline(router) as unknown as (client: object) => object
    expect(() => extend(strange)).toThrow(ConfigError)
    expect(() => extend(strange)).toThrow(/@prisma\/client 9\.9\.9 has no `_originalClient`/)
  })

  it('refuses models and fields that the client does not have', () => {
    const apply = (wrong: object) => () =>
      harness.baseClient(router).$extends(shardline<Prisma.TypeMap>(router, { models: wrong as never }))
    expect(apply({ Orders: tenant('tenantId') })).toThrow(/models\.Orders: the client has no model/)
    expect(apply({ Order: tenant('tenant_id') })).toThrow(
      /models\.Order: there is no scalar field "tenant_id"/,
    )
    expect(apply({ Order: tenant('tenant') })).toThrow(/no scalar field "tenant"/)
    expect(apply({ Order: tenant('id') })).toThrow(expect.objectContaining({ code: 'CONFIG_CONFLICT' }))
  })

  it('takes the map that the generator writes', async () => {
    const own = await harness.createRouter()
    const map = {
      Order: { table: 'orders', description: { strategy: 'tenant', column: 'tenant_id' } },
      Tenant: { table: 'tenants', description: { strategy: 'tenant', column: 'id' } },
      Country: { table: 'countries', description: { strategy: 'reference' } },
    } as const
    const client = harness.baseClient(own).$extends(shardline(own, { models: map }))
    expect(await client.order.findUnique({ where })).toMatchObject({ note: 'x' })
    expect(own.explain('select from orders where tenant_id = 1').shards).toEqual([harness.shardOf(1).name])
  })

  it('stands beside other extensions, before and after', async () => {
    const order: string[] = []
    const base = harness.baseClient(router)
    const before = base.$extends({
      name: 'before',
      query: {
        $allOperations: async ({ args, query, operation }) => {
          order.push(`before ${operation}`)
          return await query(args)
        },
      },
      model: {
        $allModels: {
          async exists(this: unknown, id: bigint) {
            const model = this as { count(args: object): Promise<number> }
            return (await model.count({ where: { id } })) > 0
          },
        },
      },
    })
    const client = before.$extends(shardline<Prisma.TypeMap>(router, { models })).$extends({
      name: 'after',
      result: { order: { label: { needs: { note: true }, compute: ({ note }) => `<${note}>` } } },
      query: {
        order: {
          async findMany({ args, query }) {
            order.push('after findMany')
            return await query({ ...args, where: { ...args.where, tenantId: 1 } })
          },
        },
      },
      client: {
        async $twice(this: unknown) {
          return [this, this].length
        },
      },
    })
    expect(await client.$tenant(1).order.findMany()).toMatchObject([{ label: '<x>' }])
    expect(order).toEqual(['before findMany', 'after findMany'])
    expect(await client.$tenant(1).order.exists(1n)).toBe(true)
    const other = [2, 3, 4].find((id) => harness.shardOf(id) !== harness.shardOf(1)) ?? 0
    expect(await client.$tenant(other).order.exists(1n)).toBe(false)
    expect(await client.$primary().$twice()).toBe(2)
    await client.$transaction(async (tx) => {
      expect(await tx.order.findMany()).toMatchObject([{ label: '<x>' }])
      expect(await tx.$tenant(1).$primary().order.exists(1n)).toBe(true)
    })
    await expect(client.$tenant(2).order.findMany()).rejects.toMatchObject({ code: 'TENANT_CONTRADICTED' })
  })

  it('an extension may put an operation into a transaction', async () => {
    const client = prisma.$extends((inner) =>
      inner.$extends({
        query: {
          $allModels: {
            async $allOperations({ args, query }) {
              const [, result] = await inner.$transaction([
                inner.$executeRaw`select set_config('app.tenant', '1', true) from tenants where id = 1`,
                query(args) as never,
              ])
              return result
            },
          },
        },
      }),
    )
    expect(await client.order.findFirst({ where: { tenantId: 1 } })).toMatchObject({ note: 'x' })
  })

  it('gives way to extensions after it, and not to those before', async () => {
    const name = (of: string) => ({ $primary: () => of, $other: () => of })
    const before = harness.baseClient(router).$extends({ client: name('before') })
    const client = before.$extends(shardline(router))
    expect(client.$other()).toBe('before')
    expect(client.$primary().order).toBeDefined()
    const after = client.$extends({ client: name('after') })
    expect(after.$primary()).toBe('after')
    expect(after.$replica().$primary()).toBe('after')
    expect(after.$replica().$other()).toBe('after')
    await after.$transaction(async (tx) => {
      expect(tx.$primary()).toBe('after')
      expect(await tx.$tenant(1).order.findUnique({ where })).toMatchObject({ note: 'x' })
    })
  })

  it('is the parent of extensions after it, with its contexts', async () => {
    const client = prisma.$extends({
      model: {
        order: {
          ofParent(this: unknown) {
            const { $parent } = this as { $parent: typeof prisma }
            return $parent.$replica().order.count({ where: { tenantId: 2 } })
          },
        },
      },
    })
    expect(await client.order.ofParent()).toBe(0)
    await expect(client.$tenant(1).order.ofParent()).rejects.toMatchObject({ code: 'TENANT_CONTRADICTED' })
  })

  it('tells events as Prisma does', async () => {
    const events: string[] = []
    const base = new Client({
      adapter: prismaAdapter(router),
      log: [
        { emit: 'event', level: 'query' },
        { emit: 'event', level: 'error' },
      ],
    })
    base.$on('query', ({ query }) => events.push(query.slice(0, 6)))
    base.$on('error', ({ target }) => events.push(target))
    const client = extended(router, base)
    await client.order.findFirst({ where: { tenantId: 1 } })
    await client.order.create({ data: { tenantId: 1, id: 1n } }).catch(() => {})
    await client
      .$tenant(2)
      .order.count({ where: { tenantId: 1 } })
      .catch(() => {})
    expect(events).toEqual(['SELECT', 'order.create', 'order.count'])
    await base.$disconnect()
  })

  it('looks like the client that it extends', () => {
    expect(Object.keys(prisma)).toEqual(Object.keys(harness.baseClient(router)))
    for (const name of ['$primary', '$replica', '$shard', '$tenant', '$context', '$queryRaw', 'order']) {
      expect(name in prisma).toBe(true)
    }
    expect('$nothing' in prisma).toBe(false)
    expect(prisma.order.fields.tenantId.name).toBe('tenantId')
    expect(prisma.order.findFirst()[Symbol.toStringTag]).toBe('PrismaPromise')
    expect(prisma.order).toBe(prisma.order)
  })
}
