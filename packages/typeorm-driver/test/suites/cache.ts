import type { Router } from '@shardline/core'
import { DataSource, type QueryRunner } from 'typeorm'
import { typeormDriver } from '@shardline/typeorm-driver'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { Customer, entities } from './entities.ts'
import type { Harness } from './harness.ts'

/** TypeORM's result cache knows a query by its text; a context decides what that text means. */
export function cacheSuite(harness: Harness): void {
  let router: Router
  let db: DataSource

  beforeAll(async () => {
    ;({ router } = harness)
    db = new DataSource({
      type: 'postgres',
      driver: typeormDriver(router),
      entities,
      cache: { duration: 60_000 },
      synchronize: true,
    })
    await db.initialize()
  })
  afterAll(() => db?.destroy())
  beforeEach(async () => {
    await router.eachShard(({ pool }) => pool.query('truncate customers cascade'))
    // Without a runner 0.3 takes one of its own, and never gives it back.
    const runner = db.createQueryRunner()
    await db.queryResultCache?.clear(runner)
    await runner.release()
    for (const tenantId of [1, 2, 3, 4]) await db.getRepository(Customer).insert({ tenantId, email: 'x' })
  })

  const count = (id?: string, runner?: QueryRunner) => {
    const query = db.getRepository(Customer).createQueryBuilder('c', runner)
    return (id === undefined ? query.cache(true) : query.cache(id, 60_000)).getCount()
  }
  const onShards = async (id?: string) =>
    [
      await router.run({ shard: 's0' }, () => count(id)),
      await router.run({ shard: 's1' }, () => count(id)),
    ] as const

  test('is one for each context', async () => {
    const all = await count()
    expect(all).toBe(4)
    const [first, second] = await onShards()
    expect(first + second).toBe(4)
    expect(first).not.toBe(4)
    await router.eachShard(({ pool }) => pool.query('truncate customers cascade'))
    expect([await count(), ...(await onShards())]).toEqual([4, first, second])
  })

  test('never answers an identifier for another context, and forgets it everywhere', async () => {
    expect(await count('customers')).toBe(4)
    const [first, second] = await onShards('customers')
    expect(first + second).toBe(4)
    expect(await count('customers')).toBe(4)
    await router.eachShard(({ pool }) => pool.query('truncate customers cascade'))
    expect(await count('customers')).toBe(4)
    await db.queryResultCache?.remove(['customers'])
    expect(await count('customers')).toBe(0)
  })

  test('keeps nothing of what a transaction has read', async () => {
    const error = new Error('changed my mind')
    await expect(
      db.transaction(async (manager) => {
        await manager.delete(Customer, { tenantId: 1 })
        const query = manager.createQueryBuilder(Customer, 'c').where('c.tenantId = 1').cache(true)
        expect(await query.getCount()).toBe(0)
        throw error
      }),
    ).rejects.toBe(error)
    expect(await db.createQueryBuilder(Customer, 'c').where('c.tenantId = 1').cache(true).getCount()).toBe(1)
  })

  test('does not pass a guard', async () => {
    const ofFirst = () => db.getRepository(Customer).find({ where: { tenantId: 1 }, cache: true })
    expect(await ofFirst()).toHaveLength(1)
    expect(await router.run({ tenant: 1 }, ofFirst)).toHaveLength(1)
    await expect(router.run({ tenant: 2 }, ofFirst)).rejects.toMatchObject({
      driverError: { code: 'TENANT_CONTRADICTED' },
    })
  })
}
