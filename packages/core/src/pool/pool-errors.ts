import { ConfigError, TopologyError } from '../errors.ts'
import { markNeverSent } from './never-sent.ts'
import type { NodeDescription } from '../topology/topology.ts'

export function poolEnded(node: NodeDescription): TopologyError {
  return markNeverSent(
    new TopologyError(
      'POOL_ENDED',
      `The connections of node "${node.name}" were ended; nothing can run on it any more.`,
      {
        details: { node: node.name },
      },
    ),
  )
}

export function poolTimeout(
  node: NodeDescription,
  counts: {
    readonly acquireTimeoutMs: number
    readonly max: number
    readonly total: number
    readonly waiting: number
  },
): TopologyError {
  const message =
    `No connection to node "${node.name}" became free in time ` +
    `(acquire timeout ${counts.acquireTimeoutMs} ms, max ${counts.max}, ${counts.total} open or opening, ${counts.waiting} callers waiting). ` +
    'Release connections sooner, raise max, or raise the acquire timeout.'
  return markNeverSent(
    new TopologyError('POOL_TIMEOUT', message, { details: { node: node.name, ...counts } }),
  )
}

export function poolOverloaded(
  node: NodeDescription,
  counts: { readonly maxWaiting: number; readonly max: number; readonly total: number },
): TopologyError {
  const message =
    `As many callers as may be wait for a connection to node "${node.name}" already ` +
    `(maxWaiting ${counts.maxWaiting}, max ${counts.max}, ${counts.total} open or opening). ` +
    'Send less at a time, raise max, or raise maxWaiting.'
  return markNeverSent(
    new TopologyError('POOL_OVERLOADED', message, { details: { node: node.name, ...counts } }),
  )
}

export function connectTimeout(node: NodeDescription, timeoutMs: number): TopologyError {
  const message =
    `Node "${node.name}" did not finish the connection within ${timeoutMs} ms. ` +
    'It may be down, overloaded or cut off; check it, or raise the connect timeout.'
  return markNeverSent(
    new TopologyError('CONNECT_TIMEOUT', message, { details: { node: node.name, timeoutMs } }),
  )
}

export function roleMismatch(node: NodeDescription): ConfigError {
  const found = node.role === 'primary' ? 'a standby in recovery' : 'a primary (not in recovery)'
  const message =
    `Node "${node.name}" is described as ${node.role} of shard "${node.shard}", but the server there is ${found}. ` +
    `Point it at the shard's ${node.role}, or describe it as what it is.`
  return markNeverSent(
    new ConfigError('NODE_ROLE_MISMATCH', message, { details: { node: node.name, role: node.role } }),
  )
}

export function queryTimeout(node: NodeDescription, timeoutMs: number): TopologyError {
  const message =
    `Query read timeout: node "${node.name}" did not answer within ${timeoutMs} ms. ` +
    'The server was told to cancel it; whether a write took effect is unknown.'
  return new TopologyError('QUERY_TIMEOUT', message, { details: { node: node.name, timeoutMs } })
}

export function brokenConnection(node: NodeDescription): TopologyError {
  return markNeverSent(
    new TopologyError(
      'NODE_UNREACHABLE',
      `This connection to node "${node.name}" is broken; the statement was not sent. Release it and take another one.`,
      { details: { node: node.name } },
    ),
  )
}

/**
 * What a failed connection attempt is told as: PostgreSQL's own error and problems of TLS or authentication
 * unchanged, a socket that failed as NODE_UNREACHABLE with the cause attached.
 */
export function connectFailure(node: NodeDescription, error: unknown): unknown {
  if (!isSocketFailure(error)) return markNeverSent(error)
  const code = (error as { code?: unknown }).code
  const reason = typeof code === 'string' ? code : 'the connection was closed by the other side'
  return markNeverSent(
    new TopologyError(
      'NODE_UNREACHABLE',
      `Node "${node.name}" cannot be reached: ${reason}. Check that the server runs and accepts connections.`,
      { cause: error, details: { node: node.name, reason } },
    ),
  )
}

/** `pg` gives a connection that just ended no code. */
export function isSocketFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('severity' in error) return false
  if ('syscall' in error) return true
  const code = (error as { code?: unknown }).code
  if (typeof code === 'string') return /^E[A-Z]+$/.test(code)
  return error.message.startsWith('Connection terminated')
}
