import type { Node } from '../tree.ts'
import type { Analysis } from './analysis.ts'
import type { Binding } from './model.ts'
import { readKeyList } from './values.ts'

/** Binds a column of typed constants to a source of its own, so that joins can pass its values on. */
export function readValues(analysis: Analysis, nodes: readonly Node[], binding: Binding): Binding {
  const { type } = binding
  if (type === undefined || type === 'unknown' || nodes.length === 0) return binding
  const set = readKeyList(nodes, type, analysis.catalog)
  if (set === undefined) return binding
  const source = analysis.addSource('value', 'read', type)
  source.sets.push(set)
  return { ...binding, up: [{ source, column: '', row: source.id }] }
}
