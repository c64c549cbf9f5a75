import type { KeyedPlacement } from '../statement/catalog.ts'
import type { KeyBound, KeySet, KeyValue } from '../statement/key-set.ts'
import type { KeyType } from '../statement/key-type.ts'
import { readArrayLiteral } from './array-literal.ts'
import { placedKey, type CanonicalKey } from './canonical-key.ts'
import type { KeySession } from './key-session.ts'
import { isPeriodStart, periodOf } from './period.ts'
import { readInstant } from './time-key.ts'

/** Every key, or the finite set outside of which no row matters. */
export type ResolvedKeys = 'all' | ReadonlySet<CanonicalKey>

/** Ranges with more periods than this prove nothing: they would name every shard anyway. */
const maxPeriods = 16_384

/** A resolved set on the way: time ranges stay open-ended until they have been intersected. */
type Keys = 'all' | ReadonlySet<CanonicalKey> | PeriodRange

interface PeriodRange {
  readonly from: number
  readonly to: number
}

const nothing: ReadonlySet<CanonicalKey> = new Set()

/** The keys a set stands for once the parameter values are known; a value that proves nothing widens it to all. */
export function resolveKeySet(
  set: KeySet,
  values: readonly unknown[],
  placement: KeyedPlacement,
  session: KeySession,
): ResolvedKeys {
  return finite(resolve(set, { values, placement, session }))
}

interface Binding {
  readonly values: readonly unknown[]
  readonly placement: KeyedPlacement
  readonly session: KeySession
}

function resolve(set: KeySet, binding: Binding): Keys {
  switch (set.kind) {
    case 'all':
      return 'all'
    case 'none':
      return nothing
    case 'values':
      return resolveValues(set.values, binding)
    case 'array':
      return resolveArray(set.value, binding)
    case 'not-distinct': {
      if (!isNull(boundValue(set.value, binding.values))) return resolveValues([set.value], binding)
      return set.whenNull === 'none' ? nothing : 'all'
    }
    case 'range':
      return resolveRange(set.lower, set.upper, binding)
    case 'and':
      return set.sets.reduce<Keys>((keys, next) => intersect(keys, resolve(next, binding)), 'all')
    case 'or':
      return unite(set.sets.map((next) => finite(resolve(next, binding))))
    case 'ids':
      // Ids name buckets, and a bucket has many keys: `resolve-shards` reads them.
      return 'all'
  }
}

/** Not given at all is not NULL: the server will refuse the statement, and until then nothing is proved. */
const missing = Symbol('missing parameter')

export function boundValue(value: KeyValue, values: readonly unknown[]): unknown {
  if (value.source === 'null') return null
  if (value.source === 'literal') return value.text
  return value.number <= values.length ? values[value.number - 1] : missing
}

export function isNull(value: unknown): boolean {
  return value === null || value === undefined
}

function typeOf(value: KeyValue, { placement }: Binding): KeyType {
  return value.source === 'null' ? placement.keyType : value.type
}

function resolveValues(members: readonly KeyValue[], binding: Binding): Keys {
  const keys = new Set<CanonicalKey>()
  for (const member of members) {
    const value = boundValue(member, binding.values)
    if (isNull(value)) continue
    const key = placedKey(binding.placement, value, typeOf(member, binding), binding.session)
    if (key === undefined) return 'all'
    keys.add(key)
  }
  return keys
}

function resolveArray(array: KeyValue, binding: Binding): Keys {
  const members = boundMembers(array, binding.values)
  if (members === undefined) return 'all'
  const type = typeOf(array, binding)
  const keys = new Set<CanonicalKey>()
  // By index, because `pg` sends the holes of a sparse array as NULL.
  for (let index = 0; index < members.length; index++) {
    const member = members[index]
    if (isNull(member)) continue
    const key = placedKey(binding.placement, member, type, binding.session)
    if (key === undefined) return 'all'
    keys.add(key)
  }
  return keys
}

/** The members of an array value, none for NULL; undefined when they are not known. */
export function boundMembers(array: KeyValue, values: readonly unknown[]): readonly unknown[] | undefined {
  const value = boundValue(array, values)
  if (isNull(value)) return []
  if (Array.isArray(value)) return value as readonly unknown[]
  return typeof value === 'string' ? readArrayLiteral(value) : undefined
}

function resolveRange(lower: KeyBound | undefined, upper: KeyBound | undefined, binding: Binding): Keys {
  const bounds = [lower, upper].filter((bound) => bound !== undefined)
  if (bounds.some((bound) => isNull(boundValue(bound.value, binding.values)))) return nothing
  const every = binding.placement.every
  if (binding.placement.strategy !== 'time' || every === undefined) return 'all'
  const instantOf = (bound: KeyBound | undefined) =>
    bound &&
    readInstant(typeOf(bound.value, binding), boundValue(bound.value, binding.values), binding.session)
  const first = instantOf(lower)
  const last = instantOf(upper)
  const from = first === undefined ? Number.NEGATIVE_INFINITY : periodOf(every, first)
  if (last === undefined || upper === undefined) return { from, to: Number.POSITIVE_INFINITY }
  const isLeftOut = !upper.isInclusive && isPeriodStart(every, last)
  return { from, to: periodOf(every, last) - (isLeftOut ? 1 : 0) }
}

function isRange(keys: Keys): keys is PeriodRange {
  return keys !== 'all' && 'from' in keys
}

function intersect(a: Keys, b: Keys): Keys {
  if (a === 'all') return b
  if (b === 'all') return a
  if (isRange(a)) {
    if (isRange(b)) return { from: Math.max(a.from, b.from), to: Math.min(a.to, b.to) }
    return within(b, a)
  }
  return isRange(b) ? within(a, b) : new Set([...a].filter((key) => b.has(key)))
}

function within(keys: ReadonlySet<CanonicalKey>, range: PeriodRange): Keys {
  return new Set([...keys].filter((key) => Number(key) >= range.from && Number(key) <= range.to))
}

function unite(sets: readonly ResolvedKeys[]): ResolvedKeys {
  const union = new Set<CanonicalKey>()
  for (const keys of sets) {
    if (keys === 'all') return 'all'
    for (const key of keys) union.add(key)
  }
  return union
}

function finite(keys: Keys): ResolvedKeys {
  if (!isRange(keys)) return keys
  const count = keys.to - keys.from + 1
  if (count > maxPeriods) return 'all'
  const periods = new Set<CanonicalKey>()
  for (let period = keys.from; period <= keys.to; period++) periods.add(String(period))
  return periods
}
