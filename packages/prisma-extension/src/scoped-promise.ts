import type { Router } from '@shardline/core'
import { inScope, type Scope } from './scope.ts'

type AnyFunction = (...args: unknown[]) => unknown

/** What Prisma's operations return: they run when `then` is called, or `requestTransaction` by `$transaction([…])`. */
export function isPrismaPromise(value: unknown): value is object {
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as { readonly [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === 'PrismaPromise'
  )
}

/** The same operation, run in the scope wherever it is awaited; so are those that the fluent API makes of it. */
export function scopedPromise(router: Router, promise: object, scope: Scope): object {
  return new Proxy(promise, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      const method = value as AnyFunction
      switch (name) {
        case 'then':
        case 'catch':
        case 'finally':
          return (...callbacks: unknown[]): unknown => {
            // Only the operation runs in the scope; callbacks run in the context that attached them.
            const run = Reflect.get(target, 'then') as AnyFunction
            const running = inScope(router, scope, () => run.call(target)) as Promise<unknown>
            return (running[name] as AnyFunction).apply(running, callbacks)
          }
        case 'requestTransaction':
          return (...args: unknown[]): unknown => inScope(router, scope, () => method.apply(target, args))
        default:
          return (...args: unknown[]): unknown => {
            const result = method.apply(target, args)
            return isPrismaPromise(result) ? scopedPromise(router, result, scope) : result
          }
      }
    },
  })
}
