import { inspect } from 'node:util'
import type { Engine } from '../execution/engine.ts'
import type { NodePool } from '../pool/node-pool.ts'

/**
 * What `pool.options` says, in `pg`'s words. Libraries read it to show where a pool connects to, and to open a control
 * connection of their own (Kysely, to cancel a query by its process id).
 *
 * With several nodes there is no such server. `pg` would take a missing host for localhost, and a process id of one
 * server may be anybody's on another, so the host is a socket that exists nowhere and says why.
 */
export function poolOptions(engine: Engine): object {
  const pools = [...engine.pools()]
  const [pool] = pools
  let max = 0
  for (const { options } of pools) max += options.max
  if (pool === undefined || pools.length > 1) return { max, host: '/several-servers-behind-this-pool' }
  const { options } = pool
  return {
    ...pool.clientConfig,
    ...ownSsl(pool),
    max,
    min: options.min,
    idleTimeoutMillis: options.idleTimeoutMs,
    connectionTimeoutMillis: options.connectTimeoutMs,
    maxUses: options.maxUses,
    maxLifetimeSeconds: options.maxLifetimeMs / 1_000,
    allowExitOnIdle: options.allowExitOnIdle,
  }
}

/** `pg-pool` hides the key in the object that it gets, which would be the connections' own. */
function ownSsl({ clientConfig: { ssl } }: NodePool): object {
  if (typeof ssl !== 'object') return {}
  return { ssl: Object.defineProperties({}, Object.getOwnPropertyDescriptors(ssl)) }
}

/**
 * `pg-pool` keeps the password out of what is printed, but not the connection string that has it, too. That one must
 * stay enumerable: Kysely spreads the options.
 */
export function hideConnectionString(options: object): void {
  if (!('connectionString' in options)) return
  const shown = (): object => ({ ...options, connectionString: undefined })
  for (const key of [inspect.custom, 'toJSON']) Object.defineProperty(options, key, { value: shown })
}
