import { ConfigError } from '../errors.ts'
import type { KeyedPlacement } from '../statement/catalog.ts'
import type { KeyList } from '../statement/key-list.ts'
import { carriesIds, type IdSet, type KeySet, type KeyValue } from '../statement/key-set.ts'
import type { KeyType } from '../statement/key-type.ts'
import { bucketCount, hashBucketOfValue, placedKey, type CanonicalKey } from './canonical-key.ts'
import type { KeySession } from './key-session.ts'
import { listedKeys } from './listed-keys.ts'
import { resolveKeySet } from './resolve-key-set.ts'
import { resolveShards } from './resolve-shards.ts'
import { bucketOfId } from './routable-id.ts'
import { bucketOfValue, namesOfShards, shardsOfIdBucket, shardsOfKeys, type ShardMap } from './shard-map.ts'

const all = { kind: 'all' } as const
const nowhere = { kind: 'some', shards: [], keys: [] } as const
const nullKey = { kind: 'null' } as const
const unprovable = { kind: 'unprovable' } as const

/** The shards of ids: no keys are known of them. */
class FoundById {
  readonly kind = 'some'
  readonly keys = undefined
  readonly isById = true
  readonly shards: readonly string[]

  constructor(shards: readonly string[]) {
    this.shards = shards
  }
}

/** One key's shard; its spelling is worked out only for those who ask, which few do. */
class SoleKey {
  readonly kind = 'some'
  readonly shards: readonly string[]
  readonly #placement: KeyedPlacement
  readonly #value: unknown
  readonly #type: KeyType
  readonly #session: KeySession

  constructor(
    shards: readonly string[],
    placement: KeyedPlacement,
    value: unknown,
    type: KeyType,
    session: KeySession,
  ) {
    this.shards = shards
    this.#placement = placement
    this.#value = value
    this.#type = type
    this.#session = session
  }

  get keys(): readonly CanonicalKey[] {
    const key = placedKey(this.#placement, this.#value, this.#type, this.#session)
    return key === undefined ? [] : [key]
  }
}

function bucketOn({ assignment }: ShardMap, bucket: number) {
  const shard = assignment.shards[assignment.buckets[bucket] ?? -1]
  return shard === undefined ? undefined : { bucket, shard }
}

/**
 * Keys to shards over one set of shard maps (by colocation group) and one kind of session: what routing asks.
 * Replaced as a whole when an assignment or the catalog changes.
 */
export class MappedKeys {
  readonly #maps: ReadonlyMap<string, ShardMap>
  readonly #session: KeySession
  /** For each list of one shard the answer that it is where an id lies. */
  readonly #foundById = new Map<readonly string[], FoundById>()

  constructor(maps: ReadonlyMap<string, ShardMap>, session: KeySession) {
    this.#maps = maps
    this.#session = session
  }

  mapOf(placement: Pick<KeyedPlacement, 'group'>): ShardMap {
    const map = this.#maps.get(placement.group)
    if (map === undefined) {
      throw new ConfigError(
        'CONFIG_INVALID',
        `The colocation group "${placement.group}" has no assignment of buckets to shards. Describe its tables in defineCluster({ tables }).`,
      )
    }
    return map
  }

  /** The shards on which rows with a key in `set` may lie; `home` is where the tenant of a context lies. */
  resolve(placement: KeyedPlacement, set: KeySet, values: readonly unknown[], home?: string) {
    if (set.kind === 'values' && set.values.length === 1) {
      const [sole] = set.values
      if (sole !== undefined) return this.#resolveSole(placement, sole, values)
    }
    if (set.kind === 'ids' && home === undefined) {
      const known = this.#resolveSoleId(placement, set, values)
      if (known !== undefined) return known
    }
    if (carriesIds(set)) return this.#resolveIds(placement, set, values, home)
    const keys = resolveKeySet(set, values, placement, this.#session)
    if (keys === 'all') return all
    return {
      kind: 'some',
      shards: shardsOfKeys(this.mapOf(placement), placement, keys),
      keys: [...keys],
    } as const
  }

  /**
   * The indices of a list's keys by the shards on which their rows may lie: those of NULL, which no row has, by all of
   * them. Undefined when a key is none that surely reads as one.
   */
  deal(list: KeyList, values: readonly unknown[]): ReadonlyMap<string, readonly number[]> | undefined {
    const keys = listedKeys(list, values)
    if (keys === undefined) return undefined
    const map = this.mapOf(list.placement)
    const { shards } = map.assignment
    const dealt = shards.map((): number[] => [])
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index]
      if (key === null || key === undefined) for (const own of dealt) own.push(index)
      else if (list.id === undefined) {
        const bucket = bucketOfValue(map, list.placement, key, list.type, this.#session)
        const own = dealt[map.assignment.buckets[bucket] ?? -1]
        if (own === undefined) return undefined
        own.push(index)
      } else {
        const bucket = bucketOfId(list.id.format, key, list.type)
        if (bucket < 0 || list.id.group !== list.placement.group) return undefined
        for (const number of shardsOfIdBucket(map, bucket)) dealt[number]?.push(index)
      }
    }
    return new Map(shards.map((name, number) => [name, dealt[number] ?? []]))
  }

  #resolveIds(placement: KeyedPlacement, set: KeySet, values: readonly unknown[], home: string | undefined) {
    const map = this.mapOf(placement)
    const { shards, keys } = resolveShards(set, {
      map,
      placement,
      values,
      session: this.#session,
      home: home === undefined ? undefined : map.assignment.shards.indexOf(home),
    })
    if (shards === 'all') return all
    const names = namesOfShards(map, shards)
    if (keys === 'all') return new FoundById(names)
    const [near] = names.length > 0 ? [] : shardsOfKeys(map, placement, keys)
    return { kind: 'some', shards: names, keys: [...keys], near } as const
  }

  /** One id of one bucket with one shard, the usual case; undefined when it is another. */
  #resolveSoleId(placement: KeyedPlacement, { format, group, set }: IdSet, values: readonly unknown[]) {
    if (set.kind !== 'values' || set.values.length !== 1 || group !== placement.group) return undefined
    const [sole] = set.values
    if (sole === undefined || sole.source === 'null') return undefined
    const value = sole.source === 'literal' ? sole.text : values[sole.number - 1]
    if (value === null || value === undefined) return undefined
    const bucket = bucketOfId(format, value, sole.type)
    const map = this.mapOf(placement)
    // Pinned keys have buckets of their own, and leave ids behind in others.
    if (bucket < 0 || bucket >= bucketCount || map.spread.has(bucket)) return undefined
    const shards = map.alone[map.assignment.buckets[bucket] ?? -1]
    if (shards === undefined) return undefined
    let found = this.#foundById.get(shards)
    if (found === undefined) {
      found = new FoundById(shards)
      this.#foundById.set(shards, found)
    }
    return found
  }

  #resolveSole(placement: KeyedPlacement, sole: KeyValue, values: readonly unknown[]) {
    if (sole.source === 'null') return nowhere
    const value = sole.source === 'literal' ? sole.text : values[sole.number - 1]
    if (value === null || value === undefined) {
      // A parameter that was not given at all is the server's to refuse: it proves nothing.
      return sole.source === 'parameter' && sole.number > values.length ? all : nowhere
    }
    const map = this.mapOf(placement)
    const bucket = bucketOfValue(map, placement, value, sole.type, this.#session)
    if (bucket < 0) return all
    const shards = map.alone[map.assignment.buckets[bucket] ?? -1] ?? map.assignment.shards
    return new SoleKey(shards, placement, value, sole.type, this.#session)
  }

  /** The shard of a row that is about to be written. */
  locate(placement: KeyedPlacement, key: KeyValue, values: readonly unknown[]) {
    if (key.source === 'null') return nullKey
    if (key.source === 'parameter' && key.number > values.length) {
      return { kind: 'missing', parameter: key.number } as const
    }
    return this.#locateValue(
      placement,
      key.source === 'literal' ? key.text : values[key.number - 1],
      key.type,
    )
  }

  /** The bucket of a key, pinned ones included, and the shard that holds it; undefined for what is no key. */
  bucketOf(
    placement: KeyedPlacement,
    value: unknown,
  ): { readonly bucket: number; readonly shard: string } | undefined {
    const map = this.mapOf(placement)
    const bucket = bucketOfValue(map, placement, value, placement.keyType, this.#session)
    return bucketOn(map, bucket)
  }

  /** As `bucketOf`, by the key's hash, whether or not it is pinned. */
  hashBucketOf(placement: KeyedPlacement, value: unknown): ReturnType<MappedKeys['bucketOf']> {
    const bucket = hashBucketOfValue(placement, value, placement.keyType, this.#session)
    return bucketOn(this.mapOf(placement), bucket)
  }

  /** The shard and canonical spelling of a tenant given by a context. */
  locateTenant(placement: KeyedPlacement, tenant: string | number | bigint) {
    return this.#locateValue(placement, tenant, placement.keyType)
  }

  #locateValue(placement: KeyedPlacement, value: unknown, type: KeyType) {
    if (value === null || value === undefined) return nullKey
    const map = this.mapOf(placement)
    const bucket = bucketOfValue(map, placement, value, type, this.#session)
    const key = placedKey(placement, value, type, this.#session)
    const shard = map.assignment.shards[map.assignment.buckets[bucket] ?? -1]
    return key === undefined || shard === undefined ? unprovable : ({ kind: 'found', shard, key } as const)
  }
}
