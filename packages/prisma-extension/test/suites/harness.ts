import { createRouter, defineCluster, entity, reference, tenant, time, type Router } from '@shardline/core'
import { startCluster, type Cluster, type PgNode } from '@shardline/local-cluster'
import pg from 'pg'
import { afterAll, beforeAll } from 'vitest'
import type { Prisma, PrismaClient } from '../../generated/extension/client.ts'
import { prismaAdapter, shardline } from '../../src/index.ts'
import type { PrismaAdapterOptions } from '../../src/index.ts'

export type { Prisma, PrismaClient }

/** What one version brings; both have the same shape, and the newer one's types stand for both. */
export interface GeneratedClient {
  readonly PrismaClient: typeof PrismaClient
  readonly Prisma: typeof Prisma
}

export const schema = `
  create type order_status as enum ('open', 'paid', 'called_off');
  create table tenants (id int primary key, name text not null);
  create table customers (
    id bigint primary key, tenant_id int not null references tenants (id), email text not null, "displayName" text not null,
    unique (tenant_id, email)
  );
  create table orders (
    id bigint not null, tenant_id int not null references tenants (id), customer_id bigint references customers (id),
    status order_status not null default 'open', total numeric(12,2) not null default 0 check (total >= 0),
    note text, placed_at timestamptz(6) not null default '2026-01-01', meta jsonb,
    primary key (tenant_id, id)
  );
  create table order_lines (
    tenant_id int not null, order_id bigint not null, sku text not null, quantity int not null default 1,
    primary key (tenant_id, order_id, sku),
    foreign key (tenant_id, order_id) references orders (tenant_id, id) on delete cascade
  );
  create table samples (
    tenant_id int not null, id uuid not null, text text not null default '', big bigint not null default 0,
    real float8 not null default 0, exact numeric(30,10) not null default 0, bytes bytea, json jsonb, at timestamptz(3),
    local timestamp(3), day date, time time(3), flag bool not null default false, status order_status not null default 'open',
    texts text[], numbers int[], bigs bigint[], exacts numeric(12,2)[], times timestamptz(3)[], statuses order_status[],
    blobs bytea[], jsons jsonb[], primary key (tenant_id, id)
  );
  create table features (entity_id text primary key, value float8 not null, version int not null default 1);
  create table readings (
    recorded_at timestamptz(6) not null, sensor int not null, value float8 not null, primary key (recorded_at, sensor)
  );
  create table countries (code text primary key, name text not null);
  create table settings (key text primary key, value text not null);
`

const tables = 'order_lines, orders, customers, samples, features, readings, countries, settings, tenants'

/** For reading which server ran what: see `landings.ts`. */
const conf = { log_statement: 'all', log_line_prefix: '<<%a>> ' } as const

export const models = {
  Tenant: tenant('id'),
  Customer: tenant('tenantId'),
  Order: tenant('tenantId'),
  Line: tenant('tenantId'),
  Sample: tenant('tenantId'),
  Feature: entity('entityId'),
  Reading: time('recordedAt', { every: 'month' }),
  Country: reference(),
} as const

/** The servers of one test file. */
export interface Harness {
  readonly generated: GeneratedClient
  readonly cluster: Cluster
  /** A router over all of it, or as the options say; ended with the harness. */
  createRouter(options?: Readonly<Record<string, unknown>>): Promise<Router>
  /** A client of a router, without the extension. */
  baseClient(router: Router, options?: BaseOptions): PrismaClient
  /** The shard that has the tenant. */
  shardOf(tenantId: number): Cluster['shards'][number]
  /** Tenants 1 to 8 and nothing else, everywhere. */
  reset(): Promise<void>
  /** Databases beside the first shard's own, with the schema and all tenants. */
  createDatabases(names: readonly string[]): Promise<void>
}

export interface BaseOptions {
  readonly adapter?: PrismaAdapterOptions | undefined
  readonly client?: Readonly<Record<string, unknown>> | undefined
}

/** The client as users have it. */
export function extended(router: Router, base: PrismaClient) {
  return base.$extends(shardline<Prisma.TypeMap>(router, { models }))
}

export type Extended = ReturnType<typeof extended>

/** Registers the start and the end of a 2 × (1 + 1) cluster around the suites of one file. */
export function useHarness(generated: GeneratedClient): Harness {
  let cluster: Cluster
  const routers: Router[] = []
  const clients: PrismaClient[] = []
  const shardOfTenant = new Map<number, Cluster['shards'][number]>()

  const newRouter = async (options: Readonly<Record<string, unknown>> = {}): Promise<Router> => {
    const router = await createRouter(
      defineCluster({ shards: cluster.urls, consistency: 'eventual', ...options }),
    )
    routers.push(router)
    return router
  }

  beforeAll(async () => {
    cluster = await startCluster({ shards: 2, replicas: 1, conf })
    await cluster.sql(schema)
    await cluster.waitForReplay()
    const router = await newRouter()
    router.describeTables({ tenants: tenant('id') })
    for (let id = 1; id <= 8; id++) {
      const { shards } = router.explain('select from tenants where id = $1', [id])
      const shard = cluster.shards.find(({ name }) => name === shards[0])
      if (shard === undefined) throw new Error('a tenant is on one shard')
      shardOfTenant.set(id, shard)
    }
  })

  afterAll(async () => {
    await Promise.all(clients.map((client) => client.$disconnect()))
    await Promise.all(routers.filter(({ pool }) => !pool.ending).map((router) => router.end()))
    await cluster?.stop()
  })

  const shardOf = (tenantId: number): Cluster['shards'][number] => {
    const shard = shardOfTenant.get(tenantId)
    if (shard === undefined) throw new Error(`no tenant ${tenantId}`)
    return shard
  }

  return {
    generated,
    get cluster() {
      return cluster
    },
    createRouter: newRouter,
    baseClient(router, { adapter, client } = {}) {
      const created = new generated.PrismaClient({
        adapter: prismaAdapter(router, adapter),
        errorFormat: 'minimal',
        ...client,
      })
      clients.push(created)
      return created
    },
    shardOf,
    async reset() {
      await cluster.sql(`truncate ${tables}`)
      for (const shard of cluster.shards) {
        const ids = [...shardOfTenant].filter(([, one]) => one === shard).map(([id]) => id)
        await shard.primary.sql(`insert into tenants select id, 'tenant ' || id from unnest($1::int[]) id`, [
          ids,
        ])
      }
      await cluster.waitForReplay()
    },
    async createDatabases(names) {
      const { primary } = shardOf(
        [...shardOfTenant.keys()].find((id) => shardOf(id) === cluster.shards[0]) ?? 0,
      )
      for (const name of names) {
        await primary.sql(`create database ${name}`)
        const client = new pg.Client({ connectionString: primary.url.replace(/\/postgres$/, `/${name}`) })
        await client.connect()
        await client.query(schema)
        await client.query(`insert into tenants select id, 'tenant ' || id from generate_series(1, 8) id`)
        await client.end()
      }
    },
  }
}

/** The only replica of a shard. */
export function replicaOf(shard: Cluster['shards'][number]): PgNode {
  const [replica] = shard.replicas
  if (replica === undefined) throw new Error('the harness has one replica per shard')
  return replica
}

/** Which server answered, in its own words. */
export async function portOf(client: Pick<PrismaClient, '$queryRaw'>): Promise<number> {
  const [row] = await client.$queryRaw<{ port: number }[]>`select current_setting('port')::int as port`
  return row?.port ?? 0
}
