/** Errors after which it is certain that no server saw the statement. */
const neverSent = new WeakSet<object>()

/** Marks an error that was met before anything of the statement was sent, and returns it. */
export function markNeverSent<E>(error: E): E {
  if (typeof error === 'object' && error !== null) neverSent.add(error)
  return error
}

/**
 * True when the statement that failed with this error was certainly not sent, so that it may go to another node or
 * be tried again without any risk of running twice: no connection could be had, or it was known to be broken.
 */
export function wasNeverSent(error: unknown): boolean {
  return typeof error === 'object' && error !== null && neverSent.has(error)
}
