import type { KeyList } from '../statement/key-list.ts'
import { boundMembers } from './resolve-key-set.ts'

/** The keys of a list with these values; undefined when they are not known. Holes of an array are NULL, as `pg` sends them. */
export function listedKeys(list: KeyList, values: readonly unknown[]): readonly unknown[] | undefined {
  const { kind, parameters, width, at, type } = list
  if (kind === 'arrays')
    return boundMembers({ source: 'parameter', number: parameters[at] ?? 0, type }, values)
  const keys: unknown[] = []
  for (let index = at; index < parameters.length; index += width)
    keys.push(values[(parameters[index] ?? 0) - 1])
  return keys
}
