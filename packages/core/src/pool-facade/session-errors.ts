import { StatementError, TopologyError } from '../errors.ts'
import type { Connection } from '../pool/connection.ts'
import type { Route } from '../routing/route.ts'
import type { Pin } from '../statement/statement.ts'

export function spansShards(route: Route, connection: Connection | undefined): StatementError {
  const bound =
    connection === undefined
      ? 'a transaction has one shard'
      : `the transaction belongs to shard "${connection.node.shard}"`
  return new StatementError(
    'TRANSACTION_SPANS_SHARDS',
    `The statement needs ${shardsOf(route)}, but ${bound}. Run it outside of the transaction, or give each shard a transaction of its own.`,
    { details: { bound: connection?.node.shard } },
  )
}

export function pinned(pins: ReadonlySet<Pin>, route: Route, connection: Connection): StatementError {
  return new StatementError(
    'SESSION_STATE',
    `The statement needs ${shardsOf(route)}, but the lease is pinned to "${connection.node.name}" by session state (${[...pins].join(', ')}). Use another lease, or the pool.`,
    { details: { node: connection.node.name, pins: [...pins] } },
  )
}

export function settingsOfOneServer(): StatementError {
  return new StatementError(
    'SESSION_STATE',
    'The lease has settings of its own, which hold on one server, and this statement needs several. Run it on another lease or on the pool.',
  )
}

export function lockOnReplica(connection: Connection): StatementError {
  return new StatementError(
    'SESSION_STATE',
    'Advisory locks exist on the primary only, and this READ ONLY transaction runs on a replica. Begin it READ WRITE, or take the lock first in router.run({ role: "primary" }, …).',
    { details: { node: connection.node.name } },
  )
}

export function sequenceOfNobody(): StatementError {
  return new StatementError(
    'SESSION_STATE',
    'currval() and lastval() answer for the connection that called nextval(), and this lease is not bound to one. Use INSERT … RETURNING, or call nextval() and currval() in one transaction.',
  )
}

export function nothingToPrepare(): StatementError {
  return new StatementError(
    'UNSUPPORTED_STATEMENT',
    'PREPARE TRANSACTION needs a transaction that has run a statement on a shard. Run one first.',
  )
}

export function commandInPortal(): StatementError {
  return new StatementError(
    'UNSUPPORTED_STATEMENT',
    'Transaction commands cannot be sent through a cursor or stream. Send them with query(text).',
  )
}

/** Begins with the words of `pg`, which applications look for. */
export function lostConnection(): TopologyError {
  return new TopologyError(
    'NODE_UNREACHABLE',
    'Client has encountered a connection error and is not queryable. The transaction or session state that it held is lost: release it and start again.',
  )
}

function shardsOf(route: Route): string {
  if (route.kind === 'single') return `shard "${route.shard}"`
  const names = route.kind === 'split' ? [...route.rowsByShard.keys()] : route.shards
  return `shards ${names.map((name) => `"${name}"`).join(', ')}`
}
