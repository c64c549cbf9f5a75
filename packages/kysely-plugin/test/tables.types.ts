// Checked by tsc against both versions of Kysely; see types.test.ts. Nothing here runs.
import type { ColumnType, Generated, Kysely } from 'kysely'
import { expectTypeOf } from 'vitest'
import { entity, reference, tenant, time, type Router } from '@shardline/core'
import { shardlinePlugin, type KeyColumnOf, type RoutableColumnOf, type TimeColumnOf } from '../src/index.ts'

interface Orders {
  id: Generated<string>
  tenantId: number
  wideId: ColumnType<string, string | number | bigint, never>
  externalId: string | null
  discount?: number
  isPaid: boolean
  tags: string[]
  details: { note: string }
  placedAt: ColumnType<Date, string | Date, string | Date>
  cancelledAt: Date | null
  state: 'open' | 'closed'
}

interface DB {
  orders: Orders
  'audit.events': { entityId: string; at: Date }
  countries: { code: string }
}

declare const router: Router

expectTypeOf<KeyColumnOf<Orders>>().toEqualTypeOf<'id' | 'tenantId' | 'wideId' | 'placedAt' | 'state'>()
expectTypeOf<RoutableColumnOf<Orders>>().toEqualTypeOf<'id' | 'tenantId' | 'wideId' | 'state'>()
expectTypeOf<TimeColumnOf<Orders>>().toEqualTypeOf<'id' | 'wideId' | 'placedAt' | 'state'>()

// What is right compiles.
const shardline = shardlinePlugin<DB>(router, {
  tables: {
    orders: tenant('tenantId'),
    'audit.events': time('at', { every: 'month' }),
    countries: reference(),
  },
})
shardlinePlugin<DB>(router, { tables: { orders: entity('wideId') } })
shardlinePlugin<DB>(router, { tables: { orders: tenant('id') } })
shardlinePlugin<DB>(router, { tables: { orders: time('placedAt', { every: 'day' }) } })
shardlinePlugin<DB>(router, { tables: { orders: tenant('tenantId', { routable: ['id', 'wideId'] }) } })
shardlinePlugin<DB>(router, { tables: { orders: entity('tenantId', { routable: ['id'], group: 'orders' }) } })
shardlinePlugin<DB>(router)
shardlinePlugin(router)

// What is wrong does not.
// @ts-expect-error no such table
shardlinePlugin<DB>(router, { tables: { order: tenant('tenantId') } })
// @ts-expect-error no such column
shardlinePlugin<DB>(router, { tables: { orders: tenant('tenant_id') } })
// @ts-expect-error no such routable column
shardlinePlugin<DB>(router, { tables: { orders: tenant('tenantId', { routable: ['ids'] }) } })
// @ts-expect-error a routable column is never null
shardlinePlugin<DB>(router, { tables: { orders: entity('tenantId', { routable: ['id', 'externalId'] }) } })
// @ts-expect-error a time is no id
shardlinePlugin<DB>(router, { tables: { orders: tenant('tenantId', { routable: ['placedAt'] }) } })
// @ts-expect-error a column of another table
shardlinePlugin<DB>(router, { tables: { orders: entity('entityId') } })
// @ts-expect-error nullable
shardlinePlugin<DB>(router, { tables: { orders: tenant('externalId') } })
// @ts-expect-error optional, so possibly missing
shardlinePlugin<DB>(router, { tables: { orders: tenant('discount') } })
// @ts-expect-error nullable time
shardlinePlugin<DB>(router, { tables: { orders: time('cancelledAt', { every: 'day' }) } })
// @ts-expect-error a number is no time
shardlinePlugin<DB>(router, { tables: { orders: time('tenantId', { every: 'day' }) } })
// @ts-expect-error no scalar
shardlinePlugin<DB>(router, { tables: { orders: tenant('details') } })
// @ts-expect-error no scalar
shardlinePlugin<DB>(router, { tables: { orders: tenant('tags') } })
// @ts-expect-error two values are no key
shardlinePlugin<DB>(router, { tables: { orders: tenant('isPaid') } })
// @ts-expect-error the database type is missing, so nothing could be checked
shardlinePlugin(router, { tables: { orders: tenant('tenantId') } })
// @ts-expect-error no description of a table
shardlinePlugin<DB>(router, { tables: { orders: 'tenantId' } })

// The plugin and the dialect fit Kysely, and hints are checked.
declare const db: Kysely<DB>
expectTypeOf(db.withPlugin(shardline)).toEqualTypeOf<Kysely<DB>>()
expectTypeOf(db.withPlugin(shardline.hint({ role: 'primary' }))).toEqualTypeOf<Kysely<DB>>()
shardline.hint({ tenant: 7, consistency: 'strong', workload: 'training', shard: 's0' })
// @ts-expect-error no such role
shardline.hint({ role: 'master' })
// @ts-expect-error no such hint
shardline.hint({ server: 's0' })
shardline.dialect({ endsRouter: true, onReserveConnection: async (connection) => void connection })
// @ts-expect-error no such option
shardline.dialect({ pool: {} })
