import { drizzle as throughShardline } from '@shardline/drizzle-adapter'
import { drizzle } from 'drizzle-orm/node-postgres'
import { npmVersion } from 'drizzle-orm/version'
import type { Orm } from '../application.ts'
import { DrizzleApplication } from './application.ts'
import { patientPool } from './patient-pool.ts'
import { relationalOf, schema } from './relations-0-45.ts'

export const drizzleOrm: Orm = {
  name: 'drizzle',
  version: npmVersion,
  unsupported: { stream: 'Drizzle has no streams over PostgreSQL' },
  async open(router) {
    return new DrizzleApplication(throughShardline(router, { schema }), relationalOf)
  },
  async openPlain(url) {
    const pool = patientPool(url)
    return new DrizzleApplication(drizzle(pool, { schema }), relationalOf, pool)
  },
}
