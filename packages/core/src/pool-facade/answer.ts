/** Called once, with an error or with a result. */
export type AnswerCallback = (error: unknown, result: unknown) => void

/**
 * A promise of what `start` calls back with.
 *
 * The stack of an error tells where the statement was given, not where the socket was read. V8 finds that from a
 * reaction of a promise that somebody awaits, so an error takes one promise more; a result does not.
 */
export function answering(start: (done: AnswerCallback) => void): Promise<unknown> {
  return new Promise((resolve, reject) => {
    start((error, result) => {
      if (result !== undefined) resolve(result)
      else if (error instanceof Error) resolve(failing(error))
      else reject(error)
    })
  })
}

function failing(error: Error): Promise<never> {
  let fail: (error: Error) => void = () => {}
  const answer = new Promise<never>((_, reject) => {
    fail = reject
  }).catch(rethrowHere)
  // Whoever awaits must be known by then, so the reaction comes in a later microtask than the promise.
  queueMicrotask(() => fail(error))
  return answer
}

function rethrowHere(error: unknown): never {
  if (error instanceof Error) Error.captureStackTrace(error)
  throw error
}
