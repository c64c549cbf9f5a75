import type { KeyList } from '../key-list.ts'
import type { KeyType } from '../key-type.ts'
import { countParameters } from '../rewrite.ts'
import { castOf, parameterOf, type Node } from '../tree.ts'
import type { Analysis } from './analysis.ts'
import { isPlainComparison } from './equalities.ts'
import type { Binding } from './model.ts'
import { idOf, isProvingSlot } from './slots.ts'
import { readKeyArray, readKeyValue } from './values.ts'

/** `key = ANY ($1)`; anything else than a parameter, cast or not, is left as it is. */
export function noteArray(analysis: Analysis, key: Binding, array: Node | undefined): void {
  const parameter = plainParameter(array)
  if (parameter === undefined || key.type === undefined || key.type === 'unknown') return
  const set = readKeyArray(array, key.type, analysis.catalog)
  if (set?.kind !== 'array' || set.value.source !== 'parameter') return
  note(analysis, key, {
    kind: 'arrays',
    parameters: [parameter.number],
    width: 1,
    at: 0,
    type: set.value.type,
  })
}

/**
 * `key IN ($1, $2)` and `(key, b) IN (($1, $2), ($3, $4))`, with items that differ in nothing but the numbers: what is
 * left out is left out with its whole row.
 */
export function noteItems(
  analysis: Analysis,
  columns: readonly (Binding | undefined)[],
  rows: readonly (readonly Node[])[],
): void {
  const at = columns.findIndex(
    // Of a row whose key is NULL the comparison may come out as NULL or as false; of NULL alone it is NULL.
    (column) =>
      column !== undefined &&
      isOfOwnRow(column) &&
      isPlainComparison(analysis.catalog, '=', column.type) &&
      (columns.length === 1 || !column.isNullable),
  )
  const key = columns[at]
  const [first] = rows
  if (key?.type === undefined || key.type === 'unknown' || first === undefined) return
  const value = readKeyValue(first[at], key.type, analysis.catalog)
  const parameters = numbersOf(rows, columns.length)
  if (value?.source !== 'parameter' || parameters === undefined) return
  note(analysis, key, { kind: 'items', parameters, width: columns.length, at, type: value.type })
}

/** Undefined unless all rows are parameters, cast alike in each column: one may have to stand in for another. */
function numbersOf(rows: readonly (readonly Node[])[], width: number): readonly number[] | undefined {
  const numbers: number[] = []
  const casts: (string | undefined)[] = []
  for (const row of rows) {
    if (row.length !== width) return undefined
    for (const [column, node] of row.entries()) {
      const parameter = plainParameter(node)
      if (parameter === undefined) return undefined
      if (row === rows[0]) casts.push(parameter.cast)
      else if (parameter.cast !== casts[column]) return undefined
      numbers.push(parameter.number)
    }
  }
  return numbers
}

interface Found extends Pick<KeyList, 'kind' | 'parameters' | 'width' | 'at'> {
  readonly type: KeyType
}

function note(analysis: Analysis, key: Binding, found: Found): void {
  const [slot] = key.up ?? []
  const placement = slot?.source.placement
  if (slot === undefined || placement === undefined || !isOfOwnRow(key)) return
  const id = idOf(slot)
  analysis.keyLists.push({
    ...found,
    table: slot.source.relation?.name ?? '',
    placement,
    id: id && { format: id.format, group: placement.group },
  })
}

/** True when the value, if there is any, says where its own row lies. */
function isOfOwnRow({ up }: Binding): boolean {
  const [slot, ...others] = up ?? []
  return slot !== undefined && others.length === 0 && slot.source.kind === 'table' && isProvingSlot(slot)
}

interface PlainParameter {
  readonly number: number
  /** The type as written, when it is cast. */
  readonly cast: string | undefined
}

function plainParameter(node: Node | undefined): PlainParameter | undefined {
  const number = parameterOf(node)
  if (number !== undefined) return { number, cast: undefined }
  const cast = castOf(node)
  const inner = parameterOf(cast?.argument)
  return cast === undefined || inner === undefined
    ? undefined
    : { number: inner, cast: JSON.stringify(cast.type) }
}

/** The lists whose parameters stand nowhere else in the statement. */
export function ownLists({ keyLists }: Analysis, statement: Node): readonly KeyList[] {
  if (keyLists.length === 0) return none
  const counts = countParameters(statement)
  // A query that is read twice (a CTE) is written once: all readings have to say the same of it.
  const readings = new Map<number, KeyList[]>()
  for (const list of keyLists) {
    for (const number of list.parameters) readings.set(number, [...(readings.get(number) ?? []), list])
  }
  return keyLists.filter((list) =>
    list.parameters.every(
      (number) =>
        counts.get(number) === 1 &&
        readings.get(number)?.every((other) => other === list || isSameReading(list, other)) === true &&
        readings.get(number)?.[0] === list,
    ),
  )
}

function isSameReading(a: KeyList, b: KeyList): boolean {
  return (
    a.placement === b.placement &&
    a.type === b.type &&
    a.kind === b.kind &&
    a.at === b.at &&
    a.id?.format === b.id?.format &&
    a.parameters.length === b.parameters.length &&
    a.parameters.every((number, index) => number === b.parameters[index])
  )
}

const none: readonly KeyList[] = []
