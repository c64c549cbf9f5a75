import type { AggregateFunction } from './merge-plan.ts'
import type { Catalog } from './catalog.ts'
import type { Draft } from './merge-planner-draft.ts'
import { tokenAt, tokensOf } from './merge-planner-draft.ts'
import { refuseRewrite } from './merge-planner-refusal.ts'
import { closing } from './rewrite-tokens.ts'
import { functionNameOf, walk, type Node, type NodeBody } from './tree.ts'
import { functionUse } from './volatility.ts'

export type Call = NodeBody<'FuncCall'>

/** Aggregates that can be finished from the shards' results. */
const combinable: Readonly<Record<string, AggregateFunction>> = {
  count: 'count',
  sum: 'sum',
  avg: 'avg',
  min: 'min',
  max: 'max',
  bool_and: 'bool_and',
  every: 'bool_and',
  bool_or: 'bool_or',
  any_value: 'any',
}

/** True for a call that makes one value of many rows. */
function isAggregate(call: Call, catalog: Catalog): boolean {
  if (call.over !== undefined) return false
  if (call.agg_star === true || call.agg_distinct === true || call.agg_within_group === true) return true
  if (call.agg_filter !== undefined || (call.agg_order?.length ?? 0) > 0) return true
  return functionUse(functionNameOf(call), catalog)?.isAggregate === true
}

/** The function when PostgreSQL's own aggregate of this name is surely meant, over all rows and in no order. */
export function combinableFunction(call: Call, catalog: Catalog): AggregateFunction | undefined {
  const qualified = functionNameOf(call)
  const { schema, name } = qualified
  if (schema !== undefined && schema !== 'pg_catalog') return undefined
  if (functionUse(qualified, catalog)?.isUser !== false) return undefined
  if (call.agg_within_group === true || (call.agg_order?.length ?? 0) > 0) return undefined
  const fn = Object.hasOwn(combinable, name) ? combinable[name] : undefined
  if (call.func_variadic === true || (call.args?.length ?? 0) !== (call.agg_star === true ? 0 : 1))
    return undefined
  return fn
}

/** Calls of aggregates below a node, outermost only; aggregates of subqueries are theirs. */
export function aggregatesIn(node: Node, catalog: Catalog): Call[] {
  const calls: Call[] = []
  walk(node, (tag, body) => {
    if (tag === 'SubLink') return false
    if (tag === 'JsonObjectAgg' || tag === 'JsonArrayAgg') calls.push({})
    if (tag !== 'FuncCall' || !isAggregate(body, catalog)) return true
    calls.push(body)
    return false
  })
  return calls
}

/** True when some function may give several rows for one: those are no longer one row per group. */
export function mayReturnSet(node: Node, catalog: Catalog): boolean {
  let found = false
  walk(node, (tag, body) => {
    if (tag === 'SubLink') return false
    if (tag === 'FuncCall' && functionUse(functionNameOf(body), catalog)?.returnsSet !== false) found = true
    return !found
  })
  return found
}

export function hasWindow(node: Node): boolean {
  let found = false
  walk(node, (tag, body) => {
    if (tag === 'SubLink') return false
    if (tag === 'FuncCall' && body.over !== undefined) found = true
    return !found
  })
  return found
}

/** What an aggregate is called in a refusal. */
export function nameOf(call: Call): string {
  const { name } = functionNameOf(call)
  if (name === '') return 'A JSON aggregate'
  if (call.agg_distinct === true) return `${name}(DISTINCT …)`
  if (call.agg_within_group === true) return `${name} … WITHIN GROUP`
  return (call.agg_order?.length ?? 0) > 0 ? `${name}(… ORDER BY …)` : name
}

/** The call's source text, under another function name when one is given. */
export function callText(draft: Draft, call: Call, name?: string): string {
  const tokens = tokensOf(draft)
  const first = tokenAt(draft, call.location)
  let open = first
  while (tokens[open]?.kind === 'word' || tokens[open]?.kind === 'quoted' || tokens[open]?.text === '.')
    open += 1
  const start = tokens[first]
  const parenthesis = tokens[open]
  if (start === undefined || parenthesis?.text !== '(') refuseRewrite()
  let end = closing(tokens, open)
  if (tokens[end + 1]?.text === 'filter') end = closing(tokens, end + 2)
  const last = tokens[end]
  if (last?.text !== ')') refuseRewrite()
  const whole = draft.text.slice(start.start, last.end)
  return name === undefined ? whole : name + draft.text.slice(parenthesis.start, last.end)
}
