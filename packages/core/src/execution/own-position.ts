/**
 * PostgreSQL says where in the text the mistake is, and shards get a text that may have been rewritten for the merge. What both
 * texts begin or end with is in the same place, counted from there; a place in between is none of the application's.
 */
export function ownPosition<E>(error: E, own: string, sent: string): E {
  if (own === sent || typeof error !== 'object' || error === null || !('position' in error)) return error
  if (typeof error.position !== 'string') return error
  // Positions count characters, by code point.
  const ours = Array.from(own)
  const theirs = Array.from(sent)
  const index = Number(error.position) - 1
  const fromEnd = theirs.length - index
  if (theirs.slice(0, index + 1).every((character, at) => character === ours[at])) return error
  const isInTail = fromEnd <= ours.length && theirs.slice(index).join('') === ours.slice(-fromEnd).join('')
  error.position = isInTail ? String(ours.length - fromEnd + 1) : undefined
  return error
}
