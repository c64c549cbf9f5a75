import { StatementError, type Router } from '@shardline/core'
import { beforeAll, beforeEach, expect, it } from 'vitest'
import { extended, portOf, replicaOf, type Extended, type Harness } from './harness.ts'

const where = { tenantId_id: { tenantId: 1, id: 1n } }

/** What the client says and the SQL does not. */
export function contextsSuite(harness: Harness): void {
  let router: Router
  let prisma: Extended

  beforeAll(async () => {
    router = await harness.createRouter()
    prisma = extended(router, harness.baseClient(router))
  })
  beforeEach(async () => {
    await harness.reset()
    for (const tenantId of [1, 2, 3, 4]) await prisma.order.create({ data: { tenantId, id: 1n } })
    await harness.cluster.waitForReplay()
  })

  const replicaPort = (tenantId: number): number => replicaOf(harness.shardOf(tenantId)).port

  it('$primary and $replica choose the role', async () => {
    for (const { name, primary, replicas } of harness.cluster.shards) {
      expect(await portOf(prisma.$shard(name).$primary())).toBe(primary.port)
      expect(await portOf(prisma.$shard(name))).toBe(replicas[0]?.port)
      expect(await portOf(prisma.$primary().$shard(name).$replica())).toBe(replicas[0]?.port)
      expect(await portOf(prisma.$context({ shard: name, consistency: 'strong' }))).toBe(primary.port)
    }
    await expect(prisma.$replica().order.update({ where, data: { note: 'x' } })).rejects.toMatchObject({
      code: 'CONTEXT_CONFLICT',
    })
  })

  it('$shard takes the shard key of a model, too', async () => {
    for (const tenantId of [1, 2, 3, 4]) {
      expect(await portOf(prisma.$shard({ model: 'Order', key: tenantId }))).toBe(replicaPort(tenantId))
    }
    expect(() => prisma.$shard({ model: 'Setting', key: 'x' })).toThrow(/no shard key/)
    expect(() => prisma.$shard('nowhere').order.count()).toThrow(/no shard "nowhere"/)
  })

  it('$tenant pins and guards, and names model and operation', async () => {
    const own = prisma.$tenant(1)
    expect(await own.order.findUnique({ where })).toMatchObject({ tenantId: 1 })
    expect(await portOf(own)).toBe(replicaPort(1))
    const error: unknown = await own.order.findMany({ where: { tenantId: 2 } }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(StatementError)
    expect(error).toMatchObject({
      code: 'TENANT_CONTRADICTED',
      message: expect.stringMatching(/^prisma\.order\.findMany\(\) on model Order: /),
      details: { model: 'Order', operation: 'order.findMany' },
    })
    expect(() => own.$tenant(2).order.count()).toThrow(
      expect.objectContaining({ code: 'TENANT_CONTRADICTED' }),
    )
    await expect(own.order.create({ data: { tenantId: 2, id: 9n } })).rejects.toMatchObject({
      code: 'TENANT_CONTRADICTED',
    })
  })

  it('leaves the client that it was called on as it was', async () => {
    prisma.$tenant(1)
    expect(await prisma.order.count()).toBe(4)
    expect(Object.keys(prisma.$tenant(1))).toEqual(Object.keys(prisma))
  })

  it('a guarded model without a tenant is refused by its name', async () => {
    const guarded = await harness.createRouter({ guard: 'required' })
    const client = extended(guarded, harness.baseClient(guarded))
    for (const act of [
      () => client.order.findMany(),
      () => client.order.updateMany({ data: { note: 'x' } }),
      () => client.customer.findMany({ where: { email: 'x' } }),
    ]) {
      await expect(act()).rejects.toMatchObject({
        code: expect.stringMatching(/^(TENANT_REQUIRED|UNPROVED_WRITE)$/),
        details: { model: expect.stringMatching(/^(Order|Customer)$/) },
      })
    }
    expect(await client.order.findMany({ where: { tenantId: 1 } })).toHaveLength(1)
    expect(await client.order.create({ data: { tenantId: 1, id: 5n } })).toMatchObject({ id: 5n })
    expect(await client.$tenant(2).order.findMany({ where: { tenantId: 2 } })).toHaveLength(1)
    expect(await client.feature.findMany()).toEqual([])
  })

  it('holds for what runs only when it is awaited, wherever that is', async () => {
    const [count, order, lines] = router.run(
      { tenant: 1 },
      () =>
        [
          prisma.order.count({ where: { tenantId: 2 } }),
          prisma.order.findUnique({ where }),
          prisma.$tenant(1).order.findUnique({ where }).lines(),
        ] as const,
    )
    await expect(count).rejects.toMatchObject({ code: 'TENANT_CONTRADICTED' })
    expect(await order).toMatchObject({ tenantId: 1 })
    expect(await lines).toEqual([])
    const bound = prisma.$tenant(1).order.findUnique({ where: { tenantId_id: { tenantId: 2, id: 1n } } })
    await expect(bound.tenant()).rejects.toMatchObject({ code: 'TENANT_CONTRADICTED' })
    await expect(bound).rejects.toMatchObject({ code: 'TENANT_CONTRADICTED' })
    const seen: unknown[] = []
    await prisma
      .$tenant(1)
      .order.count({ where: { tenantId: 1 } })
      .then(() => seen.push(router.context))
    expect(seen).toEqual([undefined])
  })

  it('holds in interactive transactions, which tx.$primary() does not leave', async () => {
    await prisma.$tenant(1).$transaction(async (tx) => {
      await tx.order.update({ where, data: { note: 'inside' } })
      expect(await tx.$primary().order.findUnique({ where })).toMatchObject({ note: 'inside' })
      expect(
        await tx.$context({ consistency: 'strong' }).order.findFirst({ where: { tenantId: 1 } }),
      ).toMatchObject({ note: 'inside' })
      expect(await prisma.$primary().$queryRaw`select note from orders where tenant_id = ${1}`).toEqual([
        { note: null },
      ])
      expect('$extends' in tx && tx.$extends).toBeFalsy()
    })
    await expect(
      prisma.$transaction(async (tx) => {
        await tx.order.update({ where, data: { note: 'lost' } })
        await tx.$tenant(2).order.count({ where: { tenantId: 1 } })
      }),
    ).rejects.toMatchObject({ code: 'TENANT_CONTRADICTED' })
    expect(await prisma.$primary().order.findUnique({ where })).toMatchObject({ note: 'inside' })
  })

  it('a transaction has one shard', async () => {
    const other = [2, 3, 4].find((id) => harness.shardOf(id) !== harness.shardOf(1)) ?? 0
    const both = (client: Pick<Extended, 'order'>) => [
      client.order.update({ where, data: { note: 'both' } }),
      client.order.update({ where: { tenantId_id: { tenantId: other, id: 1n } }, data: { note: 'both' } }),
    ]
    await expect(prisma.$transaction(both(prisma))).rejects.toMatchObject({
      code: 'TRANSACTION_SPANS_SHARDS',
    })
    await expect(
      prisma.$transaction(async (tx) => {
        for (const one of both(tx)) await one
      }),
    ).rejects.toMatchObject({ code: 'TRANSACTION_SPANS_SHARDS' })
    expect(await prisma.$primary().order.count({ where: { note: 'both' } })).toBe(0)
  })

  it('the list of a transaction has one context', async () => {
    const list = await prisma
      .$tenant(1)
      .$transaction([prisma.order.count({ where: { tenantId: 1 } }), prisma.order.findUnique({ where })])
    expect(list).toEqual([1, expect.objectContaining({ tenantId: 1 })])
    await expect(
      prisma.$transaction([
        prisma.$tenant(1).order.update({ where, data: { note: 'x' } }),
        prisma.order.count({ where: { tenantId: 1 } }),
      ]),
    ).rejects.toMatchObject({ code: 'CONTEXT_CONFLICT' })
    await expect(
      prisma
        .$tenant(1)
        .$transaction([
          prisma.order.update({ where, data: { note: 'x' } }),
          prisma.order.count({ where: { tenantId: 2 } }),
        ]),
    ).rejects.toMatchObject({ code: 'TENANT_CONTRADICTED' })
    expect(await prisma.$primary().order.findUnique({ where })).toMatchObject({ note: null })
  })

  it('merges only the unique reads of one shard key, and answers each', async () => {
    const queries: string[] = []
    const base = harness.baseClient(router, { client: { log: [{ emit: 'event', level: 'query' }] } })
    ;(
      base as unknown as { $on(event: 'query', listen: (event: { readonly query: string }) => void): void }
    ).$on('query', ({ query }) => queries.push(query))
    const logged = extended(router, base)
    const ids = [1, 1, 2, 2, 3, 4].map((tenantId, index) => ({
      tenantId_id: { tenantId, id: BigInt(1 + (index % 2)) },
    }))
    const found = await Promise.all(ids.map((one) => logged.order.findUnique({ where: one })))
    expect(found.map((order) => order?.tenantId)).toEqual([1, undefined, 2, undefined, 3, undefined])
    expect(queries).toHaveLength(4)
  })
}
