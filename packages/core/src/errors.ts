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
  | 'ADAPTER_MISSING'
  | 'EXTENSION_MISSING'
  | 'MIGRATION_BLOCKED'
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
  | 'POOL_OVERLOADED'
  | 'POOL_ENDED'
  | 'QUERY_TIMEOUT'
  | 'OUTCOME_UNKNOWN'
  // database
  | 'SHARDS_FAILED'
  | 'SHARDS_DISAGREE'
  | 'MIGRATION_FAILED'

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

/** How work ended on one shard: what it returned, or what it threw. */
export type ShardOutcome =
  | { readonly status: 'succeeded'; readonly result: unknown }
  | { readonly status: 'failed'; readonly error: unknown }

/**
 * SHARDS_FAILED: work that ran on several shards at once failed on some; the others are not undone. `cause` is the first
 * failure, and `details` have the same by name and code, fit for a log: `{ failed, succeeded, shards }`.
 */
export class ShardsError extends DatabaseError {
  // Private, because errors and results may hold values, and whoever prints this error has not asked for them.
  readonly #shards: ReadonlyMap<string, ShardOutcome>

  constructor(shards: ReadonlyMap<string, ShardOutcome>) {
    const failures = [...shards].flatMap(([shard, outcome]) =>
      outcome.status === 'failed' ? [{ shard, error: outcome.error, code: codeOf(outcome.error) }] : [],
    )
    const codes = new Map(failures.map(({ shard, code }) => [shard, code]))
    const failed = [...codes.keys()]
    const succeeded = [...shards.keys()].filter((shard) => !codes.has(shard))
    const causes = [...codes].map(([shard, code]) => `"${shard}" (${code})`).join(', ')
    const rest = succeeded.map((shard) => `"${shard}"`).join(', ')
    super(
      'SHARDS_FAILED',
      `It failed on ${causes}${rest === '' ? '' : ` and succeeded on ${rest}`}. The cause is the first failure; run it again where it failed, once that is mended.`,
      {
        cause: failures[0]?.error,
        details: {
          failed,
          succeeded,
          shards: Object.fromEntries(
            [...shards].map(([shard, { status }]) => [
              shard,
              status === 'failed' ? { status, code: codes.get(shard) } : { status },
            ]),
          ),
        },
      },
    )
    this.#shards = shards
  }

  /** By shard name: the error where it failed, the result where it succeeded. */
  get shards(): ReadonlyMap<string, ShardOutcome> {
    return this.#shards
  }
}

/** SQLSTATE, Shardline's code or Node's, of the error or of what it wraps; the name where there is none. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  for (let inner: unknown = error; inner instanceof Error; inner = inner.cause) {
    if ('code' in inner && typeof inner.code === 'string') return inner.code
  }
  return error.name
}
