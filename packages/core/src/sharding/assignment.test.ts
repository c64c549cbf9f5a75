import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  countPerShard,
  createAssignment,
  moves,
  pinKeys,
  reassign,
  shardOfBucket,
  type Assignment,
} from './assignment.ts'
import { loadAssignment, storeAssignment } from './assignment-json.ts'
import { bucketCount } from './canonical-key.ts'

const names = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9]{0,6}$/), { minLength: 1, maxLength: 40 })

function expectBalance({ buckets, shards }: Assignment): void {
  const counts = countPerShard(buckets, shards.length)
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(bucketCount)
  expect(Math.max(...counts)).toBe(Math.ceil(bucketCount / shards.length))
  expect(Math.min(...counts)).toBe(Math.floor(bucketCount / shards.length))
}

/** The fewest buckets that have to leave their shard to make `after` balanced. */
function fewestMoves(before: Assignment, after: readonly string[]): number {
  const counts = countPerShard(before.buckets, before.shards.length)
  const share = Math.floor(bucketCount / after.length)
  const odd = bucketCount % after.length
  const kept = after
    .map((name) => counts[before.shards.indexOf(name)] ?? 0)
    .sort((a, b) => b - a)
    .reduce((sum, count, rank) => sum + Math.min(count, share + (rank < odd ? 1 : 0)), 0)
  return bucketCount - kept
}

describe('assignments', () => {
  test('are balanced, however many shards', () => {
    fc.assert(
      fc.property(names, (shards) => {
        const assignment = createAssignment(shards)
        expectBalance(assignment)
        expect(assignment.version).toBe(1)
      }),
      { numRuns: 60 },
    )
  })

  test('stay balanced through any history of shards, moving the fewest buckets', () => {
    fc.assert(
      fc.property(fc.array(names, { minLength: 2, maxLength: 5 }), ([first = ['a'], ...history]) => {
        let assignment = createAssignment(first)
        for (const shards of history) {
          const next = reassign(assignment, shards)
          expectBalance(next)
          expect(next.version).toBe(assignment.version + 1)
          const moved = moves(assignment, next)
          expect(moved.length).toBe(fewestMoves(assignment, shards))
          const isTrue = moved.every(
            ({ bucket, from, to }) =>
              shardOfBucket(assignment, bucket) === from && shardOfBucket(next, bucket) === to,
          )
          expect(isTrue).toBe(true)
          assignment = next
        }
      }),
      { numRuns: 40 },
    )
  })

  test('16 to 17 shards moves a seventeenth, and only to the new shard', () => {
    const before = createAssignment(Array.from({ length: 16 }, (_, n) => `s${n}`))
    const moved = moves(before, reassign(before, [...before.shards, 's16']))
    expect(moved.length / bucketCount).toBeCloseTo(1 / 17, 3)
    expect(new Set(moved.map(({ to }) => to))).toEqual(new Set(['s16']))
  })

  test('renumbering shards moves nothing', () => {
    const before = createAssignment(['a', 'b', 'c'])
    expect(moves(before, reassign(before, ['c', 'a', 'b']))).toEqual([])
  })

  test('names are needed and differ', () => {
    expect(() => createAssignment([])).toThrow('1 to 1,024 shards')
    expect(() => createAssignment(['a', 'a'])).toThrow('different names')
  })
})

describe('pinned keys', () => {
  const pinned = pinKeys(createAssignment(['a', 'b']), 'tenant', [
    { key: '7', hashBucket: 7_220, shard: 'b' },
    { key: '42', hashBucket: 12_671, shard: 'a' },
  ])

  test('have buckets of their own above the hashed ones', () => {
    expect(pinned.pins.map(({ key, bucket }) => [key, bucket, shardOfBucket(pinned, bucket)])).toEqual([
      ['7', 16_384, 'b'],
      ['42', 16_385, 'a'],
    ])
    expectBalance(pinned)
  })

  test('move out of the bucket they were hashed to, and keep their own bucket afterwards', () => {
    const before = createAssignment(['a', 'b'])
    expect(moves(before, pinned)).toEqual([
      { bucket: 16_384, from: 'a', to: 'b' },
      { bucket: 16_385, from: 'b', to: 'a' },
    ])
    const more = pinKeys(pinned, 'tenant', [{ key: '1', hashBucket: 9_941, shard: 'a' }])
    expect(more.pins.slice(0, 2)).toEqual(pinned.pins)
    expect(reassign(more, ['b', 'c', 'a']).pins).toEqual(more.pins)
  })

  test('are the same key only within their group', () => {
    const other = pinKeys(pinned, 'accounts', [{ key: '7', hashBucket: 7_220, shard: 'a' }])
    expect(other.pins).toHaveLength(3)
  })

  test('pinned again the same, nothing changes; pinned elsewhere, it moves with its bucket', () => {
    const again = [{ key: '7', hashBucket: 7_220, shard: 'b' }]
    expect(pinKeys(pinned, 'tenant', again)).toBe(pinned)
    const elsewhere = again.map((pin) => ({ ...pin, shard: 'a' }))
    const moved = pinKeys(pinned, 'tenant', elsewhere)
    expect(moved.pins).toEqual(pinned.pins)
    const bucket = pinned.pins.find(({ key }) => key === '7')?.bucket ?? -1
    expect(moves(pinned, moved)).toEqual([{ bucket, from: 'b', to: 'a' }])
  })

  test('pinned to two shards at once, it is a conflict that names no key', () => {
    const both = ['a', 'b'].map((shard) => ({ key: '7', hashBucket: 7_220, shard }))
    expect(() => pinKeys(pinned, 'tenant', both)).toThrow(
      expect.objectContaining({ code: 'CONFIG_CONFLICT' }),
    )
    expect(() => pinKeys(pinned, 'tenant', both)).not.toThrow(/7/)
  })

  test('keep their shard from being removed', () => {
    expect(() => reassign(pinned, ['a', 'c'])).toThrow('1 pinned key would be left')
  })
})

describe('stored assignments', () => {
  test('come back as they were', () => {
    fc.assert(
      fc.property(names, names, (first, second) => {
        const plain = reassign(createAssignment(first), second)
        const assignment = pinKeys(plain, 'g', [{ key: 'k "ü', hashBucket: 5, shard: second[0] ?? '' }])
        const stored = JSON.stringify(storeAssignment(assignment))
        expect(loadAssignment(stored)).toEqual(assignment)
        expect(loadAssignment(JSON.parse(stored))).toEqual(assignment)
      }),
      { numRuns: 40 },
    )
  })

  test('are small', () => {
    const fresh = createAssignment(Array.from({ length: 16 }, (_, n) => `s${n}`))
    expect(JSON.stringify(storeAssignment(fresh)).length).toBeLessThan(500)
  })

  const stored = storeAssignment(createAssignment(['a', 'b']))
  test.each([
    ['no JSON', '{"secret', 'it is no JSON'],
    ['no object', 7, 'it is no object'],
    ['another format', { ...stored, format: 'shardline-assignment/2' }, 'its format'],
    ['a version of nothing', { ...stored, version: 0 }, '"version"'],
    ['no shards', { ...stored, shards: [] }, '"shards"'],
    ['one shard twice', { ...stored, shards: ['a', 'a'] }, '"shards"'],
    ['strange runs', { ...stored, runs: ['x'] }, '"runs"'],
    ['another shard put in by hand', { ...stored, shards: ['a', 'c'] }, 'its checksum'],
    ['runs changed by hand', { ...stored, runs: [0, 8_191, 1, 8_193] }, 'its checksum'],
    ['no checksum', { ...stored, checksum: undefined }, 'its checksum'],
  ])('%s is refused', (_, value, why) => {
    expect(() => loadAssignment(value)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    expect(() => loadAssignment(value)).toThrow(why)
    expect(() => loadAssignment(value)).not.toThrow('secret')
  })
})
