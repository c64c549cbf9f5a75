import { StatementError } from '../errors.ts'
import { judgeRows, type RowsVerdict } from './row-items.ts'
import { endOfToken } from '../statement/comments.ts'
import { parseInsert } from '../statement/insert-template.ts'
import { parse } from '../statement/parser.ts'
import { bodyAs, createOffsetMap, walk, type Node, type OffsetMap } from '../statement/tree.ts'
import { ownRows } from '../routing/own-values.ts'
import type { Statement } from '../statement/statement.ts'

/** The rows of one shard out of a multi-row INSERT: a statement of its own. */
export interface InsertPart {
  readonly text: string
  readonly values: readonly unknown[]
}

/** A stretch of the text, and the parameters in it as triples: start, end, number. */
interface Piece {
  readonly start: number
  readonly end: number
  readonly parameters: readonly number[]
}

interface Pieces {
  readonly head: Piece
  readonly rows: readonly Piece[]
  readonly tail: Piece
}

interface Layout extends Pieces {
  readonly verdict: RowsVerdict
}

const layouts = new WeakMap<Statement, Layout | 'unknown'>()

/** What becomes of the rows' meaning when they are told apart. Throws as `splitInsert` does. */
export function rowsVerdict(statement: Statement): RowsVerdict {
  return statement.placement.rows?.list === undefined ? layoutOf(statement).verdict : 'plain'
}

/** Some of the rows of an INSERT: of VALUES by their place in the text, of arrays by the places of their elements. */
export function insertPart(
  statement: Statement,
  rows: readonly number[],
  values: readonly unknown[],
): InsertPart {
  const list = statement.placement.rows?.list
  if (list === undefined) return splitInsert(statement, rows, values)
  return { text: statement.text, values: ownRows(list, rows, values) }
}

/**
 * Cuts some rows out of `INSERT … VALUES`, by their place in the text, and numbers the parameters that are left anew
 * (PostgreSQL refuses parameters that nothing uses).
 *
 * Where the rows are is found by scanning, and proved once per text by the parser: it must see as many rows, and
 * everything of each row where that row was found.
 */
export function splitInsert(
  statement: Statement,
  rows: readonly number[],
  values: readonly unknown[],
): InsertPart {
  const { text } = statement
  const layout = layoutOf(statement)
  const numbers = new Map<number, number>()
  const used: unknown[] = []
  const write = (piece: Piece): string => {
    let result = ''
    let position = piece.start
    const { parameters } = piece
    for (let at = 0; at < parameters.length; at += 3) {
      const number = parameters[at + 2] ?? 0
      let renumbered = numbers.get(number)
      if (renumbered === undefined) {
        renumbered = used.push(values[number - 1])
        numbers.set(number, renumbered)
      }
      result += `${text.slice(position, parameters[at])}$${renumbered}`
      position = parameters[at + 1] ?? position
    }
    return result + text.slice(position, piece.end)
  }
  const head = write(layout.head)
  const kept = rows.map((row) => {
    const piece = layout.rows[row]
    if (piece === undefined) throw notSplit()
    return write(piece)
  })
  return { text: `${head}${kept.join(', ')}${write(layout.tail)}`, values: used }
}

function layoutOf(statement: Statement): Layout {
  let layout = layouts.get(statement)
  if (layout === undefined) {
    const found = scan(statement.text)
    const rows = found === undefined ? undefined : provedRows(statement.text, found)
    layout =
      found === undefined || rows === undefined
        ? 'unknown'
        : { ...found, verdict: judgeRows(rows, numbersIn(found.tail)) }
    layouts.set(statement, layout)
  }
  if (layout === 'unknown') throw notSplit()
  return layout
}

const open = 0x28
const close = 0x29
const comma = 0x2c
const dollar = 0x24

/** The text has no comments: those are taken out before it is analysed. */
function scan(text: string): Pieces | undefined {
  const parameters: number[] = []
  const places: { readonly start: number; readonly end: number }[] = []
  let depth = 0
  let rowStart = -1
  /** Rows may begin or go on here. */
  let isAmongRows = false
  let isBeforeRows = true
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at)
    const number = code === dollar ? digitsAt(text, at + 1) : 0
    if (number > 0) {
      const end = at + 1 + String(number).length
      parameters.push(at, end, number)
      at = end
      isAmongRows &&= depth > 0
      continue
    }
    const end = endOfToken(text, at)
    if (code === open) {
      if (depth === 0 && isAmongRows) rowStart = at
      depth++
    } else if (code === close) {
      depth--
      if (depth === 0 && rowStart >= 0) {
        places.push({ start: rowStart, end })
        rowStart = -1
      }
    } else if (depth === 0 && !isSpace(code)) {
      const isValues = isBeforeRows && end - at === 6 && text.slice(at, end).toLowerCase() === 'values'
      if (isValues) isBeforeRows = false
      isAmongRows = isValues || (isAmongRows && code === comma)
    }
    at = end
  }
  const [first] = places
  const last = places.at(-1)
  if (first === undefined || last === undefined || depth !== 0) return undefined
  const pieces = dealParameters(
    [{ start: 0, end: first.start }, ...places, { start: last.end, end: text.length }],
    parameters,
  )
  const [head, ...others] = pieces
  const tail = others.pop()
  return head === undefined || tail === undefined ? undefined : { head, rows: others, tail }
}

function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d)
}

/** The number that starts at `at`, 0 when there is none. A leading zero makes it none of ours. */
function digitsAt(text: string, at: number): number {
  let number = 0
  for (let index = at; ; index++) {
    const digit = text.charCodeAt(index) - 0x30
    if (!(digit >= 0 && digit <= 9) || (index === at && digit === 0)) return number
    number = number * 10 + digit
  }
}

/** Both lists are in the order of the text. */
function dealParameters(
  places: readonly { readonly start: number; readonly end: number }[],
  found: readonly number[],
): Piece[] {
  let at = 0
  return places.map(({ start, end }) => {
    const parameters: number[] = []
    for (; at < found.length && (found[at] ?? 0) < end; at += 3) {
      parameters.push(found[at] ?? 0, found[at + 1] ?? 0, found[at + 2] ?? 0)
    }
    return { start, end, parameters }
  })
}

function numbersIn({ parameters }: Piece): ReadonlySet<number> {
  return new Set(parameters.filter((_, at) => at % 3 === 2))
}

/** The items of every row, when the parser sees the rows where they were found. */
function provedRows(text: string, { rows }: Pieces): readonly (readonly Node[])[] | undefined {
  const { stmts } = parseInsert(text) ?? parse(text)
  const [only] = stmts
  const lists = bodyAs(bodyAs(only?.stmt, 'InsertStmt')?.selectStmt, 'SelectStmt')?.valuesLists
  if (stmts.length !== 1 || lists === undefined || lists.length !== rows.length) return undefined
  const toIndex = createOffsetMap(text)
  const isThere = lists.every((list, at) => {
    const place = rows[at]
    return place !== undefined && isWithin(list, place, toIndex)
  })
  return isThere ? lists.map((list) => bodyAs(list, 'List')?.items ?? []) : undefined
}

function isWithin(row: Node, place: Piece, toIndex: OffsetMap): boolean {
  let isInside = true
  let hasPlace = false
  walk(row, (_tag, body) => {
    const { location } = body as { readonly location?: unknown }
    if (typeof location !== 'number' || location < 0) return
    hasPlace = true
    const index = toIndex(location)
    if (index < place.start || index >= place.end) isInside = false
  })
  return isInside && hasPlace
}

function notSplit(): StatementError {
  return new StatementError(
    'CROSS_SHARD',
    'The rows of this INSERT belong to several shards, and it is not written in a way that its rows can be told apart. Insert the rows of each shard key with a statement of their own.',
  )
}
