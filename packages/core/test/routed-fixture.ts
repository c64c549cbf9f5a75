import { startCluster, type Cluster, type PgNode } from '@shardline/local-cluster'
import pg from 'pg'
import { defineCluster } from '../src/config/define-cluster.ts'
import { reference, tenant, unsharded } from '../src/config/table-description.ts'
import { createRouter, type Router } from '../src/router.ts'

/** Two shards with a replica each, tables of every kind, and the router over them. */
export interface Routed {
  readonly cluster: Cluster
  readonly router: Router
  /** A tenant of each shard, in the order of the shards. */
  readonly tenants: readonly [number, number]
  /** Further tenants of the shard. */
  tenantsOf(shard: 0 | 1): readonly number[]
  /** The name of the node behind a server port, as the server itself says it: `s0/primary`, `s1/replica0`. */
  nodeAt(port: unknown): string
  end(): Promise<void>
}

export const schema = `
  create table orders (tenant_id bigint not null, id bigint not null, note text, amount numeric, primary key (tenant_id, id));
  create table items (tenant_id bigint not null, order_id bigint not null, sku text not null);
  create table countries (code text primary key, name text not null);
  create table settings (key text primary key, value text);
`

export const tables = {
  orders: tenant('tenant_id'),
  items: tenant('tenant_id'),
  countries: reference(),
  settings: unsharded(),
} as const

export interface RoutedOptions {
  readonly shards?: number
  readonly replicas?: number
  readonly conf?: Readonly<Record<string, string | number>>
}

export async function startRouted({
  shards = 2,
  replicas = 1,
  conf = {},
}: RoutedOptions = {}): Promise<Routed> {
  const cluster = await startCluster({ shards, replicas, conf })
  await cluster.sql(schema)
  await cluster.waitForReplay()
  const router = await createRouter(defineCluster({ shards: cluster.urls, tables }), {
    pg,
  })
  const byShard: number[][] = Array.from({ length: shards }, () => [])
  for (let id = 1; byShard.some((ids) => ids.length < 5); id++) {
    const { route } = router.explain('select 1 from orders where tenant_id = $1', [id])
    if (route.kind === 'single') byShard[Number(route.shard.slice(1))]?.push(id)
  }
  return {
    cluster,
    router,
    tenants: [byShard[0]?.[0] ?? 0, byShard[1]?.[0] ?? 0],
    tenantsOf: (shard) => byShard[shard] ?? [],
    nodeAt(port) {
      for (const shard of cluster.shards) {
        if (shard.primary.port === Number(port)) return `${shard.name}/primary`
        const index = shard.replicas.findIndex((replica: PgNode) => replica.port === Number(port))
        if (index >= 0) return `${shard.name}/replica${index}`
      }
      return `unknown port ${String(port)}`
    },
    async end() {
      await router.end().catch(() => undefined)
      await cluster.stop()
    },
  }
}

/** What the promise rejects with; fails when it does not. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise
  } catch (error) {
    return error as Error & { code?: string }
  }
  throw new Error('it did not reject')
}
