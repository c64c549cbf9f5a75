import type { KeySet } from '../key-set.ts'
import type { Equality, Slot, Source } from './model.ts'

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

/** What holds when at least one of them does: only what every one of them says. */
export function oneHolds(all: readonly Facts[]): Facts {
  const possible = all.filter((facts) => !facts.isNever)
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
