import { noKeys } from '../key-set.ts'
import type { Analysis } from './analysis.ts'
import { neverTrue, noFacts, withConsequences, type Facts } from './facts.ts'
import { restrictSlot } from './slots.ts'

/**
 * Restricts the sources numbered from `from` up to (not including) `to` by a condition that every row combination of
 * theirs must satisfy. What the condition says about rows further out is given back: it holds where the query
 * returns any row.
 */
export function applyFacts(analysis: Analysis, stated: Facts, from: number, to: number): Facts {
  const facts = withConsequences(stated)
  if (facts.isNever) {
    for (const source of analysis.sources.slice(from, to)) source.sets.push(noKeys)
    return neverTrue
  }
  if (facts === noFacts) return noFacts
  for (const { slot, set } of facts.sets) {
    if (slot.source.id >= from && slot.source.id < to) restrictSlot(slot, set)
  }
  for (const equality of facts.equalities) {
    const { id } = equality.to.source
    if (id >= from && id < to) analysis.equalities.push(equality)
  }
  const sets = facts.sets.filter(({ slot }) => slot.source.id < from)
  const equalities = facts.equalities.filter((equality) => equality.to.source.id < from)
  return sets.length + equalities.length === 0 ? noFacts : { isNever: false, sets, equalities }
}
