/** Prints integer ids and uuids of one tenant, as one of several processes: `make-ids.ts <shards as JSON> <count>`. */
import pg from 'pg'
import { defineCluster } from '../../src/config/define-cluster.ts'
import { tenant } from '../../src/config/table-description.ts'
import { createRouter } from '../../src/router.ts'

const [shards = '{}', count = '0'] = process.argv.slice(2)
const router = await createRouter(
  defineCluster({
    shards: JSON.parse(shards),
    tables: { orders: tenant('tenant_id', { routable: ['id'] }) },
  }),
  { pg },
)
const ids: string[] = []
while (ids.length < Number(count)) {
  const several = await Promise.all([
    router.ids({ tenant: 8 }, 900),
    router.id({ tenant: 8 }),
    router.ids({ tenant: 8 }, 99),
  ])
  ids.push(...several.flat().map(String))
}
const uuids = Array.from({ length: Number(count) }, () => router.uuid({ tenant: 8 }))
await router.end()
process.stdout.write(JSON.stringify({ ids, uuids }))
