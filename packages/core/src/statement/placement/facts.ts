import type { KeySet } from '../key-set.ts'
import { isKeySlot, type Equality, type Slot, type Source } from './model.ts'
import { idOf, keysOfSlot, passesValues } from './slots.ts'

/**
 * What holds for every combination of rows for which a condition is true. Each fact about a slot includes that its
 * value is not NULL, so a row filled in by an outer join fails it: that is what lets a condition above an outer join
 * speak about the nullable side.
 */
export interface Facts {
  /** The condition is never true. */
  readonly isNever: boolean
  readonly sets: readonly SetFact[]
  readonly equalities: readonly Equality[]
}

export interface SetFact {
  readonly slot: Slot
  readonly set: KeySet
}

/** LEFT or RIGHT JOIN: where a row of the nullable side is there, the condition holds. */
export interface OuterJoin {
  /** The numbers of the nullable side's sources: from the first up to (not including) the second. */
  readonly nullable: readonly [from: number, to: number]
  readonly facts: Facts
}

export const noFacts: Facts = { isNever: false, sets: [], equalities: [] }
export const neverTrue: Facts = { isNever: true, sets: [], equalities: [] }

export function bothHold(a: Facts, b: Facts): Facts {
  if (a === noFacts) return b
  if (b === noFacts) return a
  return {
    isNever: a.isNever || b.isNever,
    sets: [...a.sets, ...b.sets],
    equalities: [...a.equalities, ...b.equalities],
  }
}

/** All of them hold. */
export function allHold(all: readonly Facts[]): Facts {
  const stated = all.filter((facts) => facts !== noFacts)
  const [first] = stated
  if (first === undefined || stated.length === 1) return first ?? noFacts
  return {
    isNever: stated.some((facts) => facts.isNever),
    sets: stated.flatMap((facts) => facts.sets),
    equalities: stated.flatMap((facts) => facts.equalities),
  }
}

/** With what follows inside of one condition: `a.k = b.k AND a.k = 1` says `b.k = 1`, also where a is not restricted. */
export function withConsequences(facts: Facts): Facts {
  if (facts.sets.length === 0 || facts.equalities.length === 0) return facts
  // Leaving some out is never wrong, and chains of hundreds of conditions are no ordinary statement.
  if (facts.sets.length * facts.equalities.length > 1_000) return facts
  const sets = [...facts.sets]
  for (const { slot, set } of sets) {
    for (const { from, to } of facts.equalities) {
      const [only, ...others] = from
      if (only === undefined || others.length > 0 || !isSameSlot(only, slot)) continue
      if (!passesWithin(only, to) || sets.some((fact) => fact.set === set && isSameSlot(fact.slot, to)))
        continue
      sets.push({ slot: to, set })
    }
  }
  return { ...facts, sets }
}

function passesWithin(from: Slot, to: Slot): boolean {
  if (isKeySlot(from) && from.source.placement?.group !== to.source.placement?.group) return false
  return passesValues(from, to)
}

/**
 * What a condition above outer joins says: where it needs a value of a nullable side, no row was filled in there, and
 * the join's own condition holds as that of an inner join.
 */
export function withOuterJoins(stated: Facts, joins: readonly OuterJoin[]): Facts {
  let facts = stated
  let open = joins
  for (let isChanged = facts !== noFacts && joins.length > 0; isChanged;) {
    const [inner, outer] = [open.filter(isNeeded), open.filter((join) => !isNeeded(join))]
    facts = inner.reduce((all, join) => bothHold(all, join.facts), facts)
    open = outer
    isChanged = inner.length > 0
  }
  return facts

  function isNeeded({ nullable: [from, to] }: OuterJoin): boolean {
    const isThere = ({ source: { id } }: Slot): boolean => id >= from && id < to
    return (
      facts.sets.some(({ slot, set }) => isThere(slot) && needsValue(set)) ||
      facts.equalities.some(
        ({ from: slots, to: slot, isStrict }) => isStrict && (isThere(slot) || slots.every(isThere)),
      )
    )
  }
}

/** False for a set that NULL may lie in. */
function needsValue(set: KeySet): boolean {
  switch (set.kind) {
    case 'values':
    case 'array':
    case 'range':
      return true
    case 'ids':
      return needsValue(set.set)
    case 'and':
      return set.sets.some(needsValue)
    case 'or':
      return set.sets.every(needsValue)
    default:
      return false
  }
}

/** What holds when at least one of them does: only what every one of them says. */
export function oneHolds(all: readonly Facts[]): Facts {
  const possible = all.filter((facts) => !facts.isNever).map(withConsequences)
  const [first, ...rest] = possible
  if (first === undefined) return neverTrue
  if (rest.length === 0) return first
  const sets: SetFact[] = []
  for (const [source, slots] of slotsBySource(first)) {
    const common = slots.flatMap((slot) =>
      alternativesOf(possible, slot, (fact) => isSameColumn(fact.slot, slot)),
    )
    sets.push(...common)
    const [slot] = slots
    const keyColumn = source.placement?.keyColumn
    if (common.length > 0 || slot === undefined || keyColumn === undefined) continue
    // One branch names the key and another an id: what they share is the shards.
    const key = { ...slot, column: keyColumn }
    sets.push(...alternativesOf(possible, key, (fact) => fact.slot.source === source))
  }
  return {
    isNever: false,
    sets,
    equalities: first.equalities.filter((equality) =>
      rest.every((facts) => facts.equalities.some((other) => isSameEquality(equality, other))),
    ),
  }
}

/** The slots that conditions are about, a column once. */
function slotsBySource({ sets }: Facts): ReadonlyMap<Source, readonly Slot[]> {
  const slots = new Map<Source, Slot[]>()
  for (const { slot } of sets) {
    const known = slots.get(slot.source)
    if (known === undefined) slots.set(slot.source, [slot])
    else if (!known.some((other) => isSameColumn(other, slot))) known.push(slot)
  }
  return slots
}

function isSameColumn(a: Slot, b: Slot): boolean {
  return a.source === b.source && (a.column === b.column || (isKeySlot(a) && isKeySlot(b)))
}

/** What every branch says about a slot, none when one of them says nothing. */
function alternativesOf(
  branches: readonly Facts[],
  slot: Slot,
  isAbout: (fact: SetFact) => boolean,
): readonly SetFact[] {
  const alternatives: KeySet[] = []
  for (const { sets } of branches) {
    const stated = sets
      .filter(isAbout)
      .map((fact) => (idOf(slot) === undefined ? keysOfSlot(fact.slot, fact.set) : fact.set))
    const [only] = stated
    if (only === undefined) return []
    alternatives.push(stated.length > 1 ? { kind: 'and', sets: stated } : only)
  }
  return [{ slot, set: { kind: 'or', sets: alternatives } }]
}

function isSameEquality(a: Equality, b: Equality): boolean {
  return (
    a.isStrict === b.isStrict &&
    isSameSlot(a.to, b.to) &&
    a.from.length === b.from.length &&
    a.from.every((slot, index) => {
      const other = b.from[index]
      return other !== undefined && isSameSlot(slot, other)
    })
  )
}

export function isSameSlot(a: Slot, b: Slot): boolean {
  return a.source === b.source && a.column === b.column && a.row === b.row
}
