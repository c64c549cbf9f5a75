// The only file that reads what Prisma's client does not promise to keep: the extension API shows neither the data loader nor
// the names of tables and columns. Everything is looked at once, when the extension is applied; what is
// not as it was in the versions of the peer range is an error before anything runs.
import { ConfigError } from '@shardline/core'

/** An operation on its way to the engine. */
export interface EngineRequest {
  readonly modelName?: string | undefined
  /** As in `prisma.order.findMany`: `order.findMany`. */
  readonly clientMethod: string
  readonly protocolQuery: { readonly query: { readonly arguments?: Readonly<Record<string, unknown>> } }
  readonly transaction?: { readonly kind: 'batch' | 'itx' } | undefined
}

/** Prisma's data loader: what has no batch goes to `singleLoader` at once, the rest when the tick ends. */
export interface LoaderOptions {
  batchBy: (request: EngineRequest) => string | undefined
  singleLoader: (request: EngineRequest) => Promise<unknown>
  /** An error in place of a result is that operation's; one in place of all is everybody's. */
  batchLoader: (requests: EngineRequest[]) => Promise<unknown[] | Error>
}

/** What turns any error into one of Prisma's, and throws it. */
export interface RequestHandler {
  handleRequestError: (failure: RequestFailure) => never
}

export interface RequestFailure {
  readonly error: unknown
  readonly clientMethod: string
  readonly modelName?: string | undefined
}

export interface DataModel {
  readonly models: Readonly<Record<string, DataModelEntry>>
}

export interface DataModelEntry {
  /** From `@@map`. */
  readonly dbName?: string | null | undefined
  /** From `@@schema`. */
  readonly schema?: string | null | undefined
  readonly fields: readonly {
    readonly name: string
    readonly kind: string
    readonly dbName?: string | null | undefined
  }[]
}

export interface ClientInternals {
  readonly loader: LoaderOptions
  readonly handler: RequestHandler
  readonly dataModel: DataModel
  readonly adapter: unknown
}

type Unknown = Readonly<Record<string, unknown>>

/** @throws ConfigError DEPENDENCY_UNSUPPORTED when the client is not as in the tested versions */
export function internalsOf(client: object): ClientInternals {
  const base = object(client, '_originalClient', client)
  const handler = object(base, '_requestHandler', client)
  const loader = object(object(handler, 'dataloader', client), 'options', client)
  for (const name of ['batchBy', 'singleLoader', 'batchLoader']) requireFunction(loader, name, client)
  requireFunction(handler, 'handleRequestError', client)
  const dataModel = object(base, '_runtimeDataModel', client)
  for (const model of Object.values(object(dataModel, 'models', client))) {
    if (!Array.isArray((model as Unknown)['fields'])) throw unsupported(client, 'models.fields')
  }
  return {
    loader: loader as unknown as LoaderOptions,
    handler: handler as unknown as RequestHandler,
    dataModel: dataModel as unknown as DataModel,
    adapter: object(base, '_engineConfig', client)['adapter'],
  }
}

function object(of: object, name: string, client: object): Unknown {
  const value = (of as Unknown)[name]
  if (typeof value !== 'object' || value === null) throw unsupported(client, name)
  return value as Unknown
}

function requireFunction(of: Unknown, name: string, client: object): void {
  if (typeof of[name] !== 'function') throw unsupported(client, name)
}

function unsupported(client: object, missing: string): ConfigError {
  const version = (client as Unknown)['_clientVersion']
  return new ConfigError(
    'DEPENDENCY_UNSUPPORTED',
    `@prisma/client ${typeof version === 'string' ? version : 'of unknown version'} has no \`${missing}\` where @shardline/prisma-extension needs it to keep the contexts of concurrent operations apart. Use a version within its peer range: 6.19 or 7.10.`,
    { details: { dependency: '@prisma/client', version, missing } },
  )
}
