import type { OnConflictClause } from 'libpg-query'
import type { KeySet } from '../key-set.ts'
import { bodyAs, type Node } from '../tree.ts'
import type { Analysis } from './analysis.ts'
import type { Slot } from './model.ts'
import { idOf, keysOfSlot, placeOfSlot } from './slots.ts'
import type { WriteTarget } from './targets.ts'
import { readKeyValue } from './values.ts'

/** New rows as the text has them: their columns, and for VALUES the expressions of each. */
export interface NewRows {
  readonly columns: readonly string[]
  /** Undefined for INSERT … SELECT. */
  readonly lists: readonly (readonly Node[])[] | undefined
}

/**
 * A row that conflicts has to lie on the new row's shard, or no server would see the conflict: because the conflicting
 * columns have the shard key; or an id whose one row both refer to; or a routable id of the table itself, whose value
 * is then compared with the key's shard, row by row.
 *
 * @returns for each row the keys that its ids must agree with
 */
export function readConflictIds(
  analysis: Analysis,
  clause: OnConflictClause | undefined,
  target: WriteTarget,
  rows: NewRows,
): readonly (readonly KeySet[])[] | undefined {
  const { source, relation } = target
  const key = source?.placement?.keyColumn
  if (clause === undefined || source === undefined || relation === undefined || key === undefined)
    return undefined
  const compared = new Set<string>()
  for (const columns of conflictingColumns(clause, target) ?? [[]]) {
    if (columns.includes(key)) continue
    const slots = columns
      .map((column): Slot => ({ source, column, row: source.id }))
      .filter((slot) => idOf(slot))
    const isShared = ({ source: { relation: own }, column }: Slot): boolean =>
      own?.routable?.get(column)?.via !== undefined
    if (
      slots.some(
        (slot) => isShared(slot) && idOf(slot)?.isNotNull === true && placeOfSlot(slot) !== undefined,
      )
    )
      continue
    const own = slots.find((slot) => !isShared(slot))
    if (own === undefined) refuseConflict(analysis, target, key)
    else compared.add(own.column)
  }
  if (compared.size === 0) return undefined
  return (rows.lists ?? [rows.columns.map(() => undefined)]).map((nodes) =>
    [...compared].flatMap((column) =>
      idsOfRow(analysis, nodes[rows.columns.indexOf(column)], { source, column }),
    ),
  )

  /** An id that is left out is made anew, and conflicts with none. */
  function idsOfRow(
    context: Analysis,
    node: Node | undefined,
    place: Pick<Slot, 'source' | 'column'>,
  ): KeySet[] {
    const isGiven = rows.columns.includes(place.column)
    if (
      !isGiven ||
      (rows.lists !== undefined && (node === undefined || bodyAs(node, 'SetToDefault') !== undefined))
    )
      return []
    const slot: Slot = { ...place, row: place.source.id }
    const id = idOf(slot)
    const value = id === undefined ? undefined : readKeyValue(node, id.format, context.catalog)
    if (value === undefined) {
      refuseConflict(context, target, key ?? '')
      return []
    }
    return value.source === 'null' ? [] : [keysOfSlot(slot, { kind: 'values', values: [value] })]
  }
}

/** The columns of every unique index that the clause is about; undefined when they are not known. */
function conflictingColumns(
  { infer }: OnConflictClause,
  { relation }: WriteTarget,
): readonly (readonly string[])[] | undefined {
  // Without a target any unique index may conflict.
  if (infer === undefined) return relation?.uniqueKeys
  if (infer.conname !== undefined) {
    const columns = relation?.uniqueConstraints?.get(infer.conname)
    return columns && [columns]
  }
  return [(infer.indexElems ?? []).map((node) => bodyAs(node, 'IndexElem')?.name ?? '')]
}

function refuseConflict(analysis: Analysis, { relation }: WriteTarget, key: string): void {
  const table = relation?.name ?? ''
  analysis.refuse(
    'UNPROVED_WRITE',
    `ON CONFLICT without the shard key ${table}.${key}`,
    `The row that conflicts with a new row of "${table}" may lie on another shard, because the conflict target lacks the shard key "${key}". Use a unique index that contains "${key}" as the conflict target.`,
  )
}
