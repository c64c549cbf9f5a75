import type pg from 'pg'
import type { WireQuery } from '../pool/wire-query.ts'
import type { RouteContext } from '../routing/context.ts'
import type { StatementObserver } from '../telemetry/statement-trace.ts'

/**
 * Where adapters put the context of one statement: a property of a query config under this key. It is laid over the
 * context of `router.run`, so it can narrow but never lift a guard.
 */
export const contextKey: unique symbol = Symbol.for('shardline.context')

/**
 * A statement as the application handed it over, whatever overload it used. It becomes the wire query itself once
 * its plan is known, so that the usual statement costs one object.
 */
export interface Request extends WireQuery {
  text: string
  mayPrepare: boolean
  mayShare: boolean
  preface: readonly string[] | undefined
  values: readonly unknown[] | undefined
  types: pg.CustomTypesConfig | undefined
  readonly context: RouteContext | undefined
  /** Set once it has a route, when somebody listens. */
  observer: StatementObserver | undefined
}

export type QueryCallback = (error: Error | null | undefined, result?: unknown) => void

/** A query config with everything that `pg` and Shardline read from it. */
export interface RequestConfig {
  readonly text?: string
  readonly values?: readonly unknown[]
  readonly name?: string
  readonly rowMode?: string
  readonly types?: pg.CustomTypesConfig
  readonly binary?: boolean
  readonly queryMode?: string
  readonly query_timeout?: number
  readonly rows?: number
  readonly signal?: AbortSignal
  readonly callback?: QueryCallback
  readonly [contextKey]?: RouteContext
}

type Close = (...args: unknown[]) => unknown

/** An object with its own protocol, such as a cursor, a query stream or a COPY stream. */
export interface Submitted extends pg.Submittable {
  readonly text?: string
  readonly values?: readonly unknown[]
  readonly cursor?: { readonly text?: string; readonly values?: readonly unknown[]; readonly close?: Close }
  readonly close?: Close
  callback?: QueryCallback | undefined
  /** Where `pg` puts a client's type parsers. */
  readonly _result?: { _types?: pg.CustomTypesConfig | undefined }
  handleError(error: unknown, connection?: unknown): void
  handleReadyForQuery?(connection: unknown): void
}

export function isSubmitted(query: unknown): query is Submitted {
  return typeof query === 'object' && query !== null && typeof (query as Submitted).submit === 'function'
}

/**
 * The one meaning of `query(text | config, values?, callback?)`, as `pg`'s `normalizeQueryConfig` has it: values
 * given as an argument win over the config's.
 */
export function toRequest(query: string | RequestConfig, values: readonly unknown[] | undefined): Request {
  if (typeof query === 'string') return plainRequest(query, values)
  const timeoutMs = query.query_timeout
  return {
    text: query.text as string,
    values: values ?? query.values,
    rowMode: query.rowMode === 'array' ? 'array' : undefined,
    types: query.types,
    name: query.name,
    binary: query.binary,
    queryMode: query.queryMode === 'extended' ? 'extended' : undefined,
    mayPrepare: false,
    mayShare: false,
    preface: undefined,
    timeoutMs: timeoutMs !== undefined && timeoutMs > 0 ? timeoutMs : undefined,
    signal: query.signal,
    context: query[contextKey],
    observer: undefined,
  }
}

export function plainRequest(text: string, values: readonly unknown[] | undefined): Request {
  return {
    text,
    values,
    rowMode: undefined,
    types: undefined,
    name: undefined,
    binary: undefined,
    queryMode: undefined,
    mayPrepare: false,
    mayShare: false,
    preface: undefined,
    timeoutMs: undefined,
    signal: undefined,
    context: undefined,
    observer: undefined,
  }
}
