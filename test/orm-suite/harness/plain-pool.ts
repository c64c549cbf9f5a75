import pg from 'pg'
import { plainName } from './statement-log.ts'

/**
 * A pool as the plain application needs it: scenarios end its sessions, also those that are in use, and `pg` throws the news
 * of that at the process when nobody listens.
 */
export function plainPool(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, application_name: plainName })
  const ignore = (): void => {}
  pool.on('error', ignore)
  pool.on('connect', (client) => {
    client.on('error', ignore)
  })
  return pool
}
