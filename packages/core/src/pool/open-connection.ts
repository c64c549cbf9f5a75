import { backendPid, destroySocket, onParameterStatus } from './client-internals.ts'
import { connectFailure, connectTimeout, roleMismatch } from './pool-errors.ts'
import { mayBeServerPid } from './server-key.ts'
import type pg from 'pg'
import type { PgModule } from './pg-module.ts'
import type { NodeDescription } from '../topology/topology.ts'

export type ServerRole = NodeDescription['role']

/** An attempt under way. */
export interface Opening {
  readonly client: pg.Client
  /** Connected, authenticated and of the right role; rejects with what `connectFailure` says. */
  readonly opened: Promise<pg.Client>
  /** Once opened: that no pooler stands between, so far as that was to be proved. */
  readonly isDirect: boolean
  /** Ends the attempt at once. */
  abandon(): void
}

export interface OpeningOptions {
  readonly pg: PgModule
  readonly node: NodeDescription
  readonly config: pg.ClientConfig
  /** 0 for no limit. */
  readonly timeoutMs: number
  /** True when a server that does not report its role must be asked for it. */
  readonly mustAskRole: boolean
  /** True when it matters whether the server itself answers, or a pooler that may take another one for each transaction. */
  readonly mustProveDirect: boolean
  /** Told whenever the server says which role it has: at start, and when a standby is promoted. */
  readonly onRole: (role: ServerRole) => void
  /** The application's own preparation of a new connection. */
  readonly onConnect: ((client: pg.Client) => unknown) | undefined
}

/**
 * Opens one connection under one deadline for everything: name look-up, TCP, TLS, authentication, role.
 *
 * Since PostgreSQL 14 the server reports `in_hot_standby` in its greeting, so the role is known on every connection
 * without a round trip; only older servers, and poolers that keep it to themselves, are asked.
 */
export function openConnection(options: OpeningOptions): Opening {
  const { pg, node, config, timeoutMs } = options
  const client = new pg.Client({
    // Otherwise a peer that vanished without a word is noticed by the next statement, which then hangs.
    keepAlive: true,
    keepAliveInitialDelayMillis: 30_000,
    ...config,
    connectionTimeoutMillis: 0,
    pipeline: false,
  })
  let role: ServerRole | undefined
  let isDirect = true
  onParameterStatus(client, (name, value) => {
    if (name !== 'in_hot_standby') return
    role = value === 'on' ? 'replica' : 'primary'
    options.onRole(role)
  })
  // The socket may fail once more after the attempt is over.
  client.on('error', () => {})

  let giveUp: (error: unknown) => void = () => {}
  const abandoned = new Promise<never>((_resolve, reject) => {
    giveUp = reject
  })
  const deadline =
    timeoutMs > 0
      ? setTimeout(() => {
          giveUp(connectTimeout(node, timeoutMs))
        }, timeoutMs)
      : undefined

  const attempt = async (): Promise<pg.Client> => {
    await client.connect()
    if (role === undefined && options.mustAskRole) {
      role = await askRole(client)
      options.onRole(role)
    }
    if (role !== undefined && role !== node.role) throw roleMismatch(node)
    if (options.mustProveDirect) isDirect = await answersItself(client)
    await options.onConnect?.(client)
    return client
  }
  const opened = Promise.race([attempt(), abandoned])
    .catch((error: unknown) => {
      destroySocket(client)
      throw connectFailure(node, error)
    })
    .finally(() => clearTimeout(deadline))
  return {
    client,
    opened,
    get isDirect() {
      return isDirect
    },
    abandon: () => giveUp(new Error('Connection terminated')),
  }
}

async function askRole(client: pg.Client): Promise<ServerRole> {
  const result = await client.query<[boolean]>({
    text: 'select pg_catalog.pg_is_in_recovery()',
    rowMode: 'array',
    types: { getTypeParser: () => (value: string) => value === 't' },
  } as pg.QueryArrayConfig)
  return result.rows[0]?.[0] === true ? 'replica' : 'primary'
}

/**
 * Whether the process that greeted is the one that answers. A pooler that gives each transaction another server has to make
 * up its keys: a cancel request reaches it with nothing else, and it has to find out which server is meant.
 */
async function answersItself(client: pg.Client): Promise<boolean> {
  const greeted = backendPid(client)
  if (!mayBeServerPid(greeted)) return false
  const result = await client.query<[string]>({
    text: 'select pg_catalog.pg_backend_pid()',
    rowMode: 'array',
    types: { getTypeParser: () => (value: string) => value },
  } as pg.QueryArrayConfig)
  return result.rows[0]?.[0] === String(greeted)
}
