import type { BenchCluster } from './bench-cluster.ts'
import type { Queries } from './peers/peer.ts'

const columns = '"tenant_id", "id", "customer_id", "total", "status", "paid", "placed_at", "note"'
const onePoint = `select ${columns} from "orders" where "tenant_id" = $1 and "id" = $2`
const oneList = `select ${columns} from "orders" where "tenant_id" = $1 order by "id" limit 50`
const oneCustomer = 'select "id", "name" from "customers" where "tenant_id" = $1 and "id" = $2'
const oneInsert = 'insert into "notes" ("tenant_id", "body") values ($1, $2) returning "id"'

/** Units of work over a pool, whatever stands behind it. The tenants are those of one shard, walked in turn. */
export type Load = (pool: Queries) => Promise<unknown>

export interface Loads {
  readonly point: Load
  readonly list: Load
  readonly insert: Load
  /** An order, then its customer. */
  readonly relation: Load
  /** Nine point reads to one insert. */
  readonly mostlyReads: Load
}

export function createLoads({ tenants }: BenchCluster): Loads {
  let turn = 0
  const next = (): [tenant: number, id: number] => {
    turn += 1
    return [tenants[turn % tenants.length] ?? 0, 1 + (turn % 50)]
  }
  const point: Load = (pool) => pool.query(onePoint, next())
  const insert: Load = (pool) => pool.query(oneInsert, [next()[0], 'a note'])
  return {
    point,
    list: (pool) => pool.query(oneList, next().slice(0, 1)),
    insert,
    relation: async (pool) => {
      const [tenant, id] = next()
      const { rows } = await pool.query<{ customer_id: string }>(onePoint, [tenant, id])
      return pool.query(oneCustomer, [tenant, rows[0]?.customer_id])
    },
    mostlyReads: (pool) => (turn % 10 === 0 ? insert(pool) : point(pool)),
  }
}
