import type { Catalog } from '../catalog.ts'
import type { KeyType } from '../key-type.ts'
import type { Binding, Equality } from './model.ts'

/**
 * What `a = b` says in both directions: the rows that one side may be filtered out of matter only with a row of the
 * other side that has the same value. Which of these may be used depends on where the condition stands.
 */
export function equate(catalog: Catalog, a: Binding, b: Binding, isStrict = true): readonly Equality[] {
  if (!isPlainComparison(catalog, '=', a.type, b.type)) return []
  // IS NOT DISTINCT FROM lets two NULLs meet, so it says nothing where NULLs may have been filled in.
  if (!isStrict && (a.isNullable || b.isNullable)) return []
  const equalities: Equality[] = []
  if (a.up !== undefined) for (const to of b.down) equalities.push({ from: a.up, to, isStrict })
  if (b.up !== undefined) for (const to of a.down) equalities.push({ from: b.up, to, isStrict })
  return equalities
}

/**
 * True when the operator between two such types is certainly PostgreSQL's own. For types that have an operator of
 * exactly their own, pg_catalog's is found first; varchar has none and is resolved by preference, so that a user's
 * operator may come in between.
 */
export function isPlainComparison(
  catalog: Catalog,
  symbol: string,
  a: Binding['type'],
  b: Binding['type'] = a,
): boolean {
  if (a === undefined || b === undefined || a === 'unknown' || b === 'unknown') return false
  if (!catalog.operators.has(symbol)) return true
  return catalog.searchPath[0] === 'pg_catalog' && hasOwnOperator(a) && hasOwnOperator(b)
}

function hasOwnOperator(type: KeyType): boolean {
  return type !== 'varchar'
}
