import { bodyAs, constantOf, parameterOf, readTypeName, walk, type Node } from '../statement/tree.ts'

/**
 * Whether the rows of one INSERT mean the same when some of them stand in statements of their own.
 *
 * - `plain`: constants, parameters and DEFAULT, equally many in every row: they do.
 * - `expressions`: they do if PostgreSQL accepts the whole: rows of unequal length, a set-returning function or a window
 *   function are errors among several rows, and may be none in a row alone.
 * - `ambiguous`: a parameter stands in several rows, and PostgreSQL takes its type from the first of its places, which a
 *   part may lack: `values (1, $1::bigint), ('07', $1)`.
 */
export type RowsVerdict = 'plain' | 'expressions' | 'ambiguous'

/** `others`: numbers of the parameters behind the rows, in ON CONFLICT and RETURNING. */
export function judgeRows(rows: readonly (readonly Node[])[], others: ReadonlySet<number>): RowsVerdict {
  const places = new Map<number, Place>()
  const width = rows[0]?.length ?? 0
  let isPlain = true
  for (const [row, items] of rows.entries()) {
    if (items.length !== width) isPlain = false
    for (const [column, item] of items.entries()) {
      if (!isPlainItem(item)) isPlain = false
      for (const [number, how] of parametersOf(item, column)) {
        const known = places.get(number)
        if (known === undefined)
          places.set(number, { row, how, isInSeveralRows: false, hasOneType: how !== undefined })
        else {
          if (known.row !== row) known.isInSeveralRows = true
          if (how === undefined || known.how !== how) known.hasOneType = false
        }
      }
    }
  }
  for (const [number, { isInSeveralRows, hasOneType }] of places) {
    if (others.has(number) || (isInSeveralRows && !hasOneType)) return 'ambiguous'
  }
  return isPlain ? 'plain' : 'expressions'
}

interface Place {
  readonly row: number
  /** What gives it its type in the first of its places. */
  readonly how: string | undefined
  isInSeveralRows: boolean
  /** The same gives it its type in all of them. */
  hasOneType: boolean
}

/** Parameters of one item, each with what its type comes from: the column, a cast, or (undefined) something else. */
function parametersOf(
  item: Node,
  column: number,
): readonly (readonly [number: number, how: string | undefined])[] {
  const bare = parameterOf(item)
  if (bare !== undefined) return [[bare, `column ${column}`]]
  const found: [number, string | undefined][] = []
  walk(item, (tag, body) => {
    if (tag === 'ParamRef') found.push([body.number ?? 0, undefined])
    const cast = tag === 'TypeCast' ? parameterOf(body.arg) : undefined
    if (tag !== 'TypeCast' || cast === undefined) return true
    found.push([cast, JSON.stringify(readTypeName(body.typeName))])
    return false
  })
  return found
}

function isPlainItem(item: Node): boolean {
  const cast = bodyAs(item, 'TypeCast')
  if (cast !== undefined) return cast.arg !== undefined && isPlainItem(cast.arg)
  return (
    parameterOf(item) !== undefined ||
    constantOf(item) !== undefined ||
    bodyAs(item, 'SetToDefault') !== undefined
  )
}
