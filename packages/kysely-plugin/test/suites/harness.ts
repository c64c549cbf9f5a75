import { setTimeout as sleep } from 'node:timers/promises'
import { createRouter, defineCluster, entity, reference, tenant, time, type Router } from '@shardline/core'
import { startCluster, type Cluster, type PgNode } from '@shardline/local-cluster'
import * as kysely from 'kysely'
import { sql, type ColumnType, type Generated, type Kysely } from 'kysely'
import { afterAll, beforeAll } from 'vitest'

export interface DB {
  tenants: { id: number; name: string }
  orders: {
    tenant_id: number
    id: number
    total: ColumnType<string, number | string>
    note: string | null
    details: ColumnType<{ readonly colour?: string } | null, string | null | undefined>
    placed_at: Generated<Date>
  }
  items: { tenant_id: number; order_id: number; sku: string; amount: number }
  features: { entity_id: string; value: number }
  readings: { recorded_at: Date; sensor: number; value: number }
  countries: { code: string; name: string }
  settings: { key: string; value: string }
  'app.notes': { tenant_id: number; id: number; body: string }
  'pg_catalog.pg_stat_activity': { pid: number; state: string; query: string }
}

const schema = `
  create schema app;
  create table tenants (id int primary key, name text not null);
  create table orders (
    tenant_id int not null references tenants (id),
    id int not null,
    total numeric(12,2) not null check (total >= 0),
    note text,
    details jsonb,
    placed_at timestamptz not null default '2026-01-01',
    primary key (tenant_id, id)
  );
  create table items (
    tenant_id int not null, order_id int not null, sku text not null, amount int not null,
    primary key (tenant_id, order_id, sku),
    foreign key (tenant_id, order_id) references orders (tenant_id, id) on delete cascade
  );
  create table features (entity_id text primary key, value float8 not null);
  create table readings (recorded_at timestamptz not null, sensor int not null, value float8 not null);
  create table countries (code text primary key, name text not null);
  create table settings (key text primary key, value text not null);
  create table app.notes (tenant_id int not null, id int not null, body text not null, primary key (tenant_id, id));
`

export const tables = {
  tenants: tenant('id'),
  orders: tenant('tenant_id'),
  items: tenant('tenant_id'),
  features: entity('entity_id'),
  readings: time('recorded_at', { every: 'month' }),
  countries: reference(),
  'app.notes': tenant('tenant_id'),
} as const

/** Versions that cancel on the server, and that say when COMMIT rolled back. */
export const isAtLeast029 = 'AbortedTransactionError' in kysely

/** Which server answered, in its own words. (`inet_server_port()` would ask the primary: it says what it likes of a server.) */
export const port = sql<number>`current_setting('port')::int`

/** The servers and routers of one test file. */
export interface Harness {
  readonly cluster: Cluster
  readonly router: Router
  /** Tenants 1 to 20 by the shard that holds them: `[0]` on the first shard, `[1]` on the second. */
  readonly tenantsOf: readonly (readonly number[])[]
  /** A router of its own for one test; ended with the harness. */
  createRouter(options?: Readonly<Record<string, unknown>>): Promise<Router>
  primary(shard: number): PgNode
  replica(shard: number): PgNode
  /** Removes every row that tests write. */
  reset(): Promise<void>
}

// Idling closes no session: one that ends was ended.
const sessions = { pool: { idleTimeoutMs: 0 } }

/** Registers the start and the end of a 2 × (1 + 1) cluster around the suites of one file. */
export function useHarness(): Harness {
  let cluster: Cluster
  const routers: Router[] = []
  const tenantsOf: number[][] = [[], []]

  const newRouter = async (options: Readonly<Record<string, unknown>> = {}) => {
    const router = await createRouter(
      defineCluster({ shards: cluster.urls, tables, consistency: 'eventual', ...sessions, ...options }),
    )
    routers.push(router)
    return router
  }

  beforeAll(async () => {
    cluster = await startCluster({ shards: 2, replicas: 1 })
    await cluster.sql(schema)
    await cluster.waitForReplay()
    const router = await newRouter()
    for (let id = 1; id <= 20; id++) {
      await router.pool.query('insert into tenants (id, name) values ($1, $2)', [id, `tenant ${id}`])
    }
    for (const [shard, tenants] of tenantsOf.entries()) {
      const rows = await at(shard).sql<{ id: number }>('select id from tenants order by id')
      tenants.push(...rows.map((row) => row.id))
    }
  })

  afterAll(async () => {
    await Promise.all(routers.filter(({ pool }) => !pool.ending).map((router) => router.end()))
    await cluster?.stop()
  })

  const at = (shard: number): PgNode => {
    const found = cluster.shards[shard]
    if (found === undefined) throw new Error(`no shard ${shard}`)
    return found.primary
  }

  return {
    get cluster() {
      return cluster
    },
    get router() {
      const [first] = routers
      if (first === undefined) throw new Error('the harness has not started')
      return first
    },
    tenantsOf,
    createRouter: newRouter,
    primary: at,
    replica(shard) {
      const [replica] = cluster.shards[shard]?.replicas ?? []
      if (replica === undefined) throw new Error(`no replica of shard ${shard}`)
      return replica
    },
    async reset() {
      await cluster.sql('truncate orders, items, features, readings, countries, settings, app.notes')
      await cluster.waitForReplay()
    },
  }
}

/** One tenant of each shard. */
export function tenants(harness: Harness): { readonly a: number; readonly b: number } {
  const [[a] = [], [b] = []] = harness.tenantsOf
  if (a === undefined || b === undefined) throw new Error('one shard has no tenant')
  return { a, b }
}

/** Waits for a condition that a server shows. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 15_000; !(await holds()); await sleep(5)) {
    if (Date.now() > deadline) throw new Error(`waited 15 s for ${what}`)
  }
}

/** Backends of a node that sleep in a query. */
export async function sleeping(node: PgNode): Promise<{ pid: number }[]> {
  return await node.sql<{ pid: number }>(
    `select pid from pg_stat_activity where state = 'active' and query like '%pg_sleep%' and pid <> pg_backend_pid()`,
  )
}

/** An order with nothing special about it. */
export function order(tenantId: number, id: number, total: number | string = 1) {
  return { tenant_id: tenantId, id, total }
}

/** Stops the compiler from knowing that a query is wrong, which is what the test is about. */
export type Loose = Kysely<Record<string, Record<string, unknown>>>
