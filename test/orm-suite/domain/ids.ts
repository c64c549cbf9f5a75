import type { Router } from '@shardline/core'

/** Ids that say where their rows are, made by the router. */
export interface Ids {
  next(tenantId: number): Promise<bigint>
  several(tenantId: number, count: number): Promise<readonly bigint[]>
  uuid(tenantId: number): string
}

/** Puts the triggers and checks on the shards, so that ids may also be left out. */
export async function createIds(router: Router): Promise<Ids> {
  await router.install()
  return {
    next: (tenantId) => router.id({ tenant: tenantId }),
    several: (tenantId, count) => router.ids({ tenant: tenantId }, count),
    uuid: (tenantId) => router.uuid({ tenant: tenantId }),
  }
}
