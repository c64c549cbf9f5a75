import type { ColumnPosition } from '../statement/merge-plan.ts'
import type { Statement } from '../statement/statement.ts'
import type { DealtKeys } from './deal-keys.ts'
import type { PlacementReason, Route } from './route.ts'

const placementRules: Readonly<Record<PlacementReason['rule'], string>> = {
  'only-shard': 'there is only one shard',
  'shard-key': 'the shard key is proved',
  'routable-id': 'the routable id is proved',
  'contradictory-keys': 'no row can match',
  'no-table': 'no table is named',
  'reference-table': 'reference tables are whole everywhere',
  'unsharded-table': 'unsharded tables live on the home shard',
  'tenant-context': "the context's tenant",
  'shard-context': "the context's shard",
  hint: 'a comment hint',
  'no-key': 'no shard key is proved',
  'several-keys': 'keys of several shards',
  transaction: 'the open transaction',
}

/** A route as a person reads it: a line each for kind, role, shards, rewritten text and merge. */
export function describeRoute(statement: Statement, route: Route): string {
  const shards = shardsOf(route)
  const lines = [
    `kind    ${statement.kind}`,
    `role    ${route.role}${because(route.roleReason.rule, route.roleReason.subject)}`,
    `shards  ${shards.join(', ')}${because(placementRules[route.placementReason.rule], route.placementReason.subject)}`,
  ]
  if (route.workload !== undefined) lines.push(`tag     ${route.workload}`)
  if (route.role === 'replica') lines.push(`reads   ${route.consistency}`)
  if (route.kind === 'write-all') {
    lines.push(
      `write   ${route.isReference ? 'the same rows on every shard' : 'each shard its own rows'}, atomically`,
    )
  }
  if (route.kind === 'split') {
    const rows = [...route.rowsByShard].map(([shard, indices]) => `${shard}: ${indices.length}`)
    lines.push(`split   rows by shard (${rows.join(', ')}), atomically`)
  }
  if (route.kind === 'merge' || route.kind === 'write-all') lines.push(...route.keys.map(describeKeys))
  if (route.kind === 'merge') {
    if (route.plan.oneRowPerValue !== undefined) {
      lines.push(
        'near    the only shard that its operation has read is asked first, and all of them when it lacks a row',
      )
    }
    if (route.plan.isRewritten) lines.push(`text    ${route.plan.text}`)
    lines.push(`merge   ${describeMerge(route.plan)}`)
  }
  return lines.join('\n')
}

/** How many keys each shard gets, and in which parameters they were given. */
function describeKeys({ list, byShard }: DealtKeys): string {
  const own = [...byShard].map(([shard, indices]) => `${shard}: ${indices.length}`)
  const numbers = list.parameters.map((number) => `$${number}`)
  const [first, last] = [numbers[0], numbers.at(-1)]
  return `keys    ${first === last ? first : `${first} … ${last}`} by shard (${own.join(', ')})`
}

/** Names of the shards a route reaches, in the order in which they are asked. */
export function shardsOf(route: Route): readonly string[] {
  if (route.kind === 'single') return [route.shard]
  if (route.kind === 'split') return [...route.rowsByShard.keys()]
  return route.shards
}

function describeMerge(plan: Extract<Route, { kind: 'merge' }>['plan']): string {
  const steps: string[] = []
  if (plan.grouping !== undefined) {
    const aggregates = plan.grouping.aggregates.map((aggregate) => aggregate.fn).join(', ')
    steps.push(`combine groups${aggregates === '' ? '' : ` (${aggregates})`}`)
    if (plan.grouping.having !== undefined) steps.push('having')
  }
  if (plan.counted !== undefined) steps.push('count the page')
  if (plan.distinct !== undefined) steps.push('distinct')
  if (plan.order.length > 0) {
    steps.push(
      `order by ${plan.order
        .map(
          (key) =>
            `${describeColumn(key.column)}${key.isDescending ? ' desc' : ''}${key.isNullsFirst ? ' nulls first' : ''}`,
        )
        .join(', ')}`,
    )
  }
  if (plan.offset !== undefined) steps.push('offset')
  if (plan.limit !== undefined) steps.push(plan.withTies ? 'limit with ties' : 'limit')
  return steps.length === 0 ? 'rows as they come' : steps.join(' → ')
}

/** By name, by position, or as hidden: a column that only the merge sees. */
function describeColumn(column: ColumnPosition): string {
  if (typeof column === 'string') return column
  return column < 0 ? `column ${-column} from the end` : `column ${column + 1}`
}

function because(reason: string, subject: string | undefined): string {
  return subject === undefined ? ` (${reason})` : ` (${reason}: ${subject})`
}
