import { parse } from './parser.ts'
import { tokenize, type Token } from './rewrite-tokens.ts'
import { hasTree, renumberParameters } from './rewrite.ts'
import { parameterRefs, type Node } from './tree.ts'

/** A statement with fewer items in one of its lists. */
export interface ShortText {
  readonly text: string
  /** For each of its parameters in order the number that it has in the whole text. */
  readonly numbers: readonly number[]
}

/**
 * Leaves the first `keep` items of a list such as `($1, $2)` or `(($1, $2), ($3, $4))` in the text, and numbers the
 * parameters that are left anew (PostgreSQL refuses parameters that nothing uses).
 *
 * The list is found by scanning, and the parser is asked whether the result is the same statement with a shorter list.
 * Undefined when it is not, and when the text does not use all of its `parameterCount` parameters.
 */
export function shortenList(
  text: string,
  {
    items,
    parameterCount,
  }: { readonly items: readonly (readonly number[])[]; readonly parameterCount: number },
  keep: number,
): ShortText | undefined {
  const tokens = tokenize(text)
  if (tokens === undefined || keep < 1 || keep >= items.length) return undefined
  const used = new Set(tokens.flatMap((token) => (token.kind === 'parameter' ? [numberOf(token)] : [])))
  if (used.size !== parameterCount || Math.max(...used) !== parameterCount) return undefined
  const ends = findItems(tokens, items)
  const [cutFrom, cutTo] = [ends?.[keep - 1], ends?.at(-1)]
  if (cutFrom === undefined || cutTo === undefined) return undefined

  const left = new Set(items.slice(keep).flat())
  const numbers = [...used].filter((number) => !left.has(number)).sort((a, b) => a - b)
  const renumbered = new Map(numbers.map((number, index) => [number, index + 1]))
  let short = ''
  let position = 0
  for (const token of tokens) {
    if (token.kind !== 'parameter' || (token.start >= cutFrom && token.start < cutTo)) continue
    if (position <= cutFrom && token.start >= cutTo) {
      short += text.slice(position, cutFrom)
      position = cutTo
    }
    short += `${text.slice(position, token.start)}$${renumbered.get(numberOf(token))}`
    position = token.end
  }
  if (position <= cutFrom) {
    short += text.slice(position, cutFrom)
    position = cutTo
  }
  short += text.slice(position)
  return isShortened(text, short, { items, keep, renumbered }) ? { text: short, numbers } : undefined
}

function numberOf(token: Token): number {
  return Number(token.text.slice(1))
}

interface Region {
  /** The numbers of the parameters between two commas, and where the last word of them ends. */
  readonly items: { readonly numbers: number[]; end: number }[]
}

/** Where each item of the list ends: that of the one pair of parentheses or brackets with exactly these parameters. */
function findItems(
  tokens: readonly Token[],
  items: readonly (readonly number[])[],
): readonly number[] | undefined {
  const open: Region[] = [{ items: [{ numbers: [], end: 0 }] }]
  for (const token of tokens) {
    const region = open.at(-1)
    const item = region?.items.at(-1)
    if (region === undefined || item === undefined) return undefined
    if (token.text === '(' || token.text === '[') open.push({ items: [{ numbers: [], end: token.end }] })
    else if (token.text === ')' || token.text === ']') {
      if (isList(region, items)) return region.items.map(({ end }) => end)
      open.pop()
      const outer = open.at(-1)?.items.at(-1)
      for (const { numbers } of region.items) outer?.numbers.push(...numbers)
      if (outer !== undefined) outer.end = token.end
    } else if (token.text === ',' && token.kind === 'punctuation') {
      region.items.push({ numbers: [], end: token.end })
    } else {
      item.end = token.end
      if (token.kind === 'parameter') item.numbers.push(numberOf(token))
    }
  }
  return undefined
}

function isList(region: Region, items: readonly (readonly number[])[]): boolean {
  return (
    region.items.length === items.length &&
    region.items.every(({ numbers }, index) => isSameNumbers(numbers, items[index]))
  )
}

function isSameNumbers(a: readonly number[], b: readonly number[] | undefined): boolean {
  return a.length === b?.length && a.every((number, index) => number === b[index])
}

interface Expected {
  readonly items: readonly (readonly number[])[]
  readonly keep: number
  readonly renumbered: ReadonlyMap<number, number>
}

/** True when the short text is the tree of the whole one with a shorter list. */
function isShortened(text: string, short: string, { items, keep, renumbered }: Expected): boolean {
  const [statement, ...others] = parse(text).stmts
  if (statement === undefined || others.length > 0) return false
  const list = findList(statement.stmt, items)
  if (list === undefined) return false
  list.length = keep
  renumberParameters(statement.stmt, renumbered)
  return hasTree(short, statement.stmt)
}

/** The list of nodes with exactly these parameters. */
function findList(root: unknown, items: readonly (readonly number[])[]): unknown[] | undefined {
  const pending: unknown[] = [root]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (typeof next !== 'object' || next === null) continue
    if (Array.isArray(next) && next.length === items.length) {
      const isThis = next.every((item: Node, index) =>
        isSameNumbers(
          parameterRefs(item).map(({ number }) => number),
          items[index],
        ),
      )
      if (isThis) return next
    }
    for (const child of Object.values(next)) if (typeof child === 'object') pending.push(child)
  }
  return undefined
}
