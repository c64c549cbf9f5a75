import type { RouteContext, Router } from '@shardline/core'

/** The contexts in which an operation was written down: Prisma runs it only when somebody awaits it, maybe elsewhere. */
export interface Scope {
  /** Of `router.run` around the call. */
  readonly ambient: RouteContext | undefined
  /** Of the client that it was called on, outermost first. */
  readonly bound: readonly RouteContext[]
}

/** Undefined when there is nothing to keep. */
export function scopeOf(router: Router, bound: readonly RouteContext[]): Scope | undefined {
  const ambient = router.context
  return ambient === undefined && bound.length === 0 ? undefined : { ambient, bound }
}

/** Calls in the scope; contexts that contradict the one around are refused by the router. */
export function inScope<R>(router: Router, { ambient, bound }: Scope, act: () => R): R {
  // In a box, since the router would start what runs only when it is awaited.
  let boxed = (): { readonly result: R } => ({ result: act() })
  for (const context of bound.toReversed()) {
    const inner = boxed
    boxed = () => router.run(context, inner)
  }
  const outcome = ambient === undefined || ambient === router.context ? boxed() : router.run(ambient, boxed)
  return outcome.result
}
