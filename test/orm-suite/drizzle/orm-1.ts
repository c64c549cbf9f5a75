import { drizzle as throughShardline } from '@shardline/drizzle-adapter'
import { drizzle } from 'drizzle-orm/node-postgres'
import { npmVersion } from 'drizzle-orm-1/version'
import type { Orm } from '../application.ts'
import { DrizzleApplication } from './application.ts'
import { patientPool } from './patient-pool.ts'
import { relationalOf, relations } from './relations-1.ts'

export const drizzleOrm: Orm = {
  name: 'drizzle',
  version: npmVersion,
  unsupported: { stream: 'Drizzle has no streams over PostgreSQL' },
  async open(router) {
    const options: object = { relations }
    return new DrizzleApplication(throughShardline(router, options), relationalOf)
  },
  async openPlain(url) {
    const client = patientPool(url)
    const config = { client, relations }
    return new DrizzleApplication(drizzle(config), relationalOf, client)
  },
}
