import type { KeyedPlacement } from '../statement/catalog.ts'
import { carriesIds, type IdSet, type KeySet, type KeyValue } from '../statement/key-set.ts'
import type { KeySession } from './key-session.ts'
import { boundMembers, boundValue, isNull, resolveKeySet, type ResolvedKeys } from './resolve-key-set.ts'
import { bucketOfId } from './routable-id.ts'
import { shardNumbersOfKeys, shardsOfIdBucket, type ShardMap } from './shard-map.ts'

/** Numbers of shards, or every one. */
type ShardNumbers = 'all' | ReadonlySet<number>

export interface ResolvedShards {
  readonly shards: ShardNumbers
  /** The keys, as far as conditions on the key itself say; ids name buckets of many keys. */
  readonly keys: ResolvedKeys
}

export interface ShardQuestion {
  readonly map: ShardMap
  readonly placement: KeyedPlacement
  readonly values: readonly unknown[]
  readonly session: KeySession
  /** The shard of a context's tenant: an id that may lie there lies there, as far as the tenant's rows go. */
  readonly home: number | undefined
}

const everything: ResolvedShards = { shards: 'all', keys: 'all' }
const nowhere: ReadonlySet<number> = new Set()

/**
 * The shards of a set in which ids stand for keys. Keys and ids are not comparable, so that what each of them proves
 * is put together as shards: AND intersects, OR unites.
 */
export function resolveShards(set: KeySet, question: ShardQuestion): ResolvedShards {
  switch (set.kind) {
    case 'ids':
      return { shards: shardsOfIds(set, question), keys: 'all' }
    case 'and': {
      const parts = set.sets.filter(carriesIds).map((part) => resolveShards(part, question))
      const plain = set.sets.filter((part) => !carriesIds(part))
      if (plain.length > 0) parts.push(resolvePlain({ kind: 'and', sets: plain }, question))
      return parts.reduce(
        (both, next) => ({
          shards: intersect(both.shards, next.shards),
          keys: intersect(both.keys, next.keys),
        }),
        everything,
      )
    }
    case 'or': {
      const parts = set.sets.map((part) => resolveShards(part, question))
      return { shards: unite(parts.map((part) => part.shards)), keys: unite(parts.map((part) => part.keys)) }
    }
    default:
      return resolvePlain(set, question)
  }
}

function resolvePlain(set: KeySet, { map, placement, values, session }: ShardQuestion): ResolvedShards {
  const keys = resolveKeySet(set, values, placement, session)
  return { shards: keys === 'all' ? 'all' : shardNumbersOfKeys(map, placement, keys), keys }
}

function shardsOfIds(ids: IdSet, question: ShardQuestion): ShardNumbers {
  return ids.group === question.placement.group ? shardsOfIdSet(ids.set, ids, question) : 'all'
}

function shardsOfIdSet(set: KeySet, ids: IdSet, question: ShardQuestion): ShardNumbers {
  const { values } = question
  switch (set.kind) {
    case 'none':
      return nowhere
    case 'values':
      return shardsOfMembers(
        set.values.map((member) => [boundValue(member, values), member]),
        ids,
        question,
      )
    case 'array': {
      const members = boundMembers(set.value, values)
      if (members === undefined) return 'all'
      // Holes count as NULL: that is how `pg` sends them.
      return shardsOfMembers(
        Array.from(members, (member): Member => [member, set.value]),
        ids,
        question,
      )
    }
    case 'not-distinct': {
      const value = boundValue(set.value, values)
      if (isNull(value)) return set.whenNull === 'none' ? nowhere : 'all'
      return shardsOfMembers([[value, set.value]], ids, question)
    }
    case 'and':
      return set.sets.reduce<ShardNumbers>(
        (both, next) => intersect(both, shardsOfIdSet(next, ids, question)),
        'all',
      )
    case 'or':
      return unite(set.sets.map((next) => shardsOfIdSet(next, ids, question)))
    default:
      return 'all'
  }
}

type Member = readonly [value: unknown, spelled: KeyValue]

function shardsOfMembers(
  members: readonly Member[],
  { format }: IdSet,
  { map, home }: ShardQuestion,
): ShardNumbers {
  const numbers = new Set<number>()
  for (const [value, spelled] of members) {
    if (isNull(value)) continue
    const bucket = spelled.source === 'null' ? -1 : bucketOfId(format, value, spelled.type)
    if (bucket < 0) return 'all'
    const candidates = shardsOfIdBucket(map, bucket)
    if (home !== undefined && candidates.includes(home)) numbers.add(home)
    else for (const number of candidates) numbers.add(number)
  }
  return numbers
}

function intersect<T>(a: 'all' | ReadonlySet<T>, b: 'all' | ReadonlySet<T>): 'all' | ReadonlySet<T> {
  if (a === 'all') return b
  return b === 'all' ? a : new Set([...a].filter((each) => b.has(each)))
}

function unite<T>(sets: readonly ('all' | ReadonlySet<T>)[]): 'all' | ReadonlySet<T> {
  const union = new Set<T>()
  for (const set of sets) {
    if (set === 'all') return 'all'
    for (const each of set) union.add(each)
  }
  return union
}
