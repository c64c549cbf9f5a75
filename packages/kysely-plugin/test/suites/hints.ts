import { CompiledQuery, Kysely } from 'kysely'
import { shardlinePlugin } from '../../src/index.ts'
import type { RouteContext } from '@shardline/core'
import { beforeEach, describe, expect, it } from 'vitest'
import { order, port, tables, tenants, type DB, type Harness } from './harness.ts'

/** What the SQL cannot say: per query, per instance, and by the router's own context. */
export function hintsSuite(harness: Harness): void {
  const plugin = () => shardlinePlugin<DB>(harness.router, { tables })
  const setUp = () => {
    const shardline = plugin()
    const db = new Kysely<DB>({ dialect: shardline.dialect(), plugins: [shardline] })
    return { shardline, db, hinted: (context: RouteContext) => db.withPlugin(shardline.hint(context)) }
  }
  const where = (db: Kysely<DB>, tenant: number) =>
    db.selectFrom('orders').select(port.as('port')).where('tenant_id', '=', tenant)

  beforeEach(async () => {
    await harness.reset()
    for (const [shard, tenant] of Object.values(tenants(harness)).entries()) {
      await harness
        .primary(shard)
        .sql('insert into orders (tenant_id, id, total) values ($1, 1, 2)', [tenant])
    }
    await harness.cluster.waitForReplay()
  })

  describe('hint()', () => {
    it.each<RouteContext>([{ role: 'primary' }, { consistency: 'strong' }])(
      '%o reads on the primary',
      async (context) => {
        const { hinted, db } = setUp()
        const { b } = tenants(harness)
        expect(await where(hinted(context), b).execute()).toEqual([{ port: harness.primary(1).port }])
        expect(await where(db, b).execute()).toEqual([{ port: harness.replica(1).port }])
      },
    )

    it('of one builder does not touch the builder it came from', async () => {
      const { shardline, db } = setUp()
      const { b } = tenants(harness)
      const base = where(db, b)
      const strong = base.withPlugin(shardline.hint({ role: 'primary' }))
      const seen = await Promise.all([strong.execute(), base.execute(), strong.execute(), base.execute()])
      const [primary, replica] = [[{ port: harness.primary(1).port }], [{ port: harness.replica(1).port }]]
      expect(seen).toEqual([primary, replica, primary, replica])
    })

    it('stays with a compiled query', async () => {
      const { hinted, db } = setUp()
      const { b } = tenants(harness)
      const compiled = where(hinted({ role: 'primary' }), b).compile()
      expect((await db.executeQuery(compiled)).rows).toEqual([{ port: harness.primary(1).port }])
    })

    it('of a shard sends a read there alone', async () => {
      const { hinted } = setUp()
      const { b } = tenants(harness)
      const rows = await hinted({ shard: 's1' }).selectFrom('orders').select('tenant_id').execute()
      expect(rows).toEqual([{ tenant_id: b }])
    })

    it('of a tenant guards: another tenant is refused, without its value', async () => {
      const { hinted } = setUp()
      const { a, b } = tenants(harness)
      expect(await where(hinted({ tenant: b }), b).execute()).toHaveLength(1)
      await expect(where(hinted({ tenant: b }), a).execute()).rejects.toMatchObject({
        code: 'TENANT_CONTRADICTED',
      })
    })

    it('of a workload asks the replicas that carry its tag, and refuses without one', async () => {
      const [s0, s1] = harness.cluster.shards
      const router = await harness.createRouter({
        shards: {
          s0: { primary: s0?.primary.url, replicas: [{ url: s0?.replicas[0]?.url, tags: ['training'] }] },
          s1: { primary: s1?.primary.url, replicas: [{ url: s1?.replicas[0]?.url }] },
        },
      })
      const shardline = shardlinePlugin<DB>(router)
      const db = new Kysely<DB>({
        dialect: shardline.dialect(),
        plugins: [shardline, shardline.hint({ workload: 'training' })],
      })
      const { a, b } = tenants(harness)
      expect(await where(db, a).execute()).toEqual([{ port: harness.replica(0).port }])
      await expect(where(db, b).execute()).rejects.toMatchObject({ family: 'topology' })
    })

    it('holds for a stream, from its first row to its last', async () => {
      const { hinted } = setUp()
      const { b } = tenants(harness)
      await harness
        .primary(1)
        .sql('insert into orders (tenant_id, id, total) select $1, i, i from generate_series(2, 50) i', [b])
      const seen = []
      for await (const row of where(hinted({ role: 'primary' }), b).stream(3)) seen.push(row.port)
      expect(seen).toEqual(Array.from({ length: 50 }, () => harness.primary(1).port))
    })

    it('says so when a query compiled elsewhere cannot have it', async () => {
      const { hinted } = setUp()
      const raw = CompiledQuery.raw('select 1 as one')
      await expect(hinted({ role: 'primary' }).executeQuery(raw)).rejects.toMatchObject({
        code: 'HINT_INVALID',
      })
    })
  })

  describe('router.run()', () => {
    it('reaches every query inside', async () => {
      const { db } = setUp()
      const { a, b } = tenants(harness)
      const seen = await harness.router.run({ role: 'primary' }, async () => {
        await Promise.resolve()
        return [await where(db, a).execute(), await where(db, b).execute()]
      })
      expect(seen).toEqual([[{ port: harness.primary(0).port }], [{ port: harness.primary(1).port }]])
    })

    it('guards a transaction', async () => {
      const { db } = setUp()
      const { a, b } = tenants(harness)
      const running = harness.router.run({ tenant: b }, () =>
        db.transaction().execute(async (trx) => {
          await trx.insertInto('orders').values(order(b, 2)).execute()
          await trx.selectFrom('orders').selectAll().where('tenant_id', '=', a).execute()
        }),
      )
      await expect(running).rejects.toMatchObject({ code: 'TENANT_CONTRADICTED' })
    })
  })
}
