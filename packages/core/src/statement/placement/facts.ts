import type { KeySet } from '../key-set.ts'
import { isKeySlot, type Equality, type Slot, type Source } from './model.ts'
import { isSameKind } from './types.ts'

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
      if (only === undefined || others.length > 0 || !isSameSlot(only, slot) || !isKeySlot(to)) continue
      if (!hasSameKind(only, to) || sets.some((fact) => fact.set === set && isSameSlot(fact.slot, to)))
        continue
      sets.push({ slot: to, set })
    }
  }
  return { ...facts, sets }
}

function hasSameKind(a: Slot, b: Slot): boolean {
  const types = [a.source.keyType, b.source.keyType] as const
  return (
    types[0] !== undefined &&
    types[1] !== undefined &&
    isSameKind(types[1], types[0]) &&
    a.source.placement?.group === b.source.placement?.group
  )
}

/** What holds when at least one of them does: only what every one of them says. */
export function oneHolds(all: readonly Facts[]): Facts {
  const possible = all.filter((facts) => !facts.isNever).map(withConsequences)
  const [first, ...rest] = possible
  if (first === undefined) return neverTrue
  if (rest.length === 0) return first
  const sets: SetFact[] = []
  const seen = new Set<Source>()
  for (const { slot } of first.sets) {
    if (seen.has(slot.source)) continue
    seen.add(slot.source)
    const alternatives = possible.map((facts) => setsOf(facts, slot))
    if (alternatives.every((set) => set !== undefined)) {
      sets.push({ slot, set: { kind: 'or', sets: alternatives.filter((set) => set !== undefined) } })
    }
  }
  return {
    isNever: false,
    sets,
    equalities: first.equalities.filter((equality) =>
      rest.every((facts) => facts.equalities.some((other) => isSameEquality(equality, other))),
    ),
  }
}

function setsOf(facts: Facts, slot: Slot): KeySet | undefined {
  const sets = facts.sets.filter((fact) => fact.slot.source === slot.source).map((fact) => fact.set)
  return sets.length > 1 ? { kind: 'and', sets } : sets[0]
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
