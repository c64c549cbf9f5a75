import type { SelectStmt } from 'libpg-query'
import { keyFamilies, type KeyType } from '../key-type.ts'
import type { Query, QueryOutput } from './analysis.ts'
import { refusedRoots, unknownBinding, type Roots, type TypeGuess } from './model.ts'
import { unionRoots } from './roots.ts'
import { placeOf } from './slots.ts'

export interface CombinedBranches {
  readonly query: Query
  /** The roots of the branches side by side, whatever the operation does with equal rows. */
  readonly branchRoots: Roots
  /** True when the shard key stands at one position of all branches: equal rows lie on one shard. */
  readonly isDistinctByKey: boolean
}

/** UNION, INTERSECT and EXCEPT work by position; a condition on an output goes into every branch. */
export function combineBranches(select: SelectStmt, left: Query, right: Query): CombinedBranches {
  const operation = select.op ?? 'SETOP_UNION'
  const isComplete = left.isComplete && right.isComplete
  const outputs = isComplete
    ? left.outputs.map((output, index) => combineOutput(operation, output, right.outputs[index]))
    : left.outputs.map((output) => ({ ...output, binding: unknownBinding, untyped: undefined }))
  const isDistinctByKey =
    isComplete &&
    left.outputs.some((output, index) => {
      const other = right.outputs[index]
      return (
        other !== undefined &&
        placeOf(output.binding) !== undefined &&
        placeOf(output.binding) === placeOf(other.binding)
      )
    })
  const union = unionRoots(left.roots, right.roots)
  return {
    query: {
      outputs,
      isComplete,
      roots: rootsOf(select, union, left.roots, right.roots, isDistinctByKey),
      outward: undefined,
    },
    branchRoots:
      operation === 'SETOP_UNION' ? union : rootsOf(select, union, left.roots, right.roots, isDistinctByKey),
    isDistinctByKey,
  }
}

function rootsOf(
  select: SelectStmt,
  union: Roots,
  left: Roots,
  right: Roots,
  isDistinctByKey: boolean,
): Roots {
  if (left.kind === 'replicated' && right.kind === 'replicated') return left
  if (select.op === 'SETOP_UNION' && select.all === true) return union
  if (isDistinctByKey) return union
  if (select.op === 'SETOP_UNION') {
    if (union.kind === 'refused') return union
    return refusedRoots(
      'UNION of branches that do not both have the shard key at one position',
      'equal rows may lie on several shards',
      'Use UNION ALL, or select the shard key in both branches.',
    )
  }
  return refusedRoots(
    select.op === 'SETOP_EXCEPT' ? 'EXCEPT' : 'INTERSECT',
    'equal rows may lie on several shards',
    'Select the shard key at one position of both branches.',
  )
}

function combineOutput(operation: string, left: QueryOutput, right: QueryOutput | undefined): QueryOutput {
  if (right === undefined) return { ...left, binding: unknownBinding, untyped: undefined }
  const a = left.binding
  const b = right.binding
  const type = commonType(a.type, b.type)
  if (type === undefined) return { ...left, binding: unknownBinding, untyped: undefined }
  // The rows of INTERSECT and EXCEPT are the left branch's.
  const up =
    operation !== 'SETOP_UNION'
      ? a.up
      : a.up !== undefined && b.up !== undefined
        ? [...a.up, ...b.up]
        : undefined
  return {
    name: left.name,
    untyped: undefined,
    binding: {
      up,
      down: [...a.down, ...b.down],
      isNullable: a.isNullable || b.isNullable,
      type,
      relation: undefined,
      column: undefined,
      isSystem: false,
    },
  }
}

const widths: readonly KeyType[] = ['int2', 'int4', 'int8', 'varchar', 'text']

/** The type both branches are brought to, when values keep their meaning on the way. */
function commonType(a: TypeGuess, b: TypeGuess): TypeGuess {
  if (a === undefined || b === undefined || a === b) return a === undefined || b === undefined ? undefined : a
  if (a === 'unknown') return b
  if (b === 'unknown') return a
  const family = keyFamilies[a]
  if (family !== keyFamilies[b] || family === 'time') return undefined
  return widths.indexOf(a) > widths.indexOf(b) ? a : b
}
