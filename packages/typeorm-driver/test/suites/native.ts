import { typeormDriver } from '@shardline/typeorm-driver'
import pg from 'pg'
import { DataSource, QueryFailedError } from 'typeorm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Customer, Line, Order, Product, entities } from './entities.ts'
import type { Harness } from './harness.ts'

/** What a TypeORM application does, on two shards with a replica each. */
export function nativeSuite(harness: Harness): void {
  let { cluster, router } = {} as Harness
  let db: DataSource

  beforeAll(async () => {
    ;({ cluster, router } = harness)
    db = new DataSource({ type: 'postgres', driver: typeormDriver(router), entities, synchronize: true })
    await db.initialize()
    await cluster.waitForReplay()
  })

  afterAll(async () => {
    if (db?.isInitialized) await db.destroy()
  })

  const shardOf = (tenantId: number): string => {
    const { route } = router.explain('select from orders where tenant_id = $1', [tenantId])
    return route.kind === 'single' ? route.shard : ''
  }

  test('synchronize has made the tables and the ids on every shard', async () => {
    for (const { primary } of cluster.shards) {
      const [row] = await primary.sql<{ count: string }>(
        "select count(*) from pg_constraint where conname like '%_id_routable' and convalidated",
      )
      expect(Number(row?.count)).toBe(3)
    }
    expect(router.notices.filter(({ kind }) => kind === 'routable-not-installed')).toEqual([])
  })

  test('synchronizing again changes nothing', async () => {
    const again = new DataSource({ type: 'postgres', driver: typeormDriver(router), entities })
    await again.initialize()
    const sql = await again.driver.createSchemaBuilder().log()
    expect(sql.upQueries.map(({ query }) => query)).toEqual([])
    await again.synchronize()
    for (const { primary } of cluster.shards) {
      const checks = await primary.sql("select from pg_constraint where conname like '%_id_routable'")
      expect(checks).toHaveLength(3)
    }
    await again.destroy()
  })

  test('saves a graph, with ids from the database, on the shard of its tenant', async () => {
    for (const tenantId of [1, 2, 3, 4]) {
      const customer = await db.getRepository(Customer).save({ tenantId, email: `a${tenantId}@example.org` })
      expect(customer.id).toMatch(/^\d+$/)
      const order = await db.getRepository(Order).save({
        tenantId,
        customer,
        lines: [
          { tenantId, sku: 'tea', quantity: 1 },
          { tenantId, sku: 'mug', quantity: 2 },
        ],
      })
      expect(order).toMatchObject({ status: 'open', version: 1 })
      const found = await db
        .getRepository(Order)
        .findOneOrFail({ where: { id: order.id }, relations: { customer: true, lines: true } })
      expect(found.lines).toHaveLength(2)
      expect(found.customer.email).toBe(`a${tenantId}@example.org`)
      const home = cluster.shards.find(({ name }) => name === shardOf(tenantId))
      expect(await home?.primary.sql(`select from order_lines where order_id = ${order.id}`)).toHaveLength(2)
    }
  })

  test('updates, removes and restores by primary key alone', async () => {
    const orders = db.getRepository(Order)
    const order = await orders.findOneOrFail({ where: { tenantId: 2 }, relations: { lines: true } })
    order.status = 'paid'
    await orders.save(order)
    await orders.increment({ id: order.id }, 'views', 3)
    expect(await orders.findOneByOrFail({ id: order.id })).toMatchObject({ status: 'paid', views: 3 })
    await db.getRepository(Line).remove(order.lines)
    expect(await db.getRepository(Line).countBy({ order: { id: order.id } })).toBe(0)
    const customers = db.getRepository(Customer)
    const customer = await customers.findOneByOrFail({ tenantId: 2 })
    await customers.softRemove(customer)
    expect(await customers.findOneBy({ id: customer.id })).toBeNull()
    await customers.recover(customer)
    expect(await customers.findOneBy({ id: customer.id })).not.toBeNull()
    await customers.upsert({ tenantId: 2, email: customer.email }, ['tenantId', 'email'])
    expect(await customers.countBy({ tenantId: 2 })).toBe(1)
  })

  test('loads lazy relations, pages with joins, and separate queries for relations', async () => {
    const customer = await db.getRepository(Customer).findOneByOrFail({ tenantId: 1 })
    expect(await customer.orders).toHaveLength(1)
    const [page, count] = await db.getRepository(Order).findAndCount({
      where: { tenantId: 1 },
      relations: { lines: true },
      order: { id: 'asc' },
      take: 1,
    })
    expect(page[0]?.lines).toHaveLength(2)
    expect(count).toBe(1)
    const separately = await db.getRepository(Order).find({
      where: { tenantId: 3 },
      relations: { lines: true, customer: true },
      relationLoadStrategy: 'query',
    })
    expect(separately[0]?.lines).toHaveLength(2)
    expect(separately[0]?.customer.tenantId).toBe(3)
  })

  test('inserts rows of several shards at once, and reads over all of them', async () => {
    const { identifiers } = await db
      .getRepository(Customer)
      .insert([11, 12, 13, 14, 15, 16].map((tenantId) => ({ tenantId, email: 'bulk@example.org' })))
    expect(new Set(identifiers.map(({ id }) => String(id))).size).toBe(6)
    // Every id is that of its own row, whichever shard has answered first.
    for (const [index, { id }] of identifiers.entries()) {
      expect(await db.getRepository(Customer).findOneBy({ id: String(id) })).toMatchObject({
        tenantId: 11 + index,
      })
    }
    const saved = await db.getRepository(Customer).save(
      [21, 22, 23, 24].map((tenantId) => ({ tenantId, email: 'saved@example.org' })),
      { transaction: false },
    )
    for (const { id, tenantId } of saved) {
      expect(await db.getRepository(Customer).findOneBy({ id })).toMatchObject({ tenantId })
    }
    const all = await db
      .getRepository(Customer)
      .find({ where: { email: 'bulk@example.org' }, order: { tenantId: 'desc' } })
    expect(all.map(({ tenantId }) => tenantId)).toEqual([16, 15, 14, 13, 12, 11])
    // A transaction has one shard; TypeORM's save opens one unless it is told not to.
    await expect(db.getRepository(Product).save({ sku: 'tea', price: '4.50' })).rejects.toThrow(
      /a transaction has one shard/,
    )
    await db.getRepository(Product).save({ sku: 'tea', price: '4.50' }, { transaction: false })
    for (const { primary } of cluster.shards)
      expect(await primary.sql('select from products')).toHaveLength(1)
  })

  test('errors are those of TypeORM and PostgreSQL', async () => {
    const twice = db.getRepository(Customer).insert({ tenantId: 1, email: 'a1@example.org' })
    const error = await twice.then(
      () => undefined,
      (failure: unknown) => failure,
    )
    expect(error).toBeInstanceOf(QueryFailedError)
    expect((error as QueryFailedError).driverError).toMatchObject({
      code: '23505',
      constraint: 'customers_email',
      table: 'customers',
    })
    expect((error as QueryFailedError).driverError).toBeInstanceOf(pg.DatabaseError)
  })

  test('transactions nest, roll back, and stay on one shard', async () => {
    await expect(
      db.transaction('SERIALIZABLE', async (manager) => {
        await manager.update(Order, { tenantId: 4 }, { status: 'gone' })
        await manager.transaction(async (inner) => {
          await inner.update(Order, { tenantId: 4 }, { views: 100 })
        })
        throw new Error('changed my mind')
      }),
    ).rejects.toThrow('changed my mind')
    expect(await db.getRepository(Order).findOneByOrFail({ tenantId: 4 })).toMatchObject({
      status: 'open',
      views: 0,
    })
    const [a, b] = [1, [2, 3, 4, 5, 6].find((each) => shardOf(each) !== shardOf(1)) ?? 0]
    await expect(
      db.transaction(async (manager) => {
        await manager.update(Customer, { tenantId: a }, { email: 'x@example.org' })
        await manager.update(Customer, { tenantId: b }, { email: 'y@example.org' })
      }),
    ).rejects.toThrow(/shard/)
    expect(await db.getRepository(Customer).countBy({ email: 'x@example.org' })).toBe(0)
  })

  test('streams rows, and asks a runner for a replica', async () => {
    const stream = await db
      .getRepository(Customer)
      .createQueryBuilder('c')
      .where('c.tenantId = :t', { t: 1 })
      .stream()
    const rows: unknown[] = []
    for await (const row of stream) rows.push(row)
    expect(rows).toHaveLength(1)
    const runner = db.createQueryRunner('slave')
    await cluster.waitForReplay()
    const replica = cluster.shards.find(({ name }) => name === shardOf(1))?.replicas[0]
    const rows2 = (await runner.query(
      "select current_setting('port')::int as port from customers where tenant_id = $1",
      [1],
    )) as { port: number }[]
    expect(rows2).toEqual([{ port: replica?.port }])
    await expect(runner.query('delete from customers where tenant_id = 1')).rejects.toMatchObject({
      driverError: { code: 'CONTEXT_CONFLICT' },
    })
    await runner.release()
  })

  test('replication is refused with the way out', async () => {
    const replicated = new DataSource({
      type: 'postgres',
      driver: typeormDriver(router),
      entities,
      replication: { master: {}, slaves: [{}] },
    })
    await expect(replicated.initialize()).rejects.toMatchObject({ code: 'UNSUPPORTED_OPTION' })
  })

  test('a destroyed data source leaves the router to others', async () => {
    const another = await new DataSource({
      type: 'postgres',
      driver: typeormDriver(router),
      entities,
    }).initialize()
    await another.destroy()
    expect(await db.getRepository(Customer).countBy({ tenantId: 1 })).toBe(1)
  })
}
