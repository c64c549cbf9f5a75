/**
 * Every error Shardline raises itself.
 *
 * A family says who can act: `config` (the person who wrote `defineCluster`), `statement` (the author of the
 * query), `topology` (whoever runs the servers), `database` (the server answered, and several servers had to be
 * told apart), `cache`. When one server failed, PostgreSQL's own error is passed on unchanged instead.
 *
 * Messages name the thing, what would be allowed and the next step. They never hold a password, a parameter
 * value or a row.
 */
export type ErrorFamily = 'config' | 'statement' | 'topology' | 'database' | 'cache'

export type ErrorCode =
  // config
  | 'CONFIG_INVALID'
  | 'CONFIG_CONFLICT'
  | 'CATALOG_MISMATCH'
  | 'NODE_ROLE_MISMATCH'
  | 'DEPENDENCY_UNSUPPORTED'
  | 'DIALECT_MISSING'
  // statement
  | 'STATEMENT_UNPARSABLE'
  | 'STATEMENT_TOO_LARGE'
  | 'STATEMENT_NUL'
  | 'MULTI_STATEMENT'
  | 'UNKNOWN_TABLE'
  | 'PARAMETER_COUNT'
  | 'SHARD_KEY_MISSING'
  | 'SHARD_KEY_NULL'
  | 'SHARD_KEY_VALUE'
  | 'SHARD_KEY_UPDATE'
  | 'UNPROVED_WRITE'
  | 'UNPROVED_READ'
  | 'UNSUPPORTED_SCATTER'
  | 'CROSS_SHARD'
  | 'CROSS_KEYSPACE'
  | 'TENANT_REQUIRED'
  | 'TENANT_CONTRADICTED'
  | 'CONTEXT_CONFLICT'
  | 'SESSION_STATE'
  | 'TRANSACTION_SPANS_SHARDS'
  | 'OPAQUE_FUNCTION'
  | 'HINT_INVALID'
  | 'UNSUPPORTED_STATEMENT'
  | 'UNSUPPORTED_OPTION'
  // topology
  | 'NODE_UNREACHABLE'
  | 'NO_NODE_AVAILABLE'
  | 'CONNECT_TIMEOUT'
  | 'POOL_TIMEOUT'
  | 'POOL_ENDED'
  | 'QUERY_TIMEOUT'
  | 'OUTCOME_UNKNOWN'
  // database
  | 'SHARDS_FAILED'
  | 'SHARDS_DISAGREE'

export interface ShardlineErrorOptions {
  readonly cause?: unknown
  /** What the decision was based on: names and counts, never values. */
  readonly details?: Readonly<Record<string, unknown>>
}

/** The base of every error that Shardline raises; `code` is stable across versions, `message` is not. */
export class ShardlineError extends Error {
  override readonly name: string = 'ShardlineError'
  readonly code: ErrorCode
  readonly family: ErrorFamily
  readonly details: Readonly<Record<string, unknown>>

  constructor(family: ErrorFamily, code: ErrorCode, message: string, options: ShardlineErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.family = family
    this.code = code
    this.details = options.details ?? {}
  }
}

/** The cluster description is wrong, or the servers contradict it. */
export class ConfigError extends ShardlineError {
  override readonly name = 'ConfigError'
  constructor(code: ErrorCode, message: string, options?: ShardlineErrorOptions) {
    super('config', code, message, options)
  }
}

/** The statement cannot be run rightly on this cluster; nothing of it was executed. */
export class StatementError extends ShardlineError {
  override readonly name = 'StatementError'
  constructor(code: ErrorCode, message: string, options?: ShardlineErrorOptions) {
    super('statement', code, message, options)
  }
}

/** No server that may run the statement could be had. */
export class TopologyError extends ShardlineError {
  override readonly name = 'TopologyError'
  constructor(code: ErrorCode, message: string, options?: ShardlineErrorOptions) {
    super('topology', code, message, options)
  }
}

/** Several servers had to answer and did not agree or did not all succeed. */
export class DatabaseError extends ShardlineError {
  override readonly name = 'DatabaseError'
  constructor(code: ErrorCode, message: string, options?: ShardlineErrorOptions) {
    super('database', code, message, options)
  }
}
