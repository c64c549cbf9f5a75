import type { BenchCluster } from '../bench-cluster.ts'

/** The same four jobs, written with one ORM over one way to the servers. */
export interface Jobs {
  readonly name: string
  /** One order by tenant and id. */
  point(): Promise<unknown>
  /** 50 orders of a tenant. */
  list(): Promise<unknown>
  /** One note, with the id that the database gave it. */
  insert(): Promise<unknown>
  /** One order with its customer, the ORM's own way. */
  relation(): Promise<unknown>
  close(): Promise<unknown>
}

/** Walks over the tenants of the first shard and their 50 orders, the same walk for every variant. */
export class Walk {
  readonly #tenants: readonly number[]
  #turn = 0

  constructor({ tenants }: BenchCluster) {
    this.#tenants = tenants
  }

  /** A tenant and the id of one of its orders. */
  next(): { readonly tenantId: number; readonly id: number } {
    this.#turn += 1
    const tenantId = this.#tenants[this.#turn % this.#tenants.length] ?? 0
    return { tenantId, id: 1 + (this.#turn % 50) }
  }
}

/** Connections of each pool: few enough that 64 callers have to share them. */
export const connections = 10
