import type { RouteContext, Router } from '@shardline/core'
import { inScope, scopeOf } from './scope.ts'
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

interface ScopedClient {
  readonly client: object
  readonly bound: readonly RouteContext[]
}

const scoped = new WeakMap<object, ScopedClient>()

/**
 * A client or transaction, every operation of which keeps the context that it is called in: that of `router.run`, and
 * those that the client is bound to by `$tenant`, `$primary` and the like. Where there is none, calls return what Prisma returns.
 */
export function scopeClient<C extends object>(
  router: Router,
  client: C,
  bound: readonly RouteContext[] = [],
): C {
  const models = new Map<string, { readonly of: object; readonly scoped: object }>()

  const proxy: C = new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof name === 'symbol' || name.startsWith('_')) return value
      if (typeof value === 'function') return scopeMethod(name, value as AnyFunction)
      if (typeof value !== 'object' || value === null || name === '$parent') return value
      const known = models.get(name)
      if (known?.of === value) return known.scoped
      const model = scopeModel(router, value, bound)
      models.set(name, { of: value, scoped: model })
      return model
    },
  })

  function scopeMethod(name: string, method: AnyFunction): AnyFunction {
    switch (name) {
      case '$extends':
        return (...args) => scopeClient(router, method.apply(client, args) as object, bound)
      case '$transaction':
        return (work, ...options) => {
          const given = typeof work === 'function' ? transactionBody(router, work as AnyFunction) : work
          return called(router, bound, () => method.call(client, given, ...options))
        }
      default:
        return (...args) => called(router, bound, () => method.apply(native.has(name) ? client : proxy, args))
    }
  }

  scoped.set(proxy, { client, bound })
  return proxy
}

/** The client bound to one context more. */
export function bindClient<C extends object>(router: Router, client: C, context: RouteContext): C {
  const known = scoped.get(client)
  const bound = [...(known?.bound ?? []), Object.freeze({ ...context })]
  return scopeClient(router, (known?.client as C | undefined) ?? client, bound)
}

function transactionBody(router: Router, body: AnyFunction): AnyFunction {
  // The whole of it runs in the scope of the call, so the transaction is bound to nothing of its own.
  return (transaction) => body(scopeClient(router, transaction as object))
}

function scopeModel(router: Router, model: object, bound: readonly RouteContext[]): object {
  const methods = new Map<string, { readonly of: unknown; readonly scoped: AnyFunction }>()
  const proxy: object = new Proxy(model, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function' || typeof name === 'symbol') return value
      const known = methods.get(name)
      if (known?.of === value) return known.scoped
      const method = value as AnyFunction
      const scopedMethod: AnyFunction = (...args) => called(router, bound, () => method.apply(proxy, args))
      methods.set(name, { of: value, scoped: scopedMethod })
      return scopedMethod
    },
  })
  return proxy
}

/** Runs in the scope, and if the result runs only when it is awaited, that as well. */
function called(router: Router, bound: readonly RouteContext[], act: () => unknown): unknown {
  const scope = scopeOf(router, bound)
  if (scope === undefined) return act()
  const result = inScope(router, scope, act)
  return isPrismaPromise(result) ? scopedPromise(router, result, scope) : result
}
