import type { SelectStmt } from 'libpg-query'
import { endOfToken, mayHaveComments } from './comments.ts'
import { parse, type ParsedText } from './parser.ts'
import { bodyAs, type Node } from './tree.ts'

/**
 * Bulk inserts without parsing every row.
 *
 * `INSERT … VALUES ($1, …), ($2, …), …` of 1,000 rows costs PostgreSQL's parser and the reading of its JSON some
 * 20 ms, nearly all of it for rows that look alike. So the text is parsed without the rows after the first, the trees
 * of those are put in by hand, and the locations behind them are moved. The result equals the full parse, node for
 * node and location for location, or the full parser is used: the first row's tree is compared, and every row must be
 * spelled in the few forms that are known here.
 */
export function parseInsert(text: string): ParsedText | undefined {
  if (text.length < minTextLength || mayHaveComments(text)) return undefined
  if (!/^\s*insert\s/i.test(text) || Buffer.byteLength(text) !== text.length) return undefined
  const start = startOfRows(text)
  if (start < 0) return undefined
  const rows = scanRows(text, start)
  if (rows === undefined || rows.items.length < 2) return undefined
  return parseWithRows(text, rows)
}

/** Below this the parser is as fast as the detour. */
const minTextLength = 1_000

interface ScannedRows {
  /** The items of every row, as nodes. */
  readonly items: readonly Node[][]
  readonly endOfFirst: number
  readonly end: number
}

/** The index of the first `(` after the first VALUES outside of quotes and parentheses, or -1. */
function startOfRows(text: string): number {
  let depth = 0
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at)
    const end = endOfToken(text, at)
    if (code === open) depth++
    else if (code === close) depth--
    else if (depth === 0 && end - at === 6 && text.slice(at, end).toLowerCase() === 'values') {
      const next = skipSpace(text, end)
      return text.charCodeAt(next) === open ? next : -1
    }
    at = end
  }
  return -1
}

const open = 0x28
const close = 0x29
const comma = 0x2c

/** Vertical tab and form feed count, as they do for PostgreSQL. */
function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d)
}

function skipSpace(text: string, at: number): number {
  let index = at
  for (;;) {
    const code = text.charCodeAt(index)
    if (!isSpace(code)) return index
    index++
  }
}

/** Reads rows up to the first thing that is not another row; undefined for any value that is not plainly known. */
function scanRows(text: string, start: number): ScannedRows | undefined {
  const items: Node[][] = []
  let endOfFirst = -1
  for (let at = start; ;) {
    const row: Node[] = []
    if (text.charCodeAt(at) !== open) return undefined
    do {
      const itemStart = skipSpace(text, at + 1)
      const item = scanItem(text, itemStart)
      if (item === undefined) return undefined
      row.push(item.node)
      at = skipSpace(text, item.end)
    } while (text.charCodeAt(at) === comma)
    if (text.charCodeAt(at) !== close) return undefined
    at++
    if (items.length === 0) endOfFirst = at
    items.push(row)
    const next = skipSpace(text, at)
    if (text.charCodeAt(next) !== comma) return { items, endOfFirst, end: at }
    at = skipSpace(text, next + 1)
  }
}

interface ScannedItem {
  readonly node: Node
  readonly end: number
}

const integer = /(0|[1-9]\d{0,8})(?![\w$.])/y
const word = /(default|null|true|false)(?![\w$])/iy
/** Not followed by a quote, which would double it, nor by a line break, after which it may go on. */
const string = /'([^'\\]*)'(?!\s*['\n\r])/y

function scanItem(text: string, at: number): ScannedItem | undefined {
  if (text.charCodeAt(at) === dollar) return scanParameter(text, at)
  const name = matchAt(word, text, at)?.toLowerCase()
  if (name !== undefined) return { node: wordNode(name, at), end: word.lastIndex }
  const digits = matchAt(integer, text, at)
  if (digits !== undefined) {
    const ival = Number(digits) === 0 ? {} : { ival: Number(digits) }
    return { node: { A_Const: { ival, location: at } }, end: integer.lastIndex }
  }
  const content = matchAt(string, text, at)
  if (content === undefined) return undefined
  return { node: { A_Const: { sval: { sval: content }, location: at } }, end: string.lastIndex }
}

const dollar = 0x24

/** `$n` of at most five digits without a leading zero, and nothing sticking to it. */
function scanParameter(text: string, at: number): ScannedItem | undefined {
  let number = 0
  let end = at + 1
  for (; end < at + 7; end++) {
    const digit = text.charCodeAt(end) - 0x30
    if (!(digit >= 0 && digit <= 9)) break
    number = number * 10 + digit
  }
  const next = text.charCodeAt(end)
  const isPlain = next === comma || next === close || isSpace(next)
  if (!isPlain || text.charCodeAt(at + 1) === 0x30 || end === at + 1 || end > at + 6) return undefined
  return { node: { ParamRef: { number, location: at } }, end }
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(text)?.[1]
}

function wordNode(name: string, location: number): Node {
  if (name === 'default') return { SetToDefault: { location } }
  if (name === 'null') return { A_Const: { isnull: true, location } }
  return { A_Const: { boolval: name === 'true' ? { boolval: true } : {}, location } }
}

function parseWithRows(text: string, rows: ScannedRows): ParsedText | undefined {
  const parsed = parse(text.slice(0, rows.endOfFirst) + text.slice(rows.end))
  const [statement, another] = parsed.stmts
  if (statement === undefined || another !== undefined) return undefined
  const select: SelectStmt | undefined = bodyAs(
    bodyAs(statement.stmt, 'InsertStmt')?.selectStmt,
    'SelectStmt',
  )
  const [first, second] = select?.valuesLists ?? []
  const firstItems = bodyAs(first, 'List')?.items
  // Not the rows that were scanned (VALUES of a WITH query, say): the comparison is the proof.
  if (select === undefined || second !== undefined || !areEqual(firstItems, rows.items[0])) return undefined
  const removed = rows.end - rows.endOfFirst
  moveLocations(statement.stmt, rows.endOfFirst, removed)
  select.valuesLists = rows.items.map((items) => ({ List: { items } }))
  const length = statement.length === 0 ? 0 : statement.length + removed
  return { stmts: [{ ...statement, length }], syntaxError: undefined }
}

const locationFields: ReadonlySet<string> = new Set([
  'location',
  'name_location',
  'list_start',
  'list_end',
  'rexpr_list_start',
  'rexpr_list_end',
])

/** Moves every location from `from` on; the tree is that of one row and whatever surrounds the rows. */
function moveLocations(tree: object, from: number, by: number): void {
  const pending: object[] = [tree]
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    for (const [field, value] of Object.entries(item)) {
      if (typeof value === 'object' && value !== null) pending.push(value)
      else if (typeof value === 'number' && value >= from && locationFields.has(field)) {
        ;(item as Record<string, unknown>)[field] = value + by
      }
    }
  }
}

function areEqual(a: readonly Node[] | undefined, b: readonly Node[] | undefined): boolean {
  return a !== undefined && b !== undefined && JSON.stringify(a) === JSON.stringify(b)
}
