import { DatabaseError } from '../errors.ts'
import type { ColumnPosition, MergePlan } from '../statement/merge-plan.ts'
import type { FieldFacts } from './row.ts'

/** The fields the application sees: all but the hidden ones at the end. */
export function visibleFields<F>(plan: MergePlan, fields: readonly F[]): readonly F[] {
  return plan.hiddenColumns === 0 ? fields : fields.slice(0, fields.length - plan.hiddenColumns)
}

/** A plan's column as an index into the shards' rows. */
export function columnIndex(
  position: ColumnPosition,
  plan: MergePlan,
  fields: readonly FieldFacts[],
): number {
  if (typeof position === 'number') {
    const index = position < 0 ? fields.length + position : position
    if (index >= 0 && index < fields.length) return index
    throw unexpectedFields(`column ${position}`, fields.length)
  }
  const visible = fields.length - plan.hiddenColumns
  for (let index = 0; index < visible; index++) if (fields[index]?.name === position) return index
  throw unexpectedFields(`column "${position}"`, fields.length)
}

/** The type of a column of the shards' rows. */
export function columnType(index: number, fields: readonly FieldFacts[]): number {
  const field = fields[index]
  if (field === undefined) throw unexpectedFields(`column ${index}`, fields.length)
  return field.dataTypeID
}

export function visibleIndices(plan: MergePlan, fields: readonly FieldFacts[]): number[] {
  return Array.from({ length: fields.length - plan.hiddenColumns }, (_, index) => index)
}

function unexpectedFields(what: string, count: number): DatabaseError {
  return new DatabaseError(
    'SHARDS_DISAGREE',
    `The shards answered with ${count} columns, in which ${what} of the merge is missing. Call router.refresh() after a schema change.`,
    { details: { columns: count } },
  )
}
