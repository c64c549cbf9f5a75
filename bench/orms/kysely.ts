import type { Router } from '@shardline/core'
import { shardlinePlugin } from '@shardline/kysely-plugin'
import { Kysely, PostgresDialect, type Generated } from 'kysely'
import { jsonObjectFrom } from 'kysely/helpers/postgres'
import { KyselyReplicationDialect } from 'kysely-replication'
import { RoundRobinReplicaStrategy } from 'kysely-replication/strategy/round-robin'
import pg from 'pg'
import { connections, type Jobs, type Walk } from './jobs.ts'

interface Database {
  orders: {
    id: number
    tenant_id: number
    customer_id: number
    total: string
    status: string
    paid: boolean
    placed_at: Date
    note: string | null
  }
  customers: { id: number; tenant_id: number; name: string }
  notes: { id: Generated<string>; tenant_id: number; body: string }
}

const dialectOf = (url: string): PostgresDialect =>
  new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: connections }) })

export function kyselyAlone(url: string, walk: Walk): Jobs {
  return jobs('Kysely', new Kysely<Database>({ dialect: dialectOf(url) }), walk)
}

export function kyselySplit(primary: string, replica: string, walk: Walk): Jobs {
  const dialect = new KyselyReplicationDialect({
    primaryDialect: dialectOf(primary),
    replicaDialects: [dialectOf(replica)],
    replicaStrategy: new RoundRobinReplicaStrategy({ onTransaction: 'allow' }),
  })
  return jobs('Kysely, kysely-replication', new Kysely<Database>({ dialect }), walk)
}

export function kyselyRouted(router: Router, walk: Walk): Jobs {
  const plugin = shardlinePlugin<Database>(router)
  const db = new Kysely<Database>({ dialect: plugin.dialect(), plugins: [plugin] })
  return jobs('Kysely, Shardline', db, walk)
}

function jobs(name: string, db: Kysely<Database>, walk: Walk): Jobs {
  return {
    name,
    point: () => {
      const { tenantId, id } = walk.next()
      const order = db.selectFrom('orders').selectAll().where('tenant_id', '=', tenantId).where('id', '=', id)
      return order.executeTakeFirstOrThrow()
    },
    list: () => {
      const { tenantId } = walk.next()
      return db
        .selectFrom('orders')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .orderBy('id')
        .limit(50)
        .execute()
    },
    insert: () => {
      const { tenantId } = walk.next()
      return db
        .insertInto('notes')
        .values({ tenant_id: tenantId, body: 'a note' })
        .returningAll()
        .executeTakeFirstOrThrow()
    },
    relation: () => {
      const { tenantId, id } = walk.next()
      return db
        .selectFrom('orders')
        .selectAll()
        .select((order) =>
          jsonObjectFrom(
            order.selectFrom('customers').selectAll().whereRef('customers.id', '=', 'orders.customer_id'),
          ).as('customer'),
        )
        .where('orders.tenant_id', '=', tenantId)
        .where('orders.id', '=', id)
        .executeTakeFirstOrThrow()
    },
    close: () => db.destroy(),
  }
}
