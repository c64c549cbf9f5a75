/** A program of its own: to the first answer of a server, with `pg` alone or with Shardline as it is published. */
import type * as Core from '@shardline/core'

const [way = '', url = '', core = ''] = process.argv.slice(2)
const text = 'select "id", "total" from "orders" where "tenant_id" = $1 and "id" = $2'

async function withPg(): Promise<void> {
  const { default: pg } = await import('pg')
  await new pg.Pool({ connectionString: url }).query(text, [1, 1])
}

async function withShardline(): Promise<void> {
  const { createRouter, defineCluster, tenant } = (await import(core)) as typeof Core
  const tables = { tenants: tenant('id'), orders: tenant('tenant_id'), customers: tenant('tenant_id') }
  const router = await createRouter(defineCluster({ shards: { s0: { primary: url } }, tables }))
  await router.pool.query(text, [1, 1])
}

const start = performance.now()
await (way === 'pg' ? withPg() : withShardline())
const wholeMs = performance.now()
const ownMs = wholeMs - start
globalThis.gc?.()
const { heapUsed, rss } = process.memoryUsage()
process.stdout.write(
  JSON.stringify({ wholeMs, ownMs, heapMiB: heapUsed / 2 ** 20, rssMiB: rss / 2 ** 20 }),
  () => process.exit(0),
)
