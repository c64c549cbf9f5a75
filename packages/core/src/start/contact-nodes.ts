import { ConfigError, ShardlineError, TopologyError } from '../errors.ts'
import type { NodePool } from '../pool/node-pool.ts'

/** The pools of one shard's nodes. */
export interface ShardNodes {
  readonly name: string
  readonly keyspace: string
  readonly primary: NodePool
  readonly replicas: readonly NodePool[]
}

/** SQLSTATEs of a server that is up and will not have us: no node to wait for, but a description to correct. */
const refusedEntry: ReadonlySet<string> = new Set(['28P01', '28000', '3D000'])

/**
 * Connects to every node once, all at the same time, each within the deadline.
 *
 * A node that is down is left out, as long as its shard has another one. Returns the nodes that answered, by shard,
 * the primary first.
 *
 * @throws ConfigError NODE_ROLE_MISMATCH when a node is not what it is described as; ConfigError CONFIG_INVALID when a
 * server refused the user, the password or the database; TopologyError NODE_UNREACHABLE when a shard has no node left.
 */
export async function contactNodes(
  shards: readonly ShardNodes[],
  deadlineMs: number,
): Promise<ReadonlyMap<string, readonly NodePool[]>> {
  const failures: string[] = []
  const answered = new Map<string, NodePool[]>()
  await Promise.all(
    shards.flatMap((shard) => {
      const own = [shard.primary, ...shard.replicas]
      return own.map(async (pool) => {
        const problem = await contact(pool, deadlineMs)
        if (problem === undefined) answered.set(shard.name, [...(answered.get(shard.name) ?? []), pool])
        else failures.push(`${pool.node.name}: ${problem}`)
      })
    }),
  )
  const dark = shards.filter((shard) => !answered.has(shard.name))
  if (dark.length > 0) {
    throw new TopologyError(
      'NODE_UNREACHABLE',
      `No node of ${dark.map((shard) => `shard "${shard.name}"`).join(', ')} answered within ${deadlineMs} ms:\n${failures
        .map((line) => `- ${line}`)
        .join('\n')}\nStart the servers or correct their addresses.`,
      { details: { shards: dark.map((shard) => shard.name), failures } },
    )
  }
  for (const [name, pools] of answered) {
    answered.set(
      name,
      pools.sort((a, b) => Number(a.node.role === 'replica') - Number(b.node.role === 'replica')),
    )
  }
  return answered
}

/** Why the node cannot be used now; undefined when it can. */
async function contact(pool: NodePool, deadlineMs: number): Promise<string | undefined> {
  try {
    pool.release(await pool.lease({ deadlineMs }))
    return undefined
  } catch (error) {
    if (error instanceof ShardlineError && error.family === 'config') throw error
    const { code, message } = error as { code?: unknown; message?: unknown }
    if (typeof code === 'string' && refusedEntry.has(code)) {
      // PostgreSQL's message names the user or the database, never the password.
      throw new ConfigError(
        'CONFIG_INVALID',
        `Node ${pool.node.name} refused the connection (${code}): ${String(message)}. Correct its user, password or database.`,
        { cause: error, details: { node: pool.node.name, sqlState: code } },
      )
    }
    return `${typeof code === 'string' ? code : 'error'} ${String(message)}`.replaceAll('\n', ' ')
  }
}
