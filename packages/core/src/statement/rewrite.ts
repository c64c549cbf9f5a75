import { parse } from './parser.ts'
import { forEachChild, tagOf, type Node, type NodeBody, type NodeTag } from './tree.ts'

/** A cut in the text: the characters from `start` up to `end` become `text`. */
export interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

export function splice(text: string, edits: readonly Edit[]): string {
  let result = ''
  let position = 0
  for (const edit of [...edits].sort((a, b) => a.start - b.start)) {
    result += text.slice(position, edit.start) + edit.text
    position = edit.end
  }
  return result + text.slice(position)
}

/** True when the text is one statement with exactly this tree: the proof that a splice did what was meant. */
export function hasTree(text: string, expected: Node): boolean {
  const { stmts } = parse(text)
  const [only] = stmts
  return stmts.length === 1 && only !== undefined && isSameTree(only.stmt, expected)
}

/** Compares column references beyond their spelling: true when both surely mean the same column. */
export type SameColumn = (left: Node, right: Node) => boolean

/** Whether two trees are the same but for places in the text. */
export function isSameTree(left: unknown, right: unknown, sameColumn?: SameColumn): boolean {
  if (left === right) return true
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false
    return left.every((item, index) => isSameTree(item, right[index], sameColumn))
  }
  if (sameColumn !== undefined && 'ColumnRef' in left && 'ColumnRef' in right) {
    if (sameColumn(left as Node, right as Node)) return true
  }
  const fields = left as Record<string, unknown>
  const others = right as Record<string, unknown>
  for (const field in fields) {
    if (!isPlace(field) && !isSameTree(fields[field], others[field], sameColumn)) return false
  }
  for (const field in others) if (!isPlace(field) && !(field in fields)) return false
  return true
}

const places: ReadonlySet<string> = new Set([
  'location',
  'stmt_location',
  'stmt_len',
  'list_start',
  'list_end',
  'rexpr_list_start',
  'rexpr_list_end',
])

function isPlace(field: string): boolean {
  return places.has(field) || field.endsWith('_location')
}

/** How often each `$n` occurs. */
export function countParameters(root: Node): ReadonlyMap<number, number> {
  const counts = new Map<number, number>()
  visitParameters(root, (parameter) => {
    const number = parameter.number ?? 0
    counts.set(number, (counts.get(number) ?? 0) + 1)
  })
  return counts
}

/** Gives parameters new numbers, in place; a number that the map does not have stays. */
export function renumberParameters(root: Node, numbers: ReadonlyMap<number, number>): void {
  visitParameters(root, (parameter) => {
    const number = numbers.get(parameter.number ?? 0)
    if (number !== undefined) parameter.number = number
  })
}

function visitParameters(root: Node, visit: (parameter: NodeBody<'ParamRef'>) => void): void {
  const pending: [NodeTag, NodeBody][] = [[tagOf(root), Object.values(root)[0] as NodeBody]]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [tag, body] = next
    if (tag === 'ParamRef') visit(body as NodeBody<'ParamRef'>)
    else forEachChild(tag, body, (...child) => pending.push(child))
  }
}
