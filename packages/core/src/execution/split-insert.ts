import { StatementError } from '../errors.ts'
import { parse } from '../statement/parser.ts'
import { tokenize, type Token } from '../statement/rewrite-tokens.ts'
import { isSameTree } from '../statement/rewrite.ts'
import { bodyAs, walk, type Node } from '../statement/tree.ts'

/** The rows of one shard out of a multi-row INSERT: a statement of its own. */
export interface InsertPart {
  readonly text: string
  readonly values: readonly unknown[]
}

/**
 * Cuts some rows out of `INSERT … VALUES`, by their place in the text, and numbers the parameters that are left anew
 * (PostgreSQL refuses parameters that nothing uses). The tree of what comes out is compared with the tree that was
 * meant, so that a slip here is a refusal and never another INSERT.
 */
export function splitInsert(text: string, rows: readonly number[], values: readonly unknown[]): InsertPart {
  const tokens = tokenize(text)
  const places = tokens === undefined ? undefined : rowPlaces(tokens)
  if (tokens === undefined || places === undefined) throw notSplit()
  const first = places.at(0)
  const last = places.at(-1)
  if (first === undefined || last === undefined) throw notSplit()
  const numbers = new Map<string, number>()
  const pieces: string[] = []
  const write = (start: number, end: number): void => {
    pieces.push(renumber(text, tokensWithin(tokens, start, end), { start, end, numbers }))
  }
  write(0, first.start)
  for (const [at, row] of rows.entries()) {
    const place = places[row]
    if (place === undefined) throw notSplit()
    if (at > 0) pieces.push(', ')
    write(place.start, place.end)
  }
  write(last.end, text.length)
  const part = pieces.join('')
  if (!isMeant(text, part, { rows, numbers })) throw notSplit()
  return { text: part, values: [...numbers.keys()].map((parameter) => values[Number(parameter.slice(1)) - 1]) }
}

interface Place {
  readonly start: number
  readonly end: number
}

/** Where the rows after the outermost VALUES stand; undefined when there are none. */
function rowPlaces(tokens: readonly Token[]): Place[] | undefined {
  let index = tokens.findIndex(
    (token, at) => token.depth === 0 && token.kind === 'word' && token.text === 'values' && tokens[at + 1]?.text === '(',
  )
  if (index === -1) return undefined
  const places: Place[] = []
  for (index++; tokens[index]?.text === '('; index++) {
    const start = tokens[index]?.start ?? 0
    while (index < tokens.length && !(tokens[index]?.text === ')' && tokens[index]?.depth === 0)) index++
    const end = tokens[index]?.end
    if (end === undefined) return undefined
    places.push({ start, end })
    index++
    if (tokens[index]?.text !== ',') break
  }
  return places
}

/** Tokens are in the order of the text. */
function tokensWithin(tokens: readonly Token[], start: number, end: number): Token[] {
  let low = 0
  let high = tokens.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((tokens[middle]?.start ?? 0) < start) low = middle + 1
    else high = middle
  }
  const found: Token[] = []
  for (let at = low; at < tokens.length; at++) {
    const token = tokens[at]
    if (token === undefined || token.start >= end) break
    found.push(token)
  }
  return found
}

function renumber(
  text: string,
  tokens: readonly Token[],
  { start, end, numbers }: Place & { readonly numbers: Map<string, number> },
): string {
  let result = ''
  let position = start
  for (const token of tokens) {
    if (token.kind !== 'parameter') continue
    let number = numbers.get(token.text)
    if (number === undefined) numbers.set(token.text, (number = numbers.size + 1))
    result += `${text.slice(position, token.start)}$${number}`
    position = token.end
  }
  return result + text.slice(position, end)
}

/** Compares with the original's tree, reduced to the rows and renumbered in the tree itself. */
function isMeant(
  text: string,
  part: string,
  { rows, numbers }: { readonly rows: readonly number[]; readonly numbers: ReadonlyMap<string, number> },
): boolean {
  const stmt = parse(text).stmts[0]?.stmt
  const cut = parse(part).stmts
  const body = bodyAs(bodyAs(stmt, 'InsertStmt')?.selectStmt, 'SelectStmt')
  const lists = body?.valuesLists
  if (stmt === undefined || body === undefined || lists === undefined || cut.length !== 1) return false
  body.valuesLists = rows.flatMap((row) => lists[row] ?? [])
  let isKnown = true
  walk(stmt, (tag, node) => {
    if (tag !== 'ParamRef') return
    const number = numbers.get(`$${node.number ?? 0}`)
    if (number === undefined) isKnown = false
    else node.number = number
  })
  return isKnown && isSameTree(stmt, cut[0]?.stmt as Node)
}

function notSplit(): StatementError {
  return new StatementError(
    'CROSS_SHARD',
    'The rows of this INSERT belong to several shards, and it is not written in a way that its rows can be told apart. Insert the rows of each shard key with a statement of their own.',
  )
}
