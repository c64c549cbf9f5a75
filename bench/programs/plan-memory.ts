/** Prints, as JSON, the heap in MiB that 10,000 cached plans of ORM statements take, three times. */
import { createRouter, defineCluster, entity, reference, tenant } from '@shardline/core'
import { ormStatements } from '../orm-statements.ts'

const plans = 10_000
const results: number[] = []
for (let run = 0; run < 3; run += 1) {
  const router = await createRouter(
    defineCluster({
      shards: Object.fromEntries(process.argv.slice(2).map((url, index) => [`s${index}`, { primary: url }])),
      tables: {
        tenants: tenant('id'),
        orders: tenant('tenant_id'),
        customers: tenant('tenant_id'),
        features: entity('entity_id'),
        countries: reference(),
      },
      planCache: { max: 2 * plans },
    }),
  )
  const values = [1, 2, 3, 4, 5, 6]
  const explainAll = (from: number, count: number): void => {
    for (let n = from; n < from + count; n += 1) {
      router.explain((ormStatements[n % ormStatements.length] as (n: number) => string)(n), values)
    }
  }
  explainAll(0, 500)
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  explainAll(1000, plans)
  globalThis.gc?.()
  results.push((process.memoryUsage().heapUsed - before) / 2 ** 20)
  await router.end()
}
console.log(JSON.stringify(results))
