import { readFileSync } from 'node:fs'
import { createRouter, defineCluster, reference, tenant, type PgModule, type Router } from '@shardline/core'
import { startCluster, type Cluster } from '@shardline/local-cluster'

export interface Servers {
  readonly cluster: Cluster
  readonly router: Router
  stop(): Promise<void>
}

/** Two shards with a replica each, the tables on both, ids that carry their bucket, and the reference data. */
export async function startServers({ pg }: { readonly pg?: PgModule } = {}): Promise<Servers> {
  const cluster = await startCluster({ shards: 2, replicas: 1 })
  await cluster.sql(readFileSync(new URL('schema.sql', import.meta.url), 'utf8'))
  const router = await createRouter(
    defineCluster({
      shards: cluster.urls,
      tables: {
        tenants: tenant('id'),
        customers: tenant('tenant_id', { routable: ['id'] }),
        orders: tenant('tenant_id', { routable: ['id'] }),
        order_lines: tenant('tenant_id', { routable: ['id'] }),
        products: reference(),
      },
    }),
    { pg },
  )
  await router.install()
  await router.pool.query("insert into products values ('tea', 4.50), ('mug', 12), ('pot', 39.90)")
  await router.pool.query(
    "insert into tenants values (1, 'Ada'), (2, 'Bo'), (3, 'Cleo'), (4, 'Dai'), (5, 'Eve'), (6, 'Fay')",
  )
  return {
    cluster,
    router,
    async stop() {
      await router.end()
      await cluster.stop()
    },
  }
}
