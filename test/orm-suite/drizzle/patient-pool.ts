import pg from 'pg'

/** A pool that outlives the ends of its connections: without listeners Node ends the process at the first. */
export function patientPool(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, application_name: 'plain' })
  pool.on('error', () => {})
  pool.on('connect', (client) => void client.on('error', () => {}))
  return pool
}
