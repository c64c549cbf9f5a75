import type { RouteContext, Router } from '@shardline/core'
import { inScope, scopeOf, type Scope } from './scope.ts'
import { isPrismaPromise, scopedPromise } from './scoped-promise.ts'

type AnyFunction = (...args: unknown[]) => unknown

/** What the client brings along; its `this` must be the client itself. Everything else comes from extensions. */
const native: ReadonlySet<string> = new Set([
  '$connect',
  '$disconnect',
  '$on',
  '$queryRaw',
  '$queryRawUnsafe',
  '$queryRawTyped',
  '$executeRaw',
  '$executeRawUnsafe',
])

/** Methods that clients and transactions have beside their own. */
export type AddedMethods = ReadonlyMap<string, AddedMethod>

interface AddedMethod {
  readonly method: AnyFunction
  /** What it takes the place of. Anything else under its name comes from a later extension, which wins. */
  readonly hidden: unknown
}

/** What a client is given beyond Prisma's. */
export interface Scoping {
  readonly methods: AddedMethods
  /** Contexts, outermost first. */
  readonly bound: readonly RouteContext[]
}

interface ScopedClient {
  readonly client: object
  readonly scoping: Scoping
}

const scoped = new WeakMap<object, ScopedClient>()

/**
 * Methods for `scopeClient` to add to a client. They are not made an extension of Prisma's, since a client with any extension
 * looks for computed fields in every row of every result.
 */
export function addedMethods(
  client: object,
  methods: Readonly<Record<string, (...args: never[]) => object>>,
): AddedMethods {
  const added = Object.entries(methods).map(([name, method]) => {
    return [name, { method: method as AnyFunction, hidden: Reflect.get(client, name) }] as const
  })
  return new Map(added)
}

/**
 * A client or transaction, every operation of which keeps the context that it is called in: that of `router.run`, and
 * those that the client is bound to by `$tenant`, `$primary` and the like. Where there is none, calls return what Prisma returns.
 */
export function scopeClient<C extends object>(router: Router, client: C, scoping: Scoping): C {
  const { methods, bound } = scoping
  const models = new Map<string, { readonly of: object; readonly scoped: object }>()

  const proxy: C = new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof name === 'symbol' || name.startsWith('_')) return value
      const known = models.get(name)
      if (known !== undefined && known.of === value) return known.scoped
      const added = methods.get(name)
      if (added !== undefined && added.hidden === value) return added.method.bind(proxy)
      if (typeof value === 'function') return scopeMethod(name, value as AnyFunction)
      if (typeof value !== 'object' || value === null) return value
      const own =
        name === '$parent' ? scopeClient(router, value, scoping) : scopeModel(router, value, scoping)
      models.set(name, { of: value, scoped: own })
      return own
    },
    has: (target, name) => (typeof name === 'string' && methods.has(name)) || Reflect.has(target, name),
  })

  function scopeMethod(name: string, method: AnyFunction): AnyFunction {
    switch (name) {
      case '$extends':
        return (extension) =>
          typeof extension === 'function'
            ? extension(proxy)
            : scopeClient(router, method.call(client, extension) as object, scoping)
      case '$transaction':
        return (work, ...options) => {
          const given =
            typeof work === 'function' ? transactionBody(router, work as AnyFunction, methods) : work
          return called(router, bound, () => method.call(client, given, ...options))
        }
      default:
        return (...args) => called(router, bound, () => method.apply(native.has(name) ? client : proxy, args))
    }
  }

  scoped.set(proxy, { client, scoping })
  return proxy
}

/** The client bound to one context more. */
export function bindClient<C extends object>(router: Router, client: C, context: RouteContext): C {
  const known = scoped.get(client)
  const bound = [...(known?.scoping.bound ?? []), Object.freeze({ ...context })]
  const methods = known?.scoping.methods ?? noMethods
  return scopeClient(router, (known?.client as C | undefined) ?? client, { methods, bound })
}

const noMethods: AddedMethods = new Map()

function transactionBody(router: Router, body: AnyFunction, methods: AddedMethods): AnyFunction {
  // The whole of it runs in the scope of the call, so the transaction is bound to nothing of its own.
  return (transaction) => body(scopeClient(router, transaction as object, { methods, bound: [] }))
}

function scopeModel(router: Router, model: object, scoping: Scoping): object {
  const { bound } = scoping
  const methods = new Map<string, { readonly of: unknown; readonly scoped: AnyFunction }>()
  let parent: { readonly of: object; readonly scoped: object } | undefined
  const proxy: object = new Proxy(model, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (name === '$parent' && typeof value === 'object' && value !== null) {
        if (parent?.of !== value) parent = { of: value, scoped: scopeClient(router, value, scoping) }
        return parent.scoped
      }
      if (typeof value !== 'function' || typeof name === 'symbol') return value
      const known = methods.get(name)
      if (known?.of === value) return known.scoped
      const method = value as AnyFunction
      const scopedMethod: AnyFunction = (...args) => {
        const scope = scopeOf(router, bound)
        // Without a function between: Prisma captures the stack of every operation, which costs by the frame.
        if (scope === undefined) return method.apply(proxy, args)
        return calledIn(router, scope, () => method.apply(proxy, args))
      }
      methods.set(name, { of: value, scoped: scopedMethod })
      return scopedMethod
    },
  })
  return proxy
}

/** Runs in the scope, and if the result runs only when it is awaited, that as well. */
function called(router: Router, bound: readonly RouteContext[], act: () => unknown): unknown {
  const scope = scopeOf(router, bound)
  return scope === undefined ? act() : calledIn(router, scope, act)
}

function calledIn(router: Router, scope: Scope, act: () => unknown): unknown {
  const result = inScope(router, scope, act)
  return isPrismaPromise(result) ? scopedPromise(router, result, scope) : result
}
