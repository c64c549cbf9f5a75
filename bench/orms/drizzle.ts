import type { Router } from '@shardline/core'
import { drizzle as drizzleRouted } from '@shardline/drizzle-adapter'
import { and, eq, relations } from 'drizzle-orm'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import {
  bigint,
  boolean,
  integer,
  numeric,
  pgTable,
  text,
  timestamp,
  uuid,
  withReplicas,
} from 'drizzle-orm/pg-core'
import pg from 'pg'
import { connections, type Jobs, type Walk } from './jobs.ts'

const customers = pgTable('customers', {
  id: bigint({ mode: 'number' }).primaryKey(),
  tenantId: integer('tenant_id').notNull(),
  name: text(),
})
const orders = pgTable('orders', {
  id: bigint({ mode: 'number' }).primaryKey(),
  tenantId: integer('tenant_id').notNull(),
  customerId: bigint('customer_id', { mode: 'number' }).notNull(),
  total: numeric().notNull(),
  status: text().notNull(),
  paid: boolean(),
  placedAt: timestamp('placed_at', { withTimezone: true }).notNull(),
  note: text(),
})
const notes = pgTable('notes', {
  id: uuid().primaryKey().defaultRandom(),
  tenantId: integer('tenant_id').notNull(),
  body: text().notNull(),
})
const orderRelations = relations(orders, ({ one }) => ({
  customer: one(customers, { fields: [orders.customerId], references: [customers.id] }),
}))
const schema = { customers, orders, notes, orderRelations }

type Database = Pick<NodePgDatabase<typeof schema>, 'select' | 'insert' | 'query'>

export function drizzleAlone(url: string, walk: Walk): Jobs {
  const pool = new pg.Pool({ connectionString: url, max: connections })
  return jobs('Drizzle', drizzle(pool, { schema }), walk, () => pool.end())
}

export function drizzleSplit(primary: string, replica: string, walk: Walk): Jobs {
  const pools = [primary, replica].map((url) => new pg.Pool({ connectionString: url, max: connections }))
  const [first, second] = pools.map((pool) => drizzle(pool, { schema }))
  if (first === undefined || second === undefined) throw new Error('two pools make two databases')
  return jobs('Drizzle, withReplicas', withReplicas(first, [second]), walk, () =>
    Promise.all(pools.map((pool) => pool.end())),
  )
}

export function drizzleOverShardline(router: Router, walk: Walk): Jobs {
  return jobs('Drizzle, Shardline', drizzleRouted(router, { schema }), walk, async () => undefined)
}

function jobs(name: string, db: Database, walk: Walk, close: () => Promise<unknown>): Jobs {
  return {
    name,
    point: async () => {
      const { tenantId, id } = walk.next()
      return db
        .select()
        .from(orders)
        .where(and(eq(orders.tenantId, tenantId), eq(orders.id, id)))
    },
    list: async () => {
      const { tenantId } = walk.next()
      return db.select().from(orders).where(eq(orders.tenantId, tenantId)).orderBy(orders.id).limit(50)
    },
    insert: async () => {
      const { tenantId } = walk.next()
      return db.insert(notes).values({ tenantId, body: 'a note' }).returning()
    },
    relation: async () => {
      const { tenantId, id } = walk.next()
      return db.query.orders.findFirst({
        where: and(eq(orders.tenantId, tenantId), eq(orders.id, id)),
        with: { customer: true },
      })
    },
    close,
  }
}
