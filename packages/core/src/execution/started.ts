/**
 * Some ORMs hand out queries that run when somebody awaits them. Awaited by the caller of `router.run`, such a query would
 * run outside of the context that was meant for it: its guard and its pin would be lost without a word. It is started here.
 */
export function started<T>(result: T): T {
  if (!isLazy(result)) return result
  return new Promise((resolve, reject) => void result.then(resolve, reject)) as T
}

function isLazy(result: unknown): result is PromiseLike<unknown> {
  if (typeof result !== 'object' || result === null || result instanceof Promise) return false
  return typeof (result as { readonly then?: unknown }).then === 'function'
}
