import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { NodePool } from '../src/pool/node-pool.ts'
import type { NodePoolConfig } from '../src/pool/node-pool-config.ts'
import type { NodePoolOptions } from '../src/pool/node-pool-options.ts'
import type { NodeDescription } from '../src/topology/topology.ts'

export function describeNode(change: Partial<NodeDescription> = {}): NodeDescription {
  const role = change.role ?? 'primary'
  return {
    name: role === 'primary' ? 's0/primary' : 's0/replica0',
    shard: 's0',
    role,
    zone: undefined,
    tags: [],
    weight: 1,
    ...change,
  }
}

type PoolSetup = NodePoolOptions & {
  readonly role?: NodeDescription['role']
  readonly name?: string
  readonly clientConfig?: pg.ClientConfig
  readonly onConnect?: NodePoolConfig['onConnect']
}

const opened = new Set<NodePool>()

/** A pool that `endPools` ends. */
export function openPool(url: string, setup: PoolSetup = {}): NodePool {
  const { role = 'primary', name, clientConfig, onConnect, ...options } = setup
  const pool = new NodePool({
    pg,
    node: describeNode(name === undefined ? { role } : { role, name }),
    clientConfig: { connectionString: url, ...clientConfig },
    options,
    onConnect,
  })
  opened.add(pool)
  return pool
}

/** A pool waits for what is leased; a test that failed has left something leased, and is no reason to wait for ever. */
export async function endPools(): Promise<void> {
  const pools = [...opened]
  opened.clear()
  const patience = new AbortController()
  const ended = Promise.all(pools.map((pool) => pool.end()))
  await Promise.race([ended, delay(3_000, undefined, { signal: patience.signal })])
  patience.abort()
}

/** What the promise rejects with; fails when it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { code?: unknown }> {
  try {
    await promise
  } catch (error) {
    if (error instanceof Error) return error
    throw new Error('rejected with something that is no error', { cause: error })
  }
  throw new Error('did not reject')
}
