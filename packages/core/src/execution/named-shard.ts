/**
 * Says on which shard an error was met, without changing how it prints or compares: PostgreSQL's own error is passed
 * on as it is, with a `shard` property that is not enumerable.
 */
export function namedShard<E>(error: E, shard: string): E {
  if (typeof error === 'object' && error !== null && !('shard' in error)) {
    Object.defineProperty(error, 'shard', { value: shard, enumerable: false, configurable: true })
  }
  return error
}
