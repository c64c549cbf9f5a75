import { keyFamilies, type KeyType } from '../key-type.ts'
import type { KeySet, KeyValue } from '../key-set.ts'
import type { ForeignKey, Relation } from '../catalog.ts'
import type { Analysis, UseType } from './analysis.ts'
import { isKeySlot, type Equality, type Slot, type Source } from './model.ts'
import { intersection } from './simplify.ts'
import { idOf, keysOfSlot, passesValues, placeOfSlot } from './slots.ts'
import { isSameKind } from './types.ts'

/** `to`'s rows lie where rows of all of `from` lie. */
export interface Tie {
  readonly from: readonly Source[]
  readonly to: Source
  /** False for a foreign key and for equal ids: they prove the server, not the key. */
  readonly isKey: boolean
}

/** What follows from everything that was gathered. */
export interface Solution {
  readonly ties: readonly Tie[]
  setOf(source: Source): KeySet
  /** True when the value's parameter has one meaning wherever the statement uses it. */
  isProved(value: KeyValue, isArray?: boolean): boolean
}

export function solve(analysis: Analysis): Solution {
  const { sources, equalities } = analysis
  const passing = equalities.filter(({ from, to }) => from.every((slot) => passesValues(slot, to)))
  const sets = new Map<Source, Cells>()
  for (const source of sources) {
    const cells: Cells = new Map([[keyCell, new Set(source.sets)]])
    for (const [column, own] of source.idSets) cells.set(column, new Set(own))
    sets.set(source, cells)
  }
  if (passing.length > 0) passOn(passing, sets)
  const isProved = (value: KeyValue, isArray = false): boolean => isValueProved(analysis, value, isArray)
  let hasIds = false
  for (const source of sources) {
    if (source.ids.size === 0) continue
    hasIds = true
    readKeysOff(source, sets.get(source), isProved)
  }
  // What ids say of one table's keys holds for the same keys of others.
  const keyEqualities = hasIds ? passing.filter(({ from, to }) => [to, ...from].every(isKeySlot)) : passing
  if (hasIds && keyEqualities.length > 0) passOn(keyEqualities, sets)
  const known = new Map<Source, KeySet>()
  return {
    ties: [
      ...keyEqualities.filter(staysTogether).map((equality) => tieOf(equality, true)),
      ...foreignKeyTies(analysis),
      ...(hasIds ? passing.filter(meetsAtOneRow).map((equality) => tieOf(equality, false)) : []),
    ],
    isProved,
    setOf(source) {
      let set = known.get(source)
      if (set === undefined) {
        set = intersection([...(sets.get(source)?.get(keyCell) ?? [])], isProved)
        known.set(source, set)
      }
      return set
    },
  }
}

/** Sets of a source's keys, and of its ids by column. */
type Cells = Map<string, Set<KeySet>>

const keyCell = ''

function cellOf(sets: ReadonlyMap<Source, Cells>, slot: Slot): Set<KeySet> | undefined {
  const cells = sets.get(slot.source)
  const name = idOf(slot) === undefined ? keyCell : slot.column
  let cell = cells?.get(name)
  if (cell === undefined) {
    cell = new Set()
    cells?.set(name, cell)
  }
  return cell
}

/** Rows with such ids have keys of certain buckets. */
function readKeysOff(source: Source, cells: Cells | undefined, isProved: Solution['isProved']): void {
  for (const [column, own] of cells ?? []) {
    if (column === keyCell || own.size === 0) continue
    const set = intersection([...own], isProved)
    if (set.kind !== 'all') cells?.get(keyCell)?.add(keysOfSlot({ source, column, row: source.id }, set))
  }
}

/** Equal keys of one group are on one shard; the values of a recursion or of constants have no shard of their own. */
function staysTogether({ from, to }: Equality): boolean {
  return to.source.placement !== undefined && from.every((slot) => slot.source.placement !== undefined)
}

/** Equal ids that mean one row of one table are where that row is. */
function meetsAtOneRow({ from, to }: Equality): boolean {
  const place = idOf(to) === undefined || to.source.kind !== 'table' ? undefined : placeOfSlot(to)
  return (
    place !== undefined && from.every((slot) => slot.source.kind === 'table' && placeOfSlot(slot) === place)
  )
}

function tieOf({ from, to }: Equality, isKey: boolean): Tie {
  return { from: from.map((slot) => slot.source), to: to.source, isKey }
}

function passOn(equalities: readonly Equality[], sets: ReadonlyMap<Source, Cells>): void {
  const united = new Set<Equality>()
  for (let isChanged = true; isChanged;) {
    isChanged = false
    for (const equality of equalities) {
      const target = cellOf(sets, equality.to)
      if (target === undefined) continue
      const [first, ...others] = equality.from
      if (first === undefined) continue
      if (others.length === 0) {
        for (const set of cellOf(sets, first) ?? []) {
          if (!target.has(set)) {
            target.add(set)
            isChanged = true
          }
        }
        continue
      }
      const alternatives = equality.from.map((slot) => [...(cellOf(sets, slot) ?? [])])
      if (united.has(equality) || alternatives.some((list) => list.length === 0)) continue
      united.add(equality)
      target.add({ kind: 'or', sets: alternatives.map((list) => ({ kind: 'and', sets: list })) })
      isChanged = true
    }
  }
}

/**
 * A foreign key is enforced inside one server, and its referenced columns are unique over all: rows that it joins lie
 * on one shard, provided that the tables are colocated and every one of its columns is compared.
 */
function foreignKeyTies(analysis: Analysis): Tie[] {
  const pairs = new Map<string, { from: Source; to: Source; columns: [string, string][] }>()
  for (const { from, to, isStrict } of analysis.equalities) {
    const [slot, ...others] = from
    if (slot === undefined || others.length > 0 || !isStrict) continue
    const a = slot.source
    const b = to.source
    if (
      a.placement === undefined ||
      a.placement.group !== b.placement?.group ||
      a.kind !== 'table' ||
      b.kind !== 'table'
    )
      continue
    const id = `${a.id}/${slot.row}/${b.id}/${to.row}`
    const pair = pairs.get(id)
    if (pair === undefined) pairs.set(id, { from: a, to: b, columns: [[slot.column, to.column]] })
    else pair.columns.push([slot.column, to.column])
  }
  const ties: Tie[] = []
  for (const { from, to, columns } of pairs.values()) {
    if (from.relation === undefined || to.relation === undefined) continue
    const swapped = columns.map(([a, b]): [string, string] => [b, a])
    if (isCovered(from.relation, to.relation, columns) || isCovered(to.relation, from.relation, swapped)) {
      ties.push({ from: [from], to, isKey: false })
    }
  }
  return ties
}

function isCovered(
  referencing: Relation,
  referenced: Relation,
  columns: readonly (readonly [string, string])[],
): boolean {
  const covers = ({ columns: own, target }: ForeignKey): boolean =>
    target.schema === referenced.schema &&
    target.name === referenced.name &&
    own.length > 0 &&
    own.every((name, index) => columns.some(([a, b]) => a === name && b === target.columns[index]))
  return referencing.foreignKeys.some(covers)
}

/**
 * An untyped parameter gets its type from its first use. The value that is sent is the key's only if every use would
 * read it alike: `x_float = $1 AND k = $1` compares the key with a float.
 */
function isValueProved(analysis: Analysis, value: KeyValue, isArray: boolean): boolean {
  if (value.source !== 'parameter') return true
  const uses = analysis.parameterUses.get(value.number)
  if (uses === undefined || uses.length <= 1) return true
  return uses.every((use) => readsAlike(value.type, isArray, use))
}

function readsAlike(type: KeyType, isArray: boolean, use: UseType): boolean {
  if (use === 'other') return false
  const isArrayUse = use.endsWith('[]')
  const used = (isArrayUse ? use.slice(0, -2) : use) as KeyType
  if (isArrayUse !== isArray) return false
  if (isSameKind(type, used)) return true
  // As text it is either cast to the key's type by its own input function, or an error.
  return keyFamilies[used] === 'text' && keyFamilies[type] !== 'text' && !isArray
}
