import { drizzle } from '@shardline/drizzle-adapter'
import { expect, it } from 'vitest'
import { drizzleKitIn } from './tools/drizzle-kit.ts'
import type { Migrate } from './tools/drizzle.ts'
import { withFiles } from './tools/files.ts'
import type { World } from './world.ts'

const schema = (more: string): string => `
  import { bigint, integer, pgEnum, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
  export const state = pgEnum('state', ['open', ${more === '' ? '' : "'paid',"} 'closed'])
  export const orders = pgTable('orders', {
    tenantId: bigint('tenant_id', { mode: 'bigint' }).notNull(),
    id: bigint('id', { mode: 'bigint' }).notNull(),
    state: state('state').notNull().default('open'),
    ${more}
  }, (t) => [primaryKey({ columns: [t.tenantId, t.id] })])
`

/** From a schema in TypeScript to rows on two shards, with nothing but drizzle-kit and drizzle-orm in between. */
export function drizzleKitSuite(world: World, suffix: '' | '-1', migrate: Migrate): void {
  it('what drizzle-kit writes is applied on every shard', async () => {
    await withFiles({}, async (application) => {
      const router = await world.router()
      const generate = await drizzleKitIn(application, suffix)
      const db = drizzle(router) as never
      const apply = () => migrate(db, { migrationsFolder: `${application}/out` })
      await generate(schema(''))
      await router.eachShard(apply, { lock: true })
      await router.pool.query('insert into orders (tenant_id, id) values (1, 1), (2, 1), (3, 1), (4, 1)')
      await generate(schema("note: text('note'), views: integer('views').notNull().default(0),"))
      await router.eachShard(apply, { lock: true })
      await router.eachShard(apply, { lock: true })
      await router.pool.query(`update orders set state = 'paid', note = 'x' where tenant_id = 2`)
      const { rows } = await router.pool.query('select state, sum(views)::int as views from orders group by state order by state') // prettier-ignore
      expect(rows).toEqual([
        { state: 'open', views: 0 },
        { state: 'paid', views: 0 },
      ])
      for (const shard of [0, 1]) {
        const count = 'select count(*)::int as count from drizzle.__drizzle_migrations'
        expect(await world.at(shard, count)).toEqual([{ count: 2 }])
      }
    })
  })
}
