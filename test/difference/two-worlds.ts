import { createRouter, defineCluster, entity, reference, tenant, time, type Router } from '@shardline/core'
import { startCluster, type Cluster } from '@shardline/local-cluster'
import pg from 'pg'
import { ddl, dropAll, invoiceRefs, seedRows, tables, tenantIds } from './schema.ts'

/** The same data twice: on one PostgreSQL, and on two shards with a replica each behind a router. */
export interface TwoWorlds {
  readonly single: pg.Pool
  readonly router: Router
  /** Empties both and loads the same rows again. */
  reset(): Promise<void>
  /** Every row of a table, read past the router from each primary; throws when a row lies on the wrong shard. */
  rowsOfShards(table: string): Promise<readonly string[]>
  rowsOfSingle(table: string): Promise<readonly string[]>
  stop(): Promise<void>
}

export async function startTwoWorlds(seed: number): Promise<TwoWorlds> {
  const [one, two]: [Cluster, Cluster] = await Promise.all([
    startCluster({ shards: 1 }),
    startCluster({ shards: 2, replicas: 1 }),
  ])
  const single = new pg.Pool({ connectionString: one.shards[0]?.primary.url, max: 2 })
  const primaries = two.shards.map((shard) => new pg.Pool({ connectionString: shard.primary.url, max: 1 }))
  await Promise.all([single, ...primaries].map((pool) => pool.query(ddl)))
  const shards = Object.fromEntries(
    two.shards.map((shard, index) => [
      `s${index}`,
      { primary: shard.primary.url, replicas: shard.replicas.map((replica) => replica.url) },
    ]),
  )
  await Promise.all(two.shards.flatMap((shard) => shard.replicas.map((replica) => replica.waitForReplay())))
  const router = await createRouter(
    defineCluster({
      shards,
      tables: {
        tenants: tenant('id'),
        orders: tenant('tenant_id'),
        customers: tenant('tenant_id'),
        invoices: tenant('tenant_id', { routable: ['ref'] }),
        invoice_lines: tenant('tenant_id'),
        features: entity('entity_id'),
        readings: time('recorded_at', { every: 'month' }),
        countries: reference(),
      },
    }),
  )

  const rowsOf = async (pool: pg.Pool, table: string): Promise<string[]> => {
    const { rows } = await pool.query({ text: `select * from ${table}`, rowMode: 'array' })
    return rows.map((row) => JSON.stringify(row))
  }

  return {
    single,
    router,
    async reset() {
      await Promise.all([single, ...primaries].map((pool) => pool.query(`${dropAll}; ${ddl}`)))
      await router.refresh()
      await router.install()
      if (invoiceRefs.length === 0) {
        for (const id of tenantIds) {
          for (const ref of await router.ids({ tenant: id }, 3)) invoiceRefs.push([String(ref), id])
        }
      }
      let state = seed
      const random = (): number => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
        return state / 0x7fff_ffff
      }
      for (const [name, rows] of seedRows(random)) {
        const width = Object.keys(tables.find((table) => table.name === name)?.columns ?? {}).length
        const tuples = rows.map(
          (_, row) => `(${Array.from({ length: width }, (__, n) => `$${row * width + n + 1}`).join(', ')})`,
        )
        const text = `insert into ${name} values ${tuples.join(', ')}`
        await Promise.all([single.query(text, rows.flat()), router.pool.query(text, rows.flat())])
      }
    },
    async rowsOfShards(table) {
      const perShard = await Promise.all(primaries.map((pool) => rowsOf(pool, table)))
      const shape = tables.find((each) => each.name === table)
      if (shape?.group === 'reference') {
        const [first, ...others] = perShard.map((rows) => rows.sort().join('\n'))
        if (others.some((other) => other !== first)) throw new Error(`the shards' copies of ${table} differ`)
        return perShard[0] ?? []
      }
      return perShard.flat().sort()
    },
    async rowsOfSingle(table) {
      return (await rowsOf(single, table)).sort()
    },
    async stop() {
      await Promise.all([router.end(), single.end(), ...primaries.map((pool) => pool.end())])
      await Promise.all([one.stop(), two.stop()])
    },
  }
}
