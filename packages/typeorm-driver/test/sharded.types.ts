// Compiled by types.test.ts; nothing here runs.
import { entity, reference, sharded, ShardKey, tenant, time, typeormDriver } from '@shardline/typeorm-driver'
import type { Router } from '@shardline/core'
import { DataSource, EntitySchema } from 'typeorm'

interface Order {
  id: string
  tenantId: number
  placedAt: Date
  note: string | null
  paid?: number
  lines: { sku: string }[]
}

const columns = {
  id: { type: 'bigint', primary: true },
  tenantId: { type: 'int' },
  placedAt: { type: 'timestamptz' },
  note: { type: 'text', nullable: true },
  paid: { type: 'int', nullable: true },
} as const
const schema = (): EntitySchema<Order> => new EntitySchema<Order>({ name: 'order', columns })

const described: EntitySchema<Order> = sharded(schema(), tenant('tenantId', { routable: ['id'] }))
sharded(schema(), entity('id'))
sharded(schema(), time('placedAt', { every: 'month' }))
sharded(schema(), reference())

// @ts-expect-error no property of the entity
sharded(schema(), tenant('tenant_id'))
// @ts-expect-error it may be null
sharded(schema(), tenant('note'))
// @ts-expect-error it may be left out
sharded(schema(), tenant('paid'))
// @ts-expect-error it is no scalar
sharded(schema(), tenant('lines'))
// @ts-expect-error numbers do not hold 63 bits
sharded(schema(), tenant('tenantId', { routable: ['paid'] }))
// @ts-expect-error a period has a length
ShardKey.time()
// @ts-expect-error no such length
ShardKey.time({ every: 'fortnight' })

declare const router: Router
new DataSource({
  type: 'postgres',
  driver: typeormDriver(router),
  entities: [described],
}) satisfies DataSource
// @ts-expect-error the router is given, not its pool
typeormDriver(router.pool)
