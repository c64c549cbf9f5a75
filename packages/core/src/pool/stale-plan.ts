/**
 * True when a prepared statement could not be used any more, and therefore did not run: its result type changed
 * (0A000 from RevalidateCachedQuery), the server does not have it (26000 from FetchPreparedStatement), or has it although
 * it was parsed again (42P05 from StorePreparedStatement). The latter two also come about when statements are sent ahead of
 * the answer to the Parse that they rely on.
 *
 * Told by SQLSTATE and by the routine of the server's source that raised it, because messages are translated. An error
 * with a context (`where`) came out of a function that ran, not out of our statement.
 */
export function isStalePlan(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false
  const { code, routine, where } = error as { code?: unknown; routine?: unknown; where?: unknown }
  if (where !== undefined) return false
  return (
    (code === '0A000' && routine === 'RevalidateCachedQuery') ||
    (code === '26000' && routine === 'FetchPreparedStatement') ||
    (code === '42P05' && routine === 'StorePreparedStatement')
  )
}
