import { DatabaseError } from '../errors.ts'

/**
 * Runs work on every shard at the same time and waits for all of it.
 * @throws DatabaseError SHARDS_FAILED when it failed anywhere: `details` says where, and where it succeeded
 */
export async function runOnEach<T>(
  shards: readonly string[],
  work: (shard: string) => Promise<T>,
): Promise<ReadonlyMap<string, T>> {
  const results = new Map<string, T>()
  const failures = new Map<string, unknown>()
  await Promise.all(
    shards.map((shard) =>
      work(shard).then(
        (result) => void results.set(shard, result),
        (error: unknown) => void failures.set(shard, error),
      ),
    ),
  )
  if (failures.size > 0) throw failure(shards, results, failures)
  return new Map(shards.map((shard) => [shard, results.get(shard) as T]))
}

function failure(
  shards: readonly string[],
  results: ReadonlyMap<string, unknown>,
  failures: ReadonlyMap<string, unknown>,
): DatabaseError {
  const failed = shards.filter((shard) => failures.has(shard))
  const succeeded = shards.filter((shard) => results.has(shard))
  const quoted = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ')
  return new DatabaseError(
    'SHARDS_FAILED',
    `It failed on ${quoted(failed)}${
      succeeded.length === 0 ? '' : ` and succeeded on ${quoted(succeeded)}`
    }. The cause is the first failure; run it again where it failed, once that is mended.`,
    { cause: failures.get(failed[0] ?? ''), details: { failed, succeeded } },
  )
}
