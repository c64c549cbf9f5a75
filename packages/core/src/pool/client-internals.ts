import { ConfigError } from '../errors.ts'
import type { Writable } from 'node:stream'
import type pg from 'pg'
import type { PgModule } from './pg-module.ts'

/**
 * The only place that touches what `pg` does not document. `assertPgInternals` proves at start that all of it is
 * there, and `test/pg-internals.test.ts` proves on a real server that it means what is assumed here.
 *
 * Read in pg 8.16 to 8.23: `lib/client.js`, `lib/connection.js`, `lib/query.js`.
 */
interface ClientInternals extends Omit<pg.Client, 'pipeline'> {
  readonly connection: ConnectionInternals
  readonly connectionParameters: { query_timeout?: unknown; application_name?: unknown }
  readonly processID: number | null
  readonly secretKey: number | null
  readonly _queryable: boolean
  readonly _ending: boolean
  /** Since 8.23. */
  pipeline?: boolean
  readonly _sentQueryQueue?: readonly unknown[]
  readonly _queryQueue?: readonly unknown[]
  readonly _activeQuery?: unknown
  readonly readyForQuery?: boolean
  ref(): void
  unref(): void
}

interface ConnectionInternals extends pg.Connection {
  /** Named statements that the server has acknowledged, by name. */
  readonly parsedStatements: Record<string, string>
  /** Those that were sent and not yet acknowledged; since 8.17 or so. */
  readonly submittedNamedStatements?: Record<string, string>
  connect(port: number | string, host?: string): void
  cancel(processID: number, secretKey: number): void
  requestSsl(): void
}

/** What a client calls on the statement that it runs. */
interface QueryInternals {
  name: string | undefined
  types: pg.CustomTypesConfig | undefined
  binary: boolean | undefined
  queryMode: string | undefined
  _rowMode?: 'array' | undefined
  _result?: object
  _results?: object
  /** An Error when nothing was sent. */
  submit(connection: pg.Connection): Error | null
  handleError(error: unknown, connection: pg.Connection): void
  handleReadyForQuery(connection: pg.Connection): void
  handleCommandComplete(message: unknown, connection: pg.Connection): void
  requiresPreparation(): boolean
}

export type QueryClass = new (
  config: object | string,
  values?: readonly unknown[],
  callback?: (error: unknown, result: pg.QueryResult | undefined) => void,
) => QueryInternals

/** Throws DEPENDENCY_UNSUPPORTED when this copy of `pg` lacks what connections rely on. */
export function assertPgInternals(pg: PgModule): void {
  const missing: string[] = []
  const client = new pg.Client({ host: 'localhost', user: 'check' }) as Partial<ClientInternals>
  const connection = client.connection as Partial<ConnectionInternals> | undefined
  if (connection === undefined) missing.push('client.connection (pg-native has none)')
  else {
    if (typeof connection.parsedStatements !== 'object') missing.push('connection.parsedStatements')
    if (typeof connection.stream?.destroy !== 'function') missing.push('connection.stream')
    for (const method of ['connect', 'cancel', 'requestSsl', 'close', 'sync'] as const) {
      if (typeof connection[method] !== 'function') missing.push(`connection.${method}`)
    }
  }
  if (typeof client._queryable !== 'boolean') missing.push('client._queryable')
  if (typeof client._ending !== 'boolean') missing.push('client._ending')
  if (client.processID !== null || client.secretKey !== null) missing.push('client.processID')
  if (typeof client.connectionParameters !== 'object') missing.push('client.connectionParameters')
  const query = (pg.Query as unknown as { prototype?: Partial<QueryInternals> } | undefined)?.prototype
  for (const method of ['submit', 'handleError', 'handleReadyForQuery'] as const) {
    if (typeof query?.[method] !== 'function') missing.push(`Query.prototype.${method}`)
  }
  if (typeof pg.Connection !== 'function') missing.push('Connection')
  if (missing.length === 0) return
  throw new ConfigError(
    'DEPENDENCY_UNSUPPORTED',
    `This copy of pg lacks ${missing.join(', ')}. Use the pure JavaScript pg, version 8.16 or later of major version 8.`,
    { details: { missing } },
  )
}

export function queryClass(pg: PgModule): QueryClass {
  return pg.Query as unknown as QueryClass
}

type ResultClass = new (rowMode: 'array' | undefined, types: pg.CustomTypesConfig | undefined) => object

/** Whether `shapeResult` can be used: `pg` makes the result with the statement, as 8.16 to 8.23 do. */
export function canShapeResult(Query: QueryClass): boolean {
  const query = new Query('select 1')
  const { _result: result } = query
  return (
    typeof result === 'object' &&
    query._results === result &&
    Object.hasOwn(query, '_rowMode') &&
    Object.hasOwn(result, '_types') &&
    Object.hasOwn(result, 'rowAsArray')
  )
}

/**
 * Gives a statement that was made from its text its row mode and type parsers. The other way to say them, a configuration, is
 * copied by `pg` one property descriptor at a time: 4 µs a statement against 0.1.
 */
export function shapeResult(
  query: QueryInternals,
  rowMode: 'array' | undefined,
  types: pg.CustomTypesConfig | undefined,
): void {
  const Result = query._result?.constructor as ResultClass
  query.types = types
  query._rowMode = rowMode
  query._result = new Result(rowMode, types)
  query._results = query._result
}

/**
 * Whether this `pg` ends the round trip itself when a value cannot be written (since 8.20 or so): older versions leave
 * the server waiting for a Sync. Found out by giving its Query such a value and a connection that only listens.
 */
export function syncsAfterBadValue(Query: QueryClass): boolean {
  let hasSynced = false
  const listening = {
    parsedStatements: {},
    submittedNamedStatements: {},
    stream: {},
    parse() {},
    bind() {
      throw new Error('cannot be written')
    },
    close() {},
    describe() {},
    execute() {},
    flush() {},
    sync() {
      hasSynced = true
    },
  }
  new Query('select $1', [1], () => {}).submit(listening as unknown as pg.Connection)
  return hasSynced
}

/** Ends the socket at once, whatever the server does: for half-open servers and poisoned clients. */
export function destroySocket(client: pg.Client): void {
  client.connection.stream.destroy()
}

/** False once the socket failed or the client is closing. */
export function isUsable(client: pg.Client): boolean {
  const { _queryable, _ending } = client as ClientInternals
  return _queryable && !_ending
}

/** Makes `pg` send Parse again on the next use of the name. */
export function forgetParsed(connection: pg.Connection, name: string): void {
  const { parsedStatements, submittedNamedStatements } = connection as ConnectionInternals
  delete parsedStatements[name]
  if (submittedNamedStatements !== undefined) delete submittedNamedStatements[name]
}

/** Whether this copy of `pg` can send statements ahead of answers: 8.23 or later. */
export function knowsPipelining(client: pg.Client): boolean {
  return typeof (client as ClientInternals).pipeline === 'boolean'
}

/**
 * True when this client can send statements ahead of answers from now on: nothing is under way on it (a listener of the
 * pool's `connect` event may have left something).
 */
export function canPipeline(client: pg.Client): boolean {
  const { _sentQueryQueue, _queryQueue, _activeQuery, readyForQuery } = client as ClientInternals
  return (
    knowsPipelining(client) &&
    Array.isArray(_sentQueryQueue) &&
    _sentQueryQueue.length === 0 &&
    _queryQueue?.length === 0 &&
    // Undefined until the first statement.
    (_activeQuery ?? undefined) === undefined &&
    readyForQuery === true
  )
}

/** `pg` reads the property whenever it sends; it may change while nothing is under way. */
export function setPipelining(client: pg.Client, isOn: boolean): void {
  ;(client as ClientInternals).pipeline = isOn
}

/** Holds back what is sent, until it is uncorked as often as it was corked. */
export function corkSocket(client: pg.Client, isCorked: boolean): void {
  const stream = client.connection.stream as Writable
  if (isCorked) stream.cork()
  else stream.uncork()
}

/** Closes a prepared statement with the next Sync that is sent anyway; closing an unknown name is no error. */
export function sendClose(connection: pg.Connection, name: string): void {
  ;(connection as unknown as { close(message: pg.MessageConfig): void }).close({ type: 'S', name })
}

/** Runs a text without parameters through the extended protocol, without a Sync of its own. */
export function sendExecution(connection: pg.Connection, text: string): void {
  const wire = connection as unknown as {
    parse(query: { text: string; name: string }): void
    bind(config: { values: readonly unknown[] }): void
    execute(config: { portal: string }): void
  }
  wire.parse({ text, name: '' })
  wire.bind({ values: [] })
  wire.execute({ portal: '' })
}

/**
 * How to read the transaction status as of the last answer. Newer versions of `pg` keep it; for older ones it is
 * listened for, ahead of the client's own listener, so that it is right when a statement's callback runs.
 */
export function transactionStatusReader(client: pg.Client): () => TransactionStatus {
  if (typeof client.getTransactionStatus === 'function') return () => client.getTransactionStatus() ?? 'I'
  let status: TransactionStatus = 'I'
  client.connection.prependListener('readyForQuery', (message: { status: TransactionStatus }) => {
    status = message.status
  })
  return () => status
}

/** Calls back once, when the server has answered everything and the status is known. */
export function onceReadyForQuery(client: pg.Client, callback: () => void): void {
  client.connection.once('readyForQuery', callback)
}

/** Settings that the server reports at start and whenever they change (`in_hot_standby`, `TimeZone`, …). */
export function onParameterStatus(client: pg.Client, listener: (name: string, value: string) => void): void {
  client.connection.on('parameterStatus', (message: { parameterName: string; parameterValue: string }) => {
    listener(message.parameterName, message.parameterValue)
  })
}

/** Idle, in a transaction, or in a failed one. */
export type TransactionStatus = 'I' | 'T' | 'E'

/**
 * Takes the read timeout away from the client and returns it: after its own timeout `pg` hands the connection out
 * while the old answer is still to come.
 */
export function takeQueryTimeout(client: pg.Client): number | undefined {
  const { connectionParameters } = client as ClientInternals
  const timeoutMs = Number(connectionParameters.query_timeout)
  connectionParameters.query_timeout = false
  return timeoutMs > 0 ? timeoutMs : undefined
}

export function setRef(client: pg.Client, isKeepingAlive: boolean): void {
  if (isKeepingAlive) (client as ClientInternals).ref()
  else (client as ClientInternals).unref()
}

/** The number the server knows the backend by, once connected. */
export function backendPid(client: pg.Client): number | null {
  return (client as ClientInternals).processID
}

export interface CancelKey {
  readonly processId: number
  readonly secretKey: number
}

export function cancelKey(client: pg.Client): CancelKey | undefined {
  const { processID, secretKey } = client as ClientInternals
  return processID === null || secretKey === null ? undefined : { processId: processID, secretKey }
}

export function newConnection(pg: PgModule, config: object): pg.Connection {
  return new pg.Connection(config)
}

export function connectTo(connection: pg.Connection, port: number | string, host?: string): void {
  ;(connection as ConnectionInternals).connect(port, host)
}

export function requestSsl(connection: pg.Connection): void {
  ;(connection as ConnectionInternals).requestSsl()
}

export function sendCancel(connection: pg.Connection, key: CancelKey): void {
  ;(connection as ConnectionInternals).cancel(key.processId, key.secretKey)
}
