import { relationKey, type Catalog, type ForeignKey, type Relation } from '../catalog.ts'
import type { KeySet } from '../key-set.ts'
import type { KeyType } from '../key-type.ts'
import { isKeyBinding, isKeySlot, type Binding, type IdColumn, type Slot } from './model.ts'
import { isSameKind } from './types.ts'

/** Chains of foreign keys are followed this far: a table of details of details. */
const maxChain = 8

const knownIds = new WeakMap<Relation, ReadonlyMap<string, IdColumn>>()
export const noIds: ReadonlyMap<string, IdColumn> = new Map()

/** A table's routable columns, worked out once per table of a catalog. */
export function idColumnsOf(relation: Relation, catalog: Catalog): ReadonlyMap<string, IdColumn> {
  if (relation.routable === undefined || relation.routable.size === 0) return noIds
  let ids = knownIds.get(relation)
  if (ids === undefined) {
    ids = new Map(
      [...relation.routable].map(([name, { format }]): [string, IdColumn] => [
        name,
        {
          spelled: `${relation.name}.${name}`,
          format,
          anchor: anchorOf(relation, name, catalog),
          isNotNull: relation.columns.some((column) => column.name === name && column.notNull),
        },
      ]),
    )
    knownIds.set(relation, ids)
  }
  return ids
}

/** The unique column that a routable column is, or refers to by validated foreign keys. */
function anchorOf(start: Relation, startColumn: string, catalog: Catalog): string | undefined {
  let relation: Relation | undefined = start
  let name: string | undefined = startColumn
  for (let step = 0; relation !== undefined && name !== undefined && step < maxChain; step += 1) {
    const via: string | undefined = relation.routable?.get(name)?.via
    if (via === undefined) {
      const isUnique = relation.uniqueKeys.some(([only, ...others]) => only === name && others.length === 0)
      return isUnique ? `${relationKey(relation.schema, relation.name)}.${name}` : undefined
    }
    const key: ForeignKey | undefined = relation.foreignKeys.find((each) => each.name === via)
    name = key?.target.columns[0]
    relation = key && catalog.relations.get(relationKey(key.target.schema, key.target.name))
  }
  return undefined
}

/** The routable column that a slot is; undefined for the shard key, which says more. */
export function idOf(slot: Slot): IdColumn | undefined {
  const { ids } = slot.source
  return ids.size === 0 || isKeySlot(slot) ? undefined : ids.get(slot.column)
}

/** True when a value of the slot proves the shard of its row. */
export function isProvingSlot(slot: Slot): boolean {
  return isKeySlot(slot) || idOf(slot) !== undefined
}

/** The source's rows with another value there do not matter. */
export function restrictSlot(slot: Slot, set: KeySet): void {
  const { source, column } = slot
  if (idOf(slot) === undefined) source.sets.push(set)
  else source.idSets.set(column, [...(source.idSets.get(column) ?? []), set])
}

/** The keys of the rows that have such a value. */
export function keysOfSlot(slot: Slot, set: KeySet): KeySet {
  const id = idOf(slot)
  const group = slot.source.placement?.group
  if (id === undefined || group === undefined) return set
  return { kind: 'ids', column: id.spelled, format: id.format, group, set }
}

/** Where equal values meet, a set of the one's is a set of the other's: keys of one group, ids, and constants. */
export function passesValues(from: Slot, to: Slot): boolean {
  const a = domainOf(from)
  const b = domainOf(to)
  if (a === undefined || b === undefined || !isSameKind(b.type, a.type)) return false
  return a.of === undefined || b.of === undefined || a.of === b.of
}

interface ValueDomain {
  readonly type: KeyType
  /** Undefined for constants, which any column may have. */
  readonly of: string | undefined
}

function domainOf(slot: Slot): ValueDomain | undefined {
  const { keyType, placement } = slot.source
  if (isKeySlot(slot)) {
    if (keyType === undefined) return undefined
    return { type: keyType, of: placement === undefined ? undefined : `key ${placement.group}` }
  }
  const id = idOf(slot)
  return id === undefined ? undefined : { type: id.format, of: 'id' }
}

/** What rows with equal values there share a shard by; undefined when they may lie on several. */
export function placeOfSlot(slot: Slot): string | undefined {
  const { placement } = slot.source
  if (placement === undefined) return undefined
  if (isKeySlot(slot)) return `key ${placement.group}`
  const anchor = idOf(slot)?.anchor
  return anchor === undefined ? undefined : `id ${placement.group} ${anchor}`
}

/** The same for a column that is surely not NULL, or whose NULLs do not matter: all rows with one of its values lie on one shard. */
export function placeOf(binding: Binding, orNull = false): string | undefined {
  if (!orNull && !isNeverNull(binding)) return undefined
  const places = new Set(binding.up?.map(placeOfSlot))
  const [only] = places
  return places.size === 1 ? only : undefined
}

/** True when the value is surely there: keys are never NULL by themselves, other columns say so. */
export function isNeverNull(binding: Binding): boolean {
  if (binding.isNullable) return false
  if (binding.column?.notNull === true || isKeyBinding(binding)) return true
  const { up } = binding
  return up !== undefined && up.length > 0 && up.every(isSlotNeverNull)
}

function isSlotNeverNull(slot: Slot): boolean {
  return slot.source.placement !== undefined && (isKeySlot(slot) || idOf(slot)?.isNotNull === true)
}

/** True when a condition on the column may be about the NULL of a row that is there. */
export function mayBeNull(binding: Binding): boolean {
  return (
    binding.isNullable ||
    [...binding.down, ...(binding.up ?? [])].some((slot) => idOf(slot)?.isNotNull === false)
  )
}
