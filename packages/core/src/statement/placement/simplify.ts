import { allKeys, noKeys, type KeySet, type KeyValue } from '../key-set.ts'

/** Conditions on one key beyond this many are not looked at. */
const maxConditions = 32

/** The intersection, flattened, without repetitions; one lower and one upper bound become one range. */
export function intersection(
  sets: readonly KeySet[],
  isProved: (value: KeyValue, isArray: boolean) => boolean,
): KeySet {
  const parts: KeySet[] = []
  for (const set of sets) {
    // Fewer conditions allow more keys, which is never wrong.
    if (parts.length >= maxConditions) break
    const simple = simplify(set, isProved)
    if (simple.kind === 'none') return noKeys
    for (const part of simple.kind === 'and' ? simple.sets : [simple]) {
      if (part.kind !== 'all' && !parts.some((other) => isSameSet(other, part))) parts.push(part)
    }
  }
  const joined = joinRanges(
    parts.filter((part) => !parts.some((other) => other !== part && isSubset(other, part))),
  )
  const [only] = joined
  if (only === undefined) return allKeys
  return joined.length === 1 ? only : { kind: 'and', sets: joined }
}

function simplify(set: KeySet, isProved: (value: KeyValue, isArray: boolean) => boolean): KeySet {
  switch (set.kind) {
    case 'and':
      return intersection(set.sets, isProved)
    case 'or':
      return union(set.sets.map((member) => simplify(member, isProved)))
    case 'values':
      return set.values.every((value) => isProved(value, false)) ? set : allKeys
    case 'array':
      return isProved(set.value, true) ? set : allKeys
    case 'not-distinct':
      return isProved(set.value, false) ? set : allKeys
    case 'range':
      return [set.lower, set.upper].every((bound) => bound === undefined || isProved(bound.value, false))
        ? set
        : allKeys
    case 'ids': {
      const ids = simplify(set.set, isProved)
      return ids.kind === 'all' || ids.kind === 'none' ? ids : { ...set, set: ids }
    }
    default:
      return set
  }
}

function union(sets: readonly KeySet[]): KeySet {
  const values: KeyValue[] = []
  const others: KeySet[] = []
  for (const set of sets) {
    if (set.kind === 'all') return allKeys
    for (const member of set.kind === 'or' ? set.sets : [set]) {
      if (member.kind === 'values') values.push(...member.values)
      else if (member.kind !== 'none' && !others.some((other) => isSameSet(other, member)))
        others.push(member)
    }
  }
  const joined: KeySet[] =
    values.length === 0 ? others : [{ kind: 'values', values: distinctValues(values) }, ...others]
  const [only] = joined
  if (only === undefined) return noKeys
  return joined.length === 1 ? only : { kind: 'or', sets: joined }
}

function distinctValues(values: readonly KeyValue[]): readonly KeyValue[] {
  const seen = new Set<string>()
  return values.filter((value) => {
    const spelled = JSON.stringify(value)
    return !seen.has(spelled) && seen.add(spelled)
  })
}

/** Spelled out: `{1}` in `{1, $2}`. Of equal sets only one is here. */
function isSubset(small: KeySet, large: KeySet): boolean {
  if (small.kind !== 'values' || large.kind !== 'values') return false
  // Not worth its time for long lists; what is not found out stays right.
  if (small.values.length * large.values.length > 100) return false
  return small.values.every((value) =>
    large.values.some((other) => JSON.stringify(other) === JSON.stringify(value)),
  )
}

function joinRanges(sets: readonly KeySet[]): readonly KeySet[] {
  const lower = sets.findIndex(
    (set) => set.kind === 'range' && set.lower !== undefined && set.upper === undefined,
  )
  const upper = sets.findIndex(
    (set) => set.kind === 'range' && set.upper !== undefined && set.lower === undefined,
  )
  const a = sets[lower]
  const b = sets[upper]
  if (a?.kind !== 'range' || b?.kind !== 'range' || a.lower === undefined || b.upper === undefined)
    return sets
  return [{ kind: 'range', lower: a.lower, upper: b.upper }, ...sets.filter((set) => set !== a && set !== b)]
}

function isSameSet(a: KeySet, b: KeySet): boolean {
  return a === b || (a.kind === b.kind && JSON.stringify(a) === JSON.stringify(b))
}
