import type { Catalog } from './catalog.ts'
import type { DistributionProof } from './distribution.ts'
import type { ColumnPosition, ShardParameter } from './merge-plan.ts'
import { refuse, refuseRewrite } from './merge-planner-refusal.ts'
import { readCollations, type Collations } from './merge-planner-collation.ts'
import {
  countParameters,
  hasTree,
  isSameTree,
  renumberParameters,
  splice,
  type Edit,
  type SameColumn,
} from './rewrite.ts'
import { findClauses, tokenize, type SelectClauses, type Token, type TokenRange } from './rewrite-tokens.ts'
import { bodyAs, columnOf, createOffsetMap, walk, type Node, type NodeBody } from './tree.ts'

export type Select = NodeBody<'SelectStmt'>

/** A column of the shards' output, while it is not yet known how many hidden ones there will be. */
export type ColumnUse =
  | { readonly kind: 'target'; readonly index: number }
  | { readonly kind: 'ordinal'; readonly index: number }
  | { readonly kind: 'hidden'; readonly index: number }
  | { readonly kind: 'name'; readonly name: string }

export interface Hidden {
  readonly node: Node
  readonly text: string
}

/** The shards' text in the making: the original, the cuts in it, and the tree that the result must have. */
export interface Draft {
  readonly text: string
  readonly select: Select
  readonly targets: readonly NodeBody<'ResTarget'>[]
  readonly catalog: Catalog
  readonly proof: DistributionProof
  readonly collations: Collations
  readonly sameColumn: SameColumn
  readonly parameterCounts: ReadonlyMap<number, number>
  readonly hidden: Hidden[]
  readonly edits: Edit[]
  /** Changes of the expected tree that go with the edits. */
  readonly changes: ((select: Select) => void)[]
  readonly notes: string[]
  /** The query whose LIMIT and OFFSET are planned: the statement, or the one that it counts the rows of. */
  readonly limited: (select: Select) => Select
  /** What becomes of a parameter's value, by its number in the text before renumbering. */
  readonly parameters: Map<number, ShardParameter>
}

export function createDraft(
  select: Select,
  text: string,
  { catalog, proof }: { readonly catalog: Catalog; readonly proof: DistributionProof },
): Draft {
  const stmt: Node = { SelectStmt: select }
  const targets: NodeBody<'ResTarget'>[] = []
  for (const target of select.targetList ?? []) targets.push(bodyAs(target, 'ResTarget') ?? {})
  return {
    text,
    select,
    targets,
    catalog,
    proof,
    collations: readCollations(stmt, catalog, proof),
    sameColumn: sameColumnOf(select, proof),
    parameterCounts: countParameters(stmt),
    hidden: [],
    edits: [],
    changes: [],
    notes: [],
    limited: (whole) => whole,
    parameters: new Map(),
  }
}

/** Two spellings of one column: sure when both resolve to it and its table stands in FROM only once. */
function sameColumnOf(select: Select, proof: DistributionProof): SameColumn {
  if (proof.isSameColumn !== undefined) return (left, right) => proof.isSameColumn?.(left, right) === true
  const occurrences = new Map<string, number>()
  for (const item of select.fromClause ?? []) {
    walk(item, (tag, body) => {
      if (tag !== 'RangeVar') return
      const name = body.relname ?? ''
      occurrences.set(name, (occurrences.get(name) ?? 0) + 1)
    })
  }
  return (left, right) => {
    const a = proof.resolveColumn(left)
    const b = proof.resolveColumn(right)
    return (
      a !== undefined &&
      b !== undefined &&
      a.relation === b.relation &&
      a.column === b.column &&
      occurrences.get(a.relation.name) === 1
    )
  }
}

export function isStar(target: NodeBody<'ResTarget'> | undefined): boolean {
  if (columnOf(target?.val)?.isStar === true) return true
  return bodyAs(target?.val, 'A_Indirection')?.indirection?.some((part) => bodyAs(part, 'A_Star')) === true
}

export function hasStar(draft: Draft): boolean {
  return draft.targets.some(isStar)
}

/** The select list's entry that is this expression. */
export function findTarget(draft: Draft, node: Node): ColumnUse | undefined {
  const index = draft.targets.findIndex(
    (target) => !isStar(target) && isSameTree(target.val, node, draft.sameColumn),
  )
  return index === -1 || !isAddressable(draft, index) ? undefined : { kind: 'target', index }
}

/** A target between two stars has no position that is known from either end. */
function isAddressable(draft: Draft, index: number): boolean {
  return !draft.targets.slice(0, index).some(isStar) || !draft.targets.slice(index + 1).some(isStar)
}

export function findHidden(draft: Draft, node: Node): ColumnUse | undefined {
  const index = draft.hidden.findIndex((hidden) => isSameTree(hidden.node, node))
  return index === -1 ? undefined : { kind: 'hidden', index }
}

/** Adds a column at the end of the select list, unless the same expression was added before. */
export function addHidden(draft: Draft, node: Node, text: string): ColumnUse {
  const known = findHidden(draft, node)
  if (known !== undefined) return known
  if (draft.targets.length === 0) refuseRewrite()
  draft.hidden.push({ node, text })
  return { kind: 'hidden', index: draft.hidden.length - 1 }
}

/** The final position, once all hidden columns are known. */
export function positionOf(draft: Draft, use: ColumnUse): ColumnPosition {
  switch (use.kind) {
    case 'name':
      return use.name
    case 'ordinal':
      return use.index
    case 'hidden':
      return use.index - draft.hidden.length
    case 'target': {
      if (!draft.targets.slice(0, use.index).some(isStar)) return use.index
      if (!isAddressable(draft, use.index)) refuse('A column between two stars in the select list')
      return use.index - draft.targets.length - draft.hidden.length
    }
  }
  return use satisfies never
}

const knownTokens = new WeakMap<Draft, readonly Token[] | undefined>()

export function tokensOf(draft: Draft): readonly Token[] {
  if (!knownTokens.has(draft)) knownTokens.set(draft, tokenize(draft.text))
  return knownTokens.get(draft) ?? refuseRewrite()
}

const knownClauses = new WeakMap<Draft, SelectClauses | undefined>()

export function clausesOf(draft: Draft): SelectClauses {
  if (!knownClauses.has(draft)) knownClauses.set(draft, findClauses(tokensOf(draft)))
  return knownClauses.get(draft) ?? refuseRewrite()
}

/** The token that starts at a byte offset of the parse tree. */
export function tokenAt(draft: Draft, location: number | undefined): number {
  if (location === undefined && tokensOf(draft)[0]?.start === 0) return 0
  const start = createOffsetMap(draft.text)(location ?? 0)
  const index = tokensOf(draft).findIndex((token) => token.start === start)
  return index === -1 ? refuseRewrite() : index
}

/** The source text from the first to the last token of a range. */
export function textOf(draft: Draft, range: TokenRange): string {
  const tokens = tokensOf(draft)
  const first = tokens[range.first]
  const last = tokens[range.end - 1]
  if (first === undefined || last === undefined || range.end <= range.first) refuseRewrite()
  return draft.text.slice(first.start, last.end)
}

export interface Rewritten {
  readonly text: string
  readonly parameters: readonly ShardParameter[] | undefined
}

/** Makes the cuts, and proves by parsing the result that nothing else has changed. */
export function finishDraft(draft: Draft): Rewritten {
  const expected = structuredClone(draft.select)
  for (const change of draft.changes) change(expected)
  addHiddenColumns(draft, expected)
  const root: Node = { SelectStmt: expected }
  const parameters = renumber(draft, root)
  if (draft.edits.length === 0) return { text: draft.text, parameters }
  const text = splice(draft.text, draft.edits)
  if (!hasTree(text, root)) refuseRewrite()
  return { text, parameters }
}

function addHiddenColumns(draft: Draft, expected: Select): void {
  if (draft.hidden.length === 0) return
  const last = clausesOf(draft).targets.at(-1)
  const end = last === undefined ? undefined : tokensOf(draft)[last.end - 1]?.end
  if (end === undefined) refuseRewrite()
  let text = ''
  expected.targetList ??= []
  for (const [index, hidden] of draft.hidden.entries()) {
    const name = `shardline_${index + 1}`
    text += `, ${hidden.text} as ${name}`
    expected.targetList.push({ ResTarget: { name, val: structuredClone(hidden.node) } })
  }
  draft.edits.push({ start: end, end, text })
  draft.notes.push(
    `${draft.hidden.length === 1 ? 'a hidden column' : `${draft.hidden.length} hidden columns`} for the merge`,
  )
}

/**
 * A parameter that is in the original but no more in the rewrite would leave a gap, which PostgreSQL refuses
 * ("could not determine data type of parameter $1"): the ones behind it move up.
 */
function renumber(draft: Draft, root: Node): readonly ShardParameter[] | undefined {
  const left = countParameters(root)
  const highest = Math.max(0, ...draft.parameterCounts.keys(), ...left.keys())
  const numbers = new Map<number, number>()
  const parameters: ShardParameter[] = []
  for (let number = 1; number <= highest; number++) {
    if (draft.parameterCounts.has(number) && !left.has(number)) continue
    parameters.push(draft.parameters.get(number) ?? { kind: 'original', number })
    if (parameters.length !== number) numbers.set(number, parameters.length)
  }
  const isAsGiven = parameters.every(
    (parameter, index) => parameter.kind === 'original' && parameter.number === index + 1,
  )
  if (isAsGiven && parameters.length === Math.max(0, ...draft.parameterCounts.keys())) return undefined
  if (numbers.size > 0) {
    renumberParameters(root, numbers)
    renumberText(draft, numbers)
  }
  return parameters
}

/** Parameters inside other edits and hidden columns are renumbered with their text, all others where they stand. */
function renumberText(draft: Draft, numbers: ReadonlyMap<number, number>): void {
  const renumbered = (text: string): string => {
    const edits: Edit[] = []
    for (const token of tokenize(text) ?? refuseRewrite()) {
      const number = token.kind === 'parameter' ? numbers.get(Number(token.text.slice(1))) : undefined
      if (number !== undefined) edits.push({ start: token.start, end: token.end, text: `$${number}` })
    }
    return splice(text, edits)
  }
  const others = draft.edits.map((edit) => ({ ...edit, text: renumbered(edit.text) }))
  for (const token of tokensOf(draft)) {
    const number = token.kind === 'parameter' ? numbers.get(Number(token.text.slice(1))) : undefined
    const isCut = others.some((edit) => edit.start <= token.start && token.end <= edit.end)
    if (number !== undefined && !isCut) {
      others.push({ start: token.start, end: token.end, text: `$${number}` })
    }
  }
  draft.edits.splice(0, draft.edits.length, ...others)
}
