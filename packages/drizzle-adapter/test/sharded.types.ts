// Checked by tsc against both versions of Drizzle; see types.test.ts. Nothing here runs.
import { bigint, boolean, integer, json, pgSchema, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { is } from 'drizzle-orm'
import * as core from '@shardline/core'
import type { RoutedPool, Router } from '@shardline/core'
import { expectTypeOf } from 'vitest'
import { drizzle, entity, reference, sharded, tenant, time, unsharded } from '../src/index.ts'

declare const router: Router

const plain = pgTable('orders', {
  id: bigint('id', { mode: 'bigint' }).primaryKey(),
  publicId: uuid().notNull(),
  number: bigint('number', { mode: 'number' }).notNull(),
  tenantId: integer('tenant_id').notNull(),
  parentId: bigint('parent_id', { mode: 'bigint' }),
  externalId: text('external_id'),
  state: text('state', { enum: ['open', 'closed'] }).notNull(),
  isPaid: boolean('is_paid').notNull(),
  tags: text('tags').array().notNull(),
  details: json('details').$type<{ note: string }>().notNull(),
  placedAt: timestamp('placed_at').notNull(),
  placedOn: timestamp('placed_on', { mode: 'string' }).notNull(),
  cancelledAt: timestamp('cancelled_at'),
})
const others = pgTable('others', { tenantId: integer('tenant_id').notNull(), at: timestamp('at').notNull() })
const notes = pgSchema('app').table('notes', { tenantId: integer('tenant_id').notNull() })

// The table keeps its exact type.
const orders = sharded(plain, (t) => tenant(t.tenantId))
expectTypeOf(orders).toEqualTypeOf(plain)
expectTypeOf(orders.$inferSelect.state).toEqualTypeOf<'open' | 'closed'>()

// What is right compiles.
sharded(plain, (t) => tenant(t.tenantId, { routable: [t.id, t.publicId], guard: 'required', group: 'g' }))
sharded(plain, (t) => tenant(t.tenantId, { routable: t.id }))
sharded(plain, (t) => tenant(t.state))
sharded(plain, (t) => entity(t.publicId, { routable: t.id }))
sharded(plain, (t) => time(t.placedAt, { every: 'day' }))
sharded(plain, (t) => time(t.placedOn, { every: 'day' }))
sharded(plain, () => reference())
sharded(plain, () => unsharded())
sharded(notes, (t) => tenant(t.tenantId))
sharded(plain, () => tenant('tenantId', { routable: 'id' }))

// What is wrong does not.
// @ts-expect-error nullable
sharded(plain, (t) => tenant(t.externalId))
// @ts-expect-error no such column
sharded(plain, (t) => tenant(t.tenant))
// @ts-expect-error a column of another table
sharded(plain, () => tenant(others.tenantId))
// @ts-expect-error no scalar
sharded(plain, (t) => tenant(t.details))
// @ts-expect-error no scalar
sharded(plain, (t) => entity(t.tags))
// @ts-expect-error two values are no key
sharded(plain, (t) => tenant(t.isPaid))
// @ts-expect-error nullable time
sharded(plain, (t) => time(t.cancelledAt, { every: 'day' }))
// @ts-expect-error a number is no time
sharded(plain, (t) => time(t.tenantId, { every: 'day' }))
// @ts-expect-error a time of another table
sharded(plain, () => time(others.at, { every: 'day' }))
// @ts-expect-error a nullable id
sharded(plain, (t) => tenant(t.tenantId, { routable: t.parentId }))
// @ts-expect-error read as a JavaScript number, an id of 63 bits is not what it was
sharded(plain, (t) => tenant(t.tenantId, { routable: [t.number] }))
// @ts-expect-error no routable ids by time
sharded(plain, (t) => time(t.placedAt, { every: 'day', routable: [t.id] }))
// @ts-expect-error a name in PostgreSQL is no key of the table
sharded(plain, () => tenant('tenant_id'))
// @ts-expect-error nullable, by its key
sharded(plain, () => tenant('externalId'))
// @ts-expect-error no description
sharded(plain, (t) => t.tenantId)
// @ts-expect-error no table
sharded({ tenantId: 1 }, () => reference())

const db = drizzle(router)
expectTypeOf(db.$client).toExtend<RoutedPool>()
expectTypeOf(db.$primary.$client).toExtend<RoutedPool>()
expectTypeOf(await db.$replica.select().from(plain)).toEqualTypeOf<(typeof plain.$inferSelect)[]>()
db.$replicas[0].select()
// @ts-expect-error there is one: which replica answers is the router's choice
db.$replicas[1].select()
// @ts-expect-error as in Drizzle
await db.insert(orders).values({ tenantId: 'seven' })
// @ts-expect-error the router is the client
drizzle(router, { connection: 'postgres://db.internal/app' })
// @ts-expect-error no such option
drizzle(router, { pool: {} })

const schema = { plain, others, notes, is }

drizzle(router, { schema, tables: { plain: tenant('tenantId'), notes: tenant(notes.tenantId) } })
drizzle(router, { schema, tables: { plain: core.tenant('tenantId'), others: core.reference() } })
drizzle(router, { schema, tables: { plain: entity('publicId', { routable: ['id'] }) } })
drizzle(router, { schema, tables: { others: time('at', { every: 'month' }) } })
// @ts-expect-error no such table in the schema: the keys are those of the schema, not PostgreSQL's names
drizzle(router, { schema, tables: { orders: tenant('tenantId') } })
// @ts-expect-error no table
drizzle(router, { schema, tables: { is: tenant('tenantId') } })
// @ts-expect-error no such column
drizzle(router, { schema, tables: { plain: tenant('tenant_id') } })
// @ts-expect-error a column of another table
drizzle(router, { schema, tables: { plain: tenant(others.tenantId) } })
// @ts-expect-error nullable
drizzle(router, { schema, tables: { plain: tenant('externalId') } })
// @ts-expect-error no scalar
drizzle(router, { schema, tables: { plain: tenant('details') } })
// @ts-expect-error a number is no time
drizzle(router, { schema, tables: { others: time('tenantId', { every: 'day' }) } })
// @ts-expect-error no bigint or uuid
drizzle(router, { schema, tables: { plain: tenant('tenantId', { routable: 'number' }) } })
// @ts-expect-error without a schema nothing could be checked
drizzle(router, { tables: { plain: tenant('tenantId') } })
