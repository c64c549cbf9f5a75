import 'reflect-metadata'
import { typeormDriver } from '@shardline/typeorm-driver'
import { DataSource, EntitySchema } from 'typeorm'
import type { Router } from '@shardline/core'

/** TypeORM without migrations: `version` 2 has a column more, without a default for rows that are there. */
export async function synchronize(router: Router, version: 1 | 2): Promise<void> {
  const orders = new EntitySchema({
    name: 'orders',
    columns: {
      tenant_id: { type: 'bigint', primary: true },
      id: { type: 'bigint', primary: true },
      state: { type: 'enum', enum: version === 1 ? ['open'] : ['open', 'paid'], default: 'open' },
      ...(version === 1 ? {} : { currency: { type: 'char', length: 3 } as const }),
    },
  })
  const db = new DataSource({ type: 'postgres', driver: typeormDriver(router), entities: [orders] })
  await db.initialize()
  try {
    await db.synchronize()
  } finally {
    await db.destroy()
  }
}
