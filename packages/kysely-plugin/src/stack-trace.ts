/** Adds the caller's frames to an error that was made in a socket's callback, as Kysely's own dialects do. */
export function extendStackTrace(error: unknown, here: Error): unknown {
  if (error instanceof Error && here.stack !== undefined) {
    error.stack += `\n${here.stack.slice(here.stack.indexOf('\n') + 1)}`
  }
  return error
}
