import { AsyncLocalStorage } from 'node:async_hooks'
import { ShardlineError, StatementError, type RouteContext, type Router } from '@shardline/core'
import type { ClientInternals, EngineRequest, LoaderOptions } from './client-internals.ts'
import { contextIdentity } from './context-identity.ts'
import { toOperationError } from './operation-error.ts'

/**
 * What a `findUnique` may be merged with: those with the same text, of all that have the same context. Undefined when
 * nothing tells that they belong to one shard; it then runs alone.
 */
export type BatchGroup = (request: EngineRequest, context: RouteContext | undefined) => string | undefined

interface Scope {
  readonly context: RouteContext | undefined
  readonly identity: string
  /** Calls with everything asynchronous contexts held when the operation was handed over. */
  readonly enter: <R>(act: () => R) => R
}

const patched = new WeakSet<LoaderOptions>()

/**
 * Keeps every operation of a client in the context that it was called in.
 *
 * Prisma collects the operations of one tick in a data loader and sends them from the first one's asynchronous context: another
 * caller's tenant, shard or role. Here an operation is collected only with those of an equal context (and, so that a batch needs
 * one shard only, of one shard key), and the batch is sent from the context that its operations were called in. The
 * operations of a `$transaction([…])` cannot be parted; there, different contexts are refused.
 *
 * It also makes the reads of one operation stay with one node, and passes refusals on as Shardline's own errors.
 */
export function keepContexts({ loader, handler }: ClientInternals, router: Router, group: BatchGroup): void {
  if (patched.has(loader)) return
  patched.add(loader)
  const { batchBy, singleLoader, batchLoader } = loader
  const scopes = new WeakMap<EngineRequest, Scope>()
  const enter = <R>(request: EngineRequest, act: () => R): R => {
    const scope = scopes.get(request)
    return scope === undefined ? router.keepNodes(act) : scope.enter(() => router.keepNodes(act))
  }

  loader.batchBy = (request) => {
    const native = batchBy(request)
    if (native === undefined) return undefined
    const { context } = router
    const kind = request.transaction?.kind
    const shared = kind === undefined ? group(request, context) : ''
    if (shared === undefined) return undefined
    const identity = contextIdentity(context)
    scopes.set(request, { context, identity, enter: AsyncLocalStorage.snapshot() })
    return kind === 'batch' ? native : `${native}\n${identity}\n${shared}`
  }
  loader.singleLoader = (request) => enter(request, () => singleLoader(request))
  loader.batchLoader = async (requests): Promise<unknown[] | Error> => {
    const [first] = requests
    if (first === undefined) return await batchLoader(requests)
    const identity = scopes.get(first)?.identity
    if (requests.some((request) => scopes.get(request)?.identity !== identity)) throw differentContexts()
    const results = await settled(enter(first, () => batchLoader(requests)))
    if (first.transaction !== undefined || !isRefused(results)) return results
    // What is refused for the merged reads need not be so for each: they run as they were called.
    return await Promise.all(
      requests.map((request) => enter(request, () => singleLoader(request)).catch(toError)),
    )
  }

  const { handleRequestError } = handler
  handler.handleRequestError = (failure) => {
    if (failure.error instanceof ShardlineError) throw toOperationError(failure.error, failure)
    return handleRequestError.call(handler, failure)
  }
}

/** A batch that fails as a whole is an error for each of its operations. */
async function settled(results: Promise<unknown[] | Error>): Promise<unknown[] | Error> {
  return await results.catch(toError)
}

function isRefused(results: unknown[] | Error): boolean {
  return Array.isArray(results)
    ? results.some((one) => one instanceof ShardlineError)
    : results instanceof ShardlineError
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

function differentContexts(): StatementError {
  return new StatementError(
    'CONTEXT_CONFLICT',
    'The operations of one $transaction([…]) have different contexts, and a transaction runs in one. Call $transaction on the client with the context, prisma.$tenant(id).$transaction([…]), and make all its operations with plain clients; or use an interactive transaction.',
  )
}
