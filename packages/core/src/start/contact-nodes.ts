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
  // In the order of the description, whoever answers first: what is said of shards must not change from start to start.
  const answered = await Promise.all(
    shards.map(async ({ name, primary, replicas }) => {
      const own = [primary, ...replicas]
      const problems = await Promise.all(own.map((pool) => contact(pool, deadlineMs)))
      for (const [index, pool] of own.entries()) {
        if (problems[index] !== undefined) failures.push(`${pool.node.name}: ${problems[index]}`)
      }
      return [name, own.filter((_, index) => problems[index] === undefined)] as const
    }),
  )
  const dark = answered.flatMap(([name, pools]) => (pools.length === 0 ? [name] : []))
  if (dark.length > 0) {
    throw new TopologyError(
      'NODE_UNREACHABLE',
      `No node of ${dark.map((name) => `shard "${name}"`).join(', ')} answered within ${deadlineMs} ms:\n${failures
        .map((line) => `- ${line}`)
        .join('\n')}\nStart the servers or correct their addresses.`,
      { details: { shards: dark, failures } },
    )
  }
  return new Map(answered)
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
