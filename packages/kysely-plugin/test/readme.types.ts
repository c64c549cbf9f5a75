// The example of README.md, word for word; types.test.ts compares them, and tsc compiles it. Nothing here runs.
import { createRouter, defineCluster, entity, reference, tenant } from '@shardline/core'
import { shardlinePlugin } from '@shardline/kysely-plugin'
import { Kysely, type Generated } from 'kysely'

interface DB {
  tenants: { id: number; name: string }
  orders: { tenant_id: number; id: number; total: string; placed_at: Generated<Date> }
  features: { entity_id: string; value: number }
  countries: { code: string; name: string }
}

const router = await createRouter(
  defineCluster({
    shards: {
      eu0: { primary: 'postgres://eu0.internal/app', replicas: ['postgres://eu0-r1.internal/app'] },
      eu1: { primary: 'postgres://eu1.internal/app', replicas: ['postgres://eu1-r1.internal/app'] },
    },
  }),
)

const shardline = shardlinePlugin<DB>(router, {
  tables: {
    tenants: tenant('id'),
    orders: tenant('tenant_id'), // the same tenant: the same shard
    features: entity('entity_id'),
    countries: reference(), // whole on every shard
  },
})

const db = new Kysely<DB>({ dialect: shardline.dialect(), plugins: [shardline] })

// One shard: the primary for the write, a replica for the read.
await db.insertInto('orders').values({ tenant_id: 7, id: 1, total: '9.90' }).execute()
await db.selectFrom('orders').selectAll().where('tenant_id', '=', 7).execute()

// Several shards: dealt out by key, atomically; and merged as one PostgreSQL would have answered.
await db
  .insertInto('orders')
  .values([
    { tenant_id: 7, id: 2, total: '1.00' },
    { tenant_id: 8, id: 1, total: '2.00' },
  ])
  .execute()
await db.selectFrom('orders').select(['id', 'total']).orderBy('placed_at', 'desc').limit(50).execute()

// A transaction belongs to the shard of its first statement.
await db
  .transaction()
  .setIsolationLevel('repeatable read')
  .execute(async (trx) => {
    await trx
      .updateTable('orders')
      .set({ total: '10.00' })
      .where('tenant_id', '=', 7)
      .where('id', '=', 1)
      .execute()
  })

await db.destroy()
await router.end()
