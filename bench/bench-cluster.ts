import {
  createRouter,
  defineCluster,
  entity,
  reference,
  tenant,
  type ClusterSettings,
  type Router,
} from '@shardline/core'
import { startCluster, type Cluster } from '@shardline/local-cluster'
import pg from 'pg'

type Shards = Readonly<Record<string, { readonly primary: string; readonly replicas?: readonly string[] }>>

/** Shards, without replicas unless asked for, and the tables that the loads use; `perShard` rows of `orders` on each. */
export interface BenchCluster {
  readonly cluster: Cluster
  readonly urls: readonly string[]
  /** The first replica of the first shard, when there are replicas. */
  readonly replicaUrl: string | undefined
  /** Tenants whose rows lie on the first shard: a plain pool to it and a router then do the same work. */
  readonly tenants: readonly number[]
  /** To all nodes, or to these. */
  router(overrides?: ClusterSettings, shards?: Shards): Promise<Router>
  /** The first shard's primary alone. */
  readonly oneServer: Shards
  stop(): Promise<void>
}

const ordersPerTenant = 50

export async function startBenchCluster(
  shards: number,
  tenantCount = 400,
  { latencyMs = 0, replicas = 0 }: { readonly latencyMs?: number; readonly replicas?: number } = {},
): Promise<BenchCluster> {
  // Each variant has its connections open while the others run.
  const conf = { max_connections: 200 }
  const cluster = await startCluster({ shards, replicas, conf, proxied: latencyMs > 0 })
  const urls = cluster.shards.map((shard) => shard.primary.url)
  for (const url of urls) {
    const client = new pg.Client(url)
    await client.connect()
    await client.query(`
      create table tenants (id int primary key, name text not null);
      create table customers (id bigint primary key, tenant_id int not null references tenants (id), name text);
      create table orders (tenant_id int not null, id bigint not null, customer_id bigint not null references customers (id), total numeric(12,2) not null,
        status text not null, paid bool, placed_at timestamptz not null default now(), note text, primary key (tenant_id, id));
      create index on orders (total desc, tenant_id, id);
      create table notes (id uuid primary key default gen_random_uuid(), tenant_id int not null, body text not null);
      create table features (entity_id text not null, name text not null, value float8, primary key (entity_id, name));
      create table countries (code text primary key, name text not null)`)
    await client.end()
  }
  const router = async (overrides: ClusterSettings = {}, only?: Shards): Promise<Router> =>
    createRouter(
      defineCluster({
        shards: only ?? cluster.urls,
        tables: {
          tenants: tenant('id'),
          orders: tenant('tenant_id'),
          customers: tenant('tenant_id'),
          notes: tenant('tenant_id'),
          features: entity('entity_id'),
          countries: reference(),
        },
        ...overrides,
      }),
    )
  const loader = await router()
  const tenants: number[] = []
  for (let id = 1; id <= tenantCount; id += 1) {
    await loader.pool.query('insert into tenants (id, name) values ($1, $2)', [id, `tenant ${id}`])
    await loader.pool.query('insert into customers (id, tenant_id, name) values ($1, $2, $3)', [
      id,
      id,
      `customer ${id}`,
    ])
    const rows = Array.from({ length: ordersPerTenant }, (_, n) => n + 1)
    const tuples = rows.map((_, n) => `($1, $2, $${n * 2 + 3}, $${n * 2 + 4}, 'open', true)`).join(', ')
    await loader.pool.query(
      `insert into orders (tenant_id, customer_id, id, total, status, paid) values ${tuples}`,
      [id, id, ...rows.flatMap((n) => [n, ((id * 7919 + n * 104_729) % 100_000) / 100])],
    )
    const { route } = loader.explain('select 1 from orders where tenant_id = $1', [id])
    if (route.kind === 'single' && route.shard === 's0') tenants.push(id)
  }
  await loader.end()
  await cluster.waitForReplay()
  for (const url of urls) {
    const client = new pg.Client(url)
    await client.connect()
    await client.query('vacuum analyze')
    await client.end()
  }
  // Only what is measured pays for the way: loading is done.
  await Promise.all(cluster.shards.map(async (shard) => shard.primary.proxy?.set({ latencyMs })))
  return {
    cluster,
    urls,
    replicaUrl: cluster.shards[0]?.replicas[0]?.url,
    tenants,
    router,
    oneServer: { s0: { primary: urls[0] ?? '' } },
    stop: () => cluster.stop(),
  }
}
