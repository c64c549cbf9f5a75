import { ConfigError } from '../errors.ts'
import { createAssignment, type Assignment } from '../sharding/assignment.ts'
import { loadAssignment } from '../sharding/assignment-json.ts'
import type { KeyspaceConfig, NodeConfig, ShardConfig, TableConfig } from './cluster-config.ts'
import type { ClusterShape, KeyspaceShape } from './cluster-schema.ts'
import type { ConfigIssue } from './config-issues.ts'
import { createNode } from './node-config.ts'
import { describeTable, groupIssues } from './table-config.ts'

/** What the parts of a keyspace need to know of the whole, and where they tell what is wrong. */
export interface KeyspaceContext {
  readonly name: string
  /** In front of the paths of this keyspace. */
  readonly path: string
  readonly shape: ClusterShape
  readonly issues: ConfigIssue[]
}

export function createShards(keyspace: KeyspaceShape, context: KeyspaceContext): Map<string, ShardConfig> {
  const shards = new Map<string, ShardConfig>()
  for (const [name, { primary, replicas = [] }] of Object.entries(keyspace.shards)) {
    const path = `${context.path}shards.${name}`
    const node = (role: NodeConfig['role'], number: number) =>
      createNode({
        shape: role === 'primary' ? primary : (replicas[number] ?? primary),
        shard: name,
        role,
        name: role === 'primary' ? `${name}/primary` : `${name}/replica${number}`,
        path: role === 'primary' ? `${path}.primary` : `${path}.replicas[${number}]`,
        cluster: context.shape,
        issues: context.issues,
      })
    shards.set(
      name,
      Object.freeze({
        name,
        keyspace: context.name,
        primary: node('primary', 0),
        replicas: Object.freeze(replicas.map((_, number) => node('replica', number))),
      }),
    )
  }
  return shards
}

export function createKeyspace(
  keyspace: KeyspaceShape,
  shards: ReadonlyMap<string, ShardConfig>,
  { name, path, shape, issues }: KeyspaceContext,
): KeyspaceConfig {
  const names = [...shards.keys()]
  const home = keyspace.home ?? names[0] ?? ''
  if (!shards.has(home))
    issues.push({ path: `${path}home`, message: `"${home}" is no shard here. Known: ${names.join(', ')}` })
  const tables = new Map<string, TableConfig>()
  const naming = {
    keyspace: name,
    areGroupsQualified: Object.keys(shape.keyspaces).length > 1,
    isGuarded: shape.guard === 'required',
    routable: undefined,
  }
  for (const [written, description] of Object.entries(keyspace.tables ?? {})) {
    const table = describeTable(written, description, naming)
    const key = `${table.schema}.${table.name}`
    if (tables.has(key))
      issues.push({ path: `${path}tables.${written}`, message: `"${key}" is described twice` })
    tables.set(key, table)
  }
  issues.push(...groupIssues(tables.values(), `${path}tables`))
  const directory = new Map<string, ReadonlyMap<string, string>>()
  for (const [group, pins] of Object.entries(keyspace.directory ?? {})) {
    const qualified = naming.areGroupsQualified ? `${name}.${group}` : group
    const isTenantGroup = [...tables.values()].some(
      (table) => table.strategy === 'tenant' && table.group === qualified,
    )
    if (!isTenantGroup)
      issues.push({
        path: `${path}directory.${group}`,
        message: 'no table with the tenant strategy is in this group',
      })
    for (const shard of new Set(Object.values(pins))) {
      if (!shards.has(shard))
        issues.push({
          path: `${path}directory.${group}`,
          message: `"${shard}" is no shard here. Known: ${names.join(', ')}`,
        })
    }
    directory.set(qualified, new Map(Object.entries(pins)))
  }
  return Object.freeze({
    name,
    shards,
    home,
    tables,
    directory,
    assignment: assignmentOf(keyspace, names, path, issues),
  })
}

function assignmentOf(
  keyspace: KeyspaceShape,
  names: readonly string[],
  path: string,
  issues: ConfigIssue[],
): Assignment {
  // By name, so that rows are not looked for elsewhere once somebody sorts a description anew.
  const fresh = createAssignment([...names].sort())
  if (keyspace.assignment === undefined) return fresh
  try {
    const assignment = loadAssignment(keyspace.assignment)
    const stored = new Set(assignment.shards)
    if (stored.size === names.length && names.every((name) => stored.has(name))) return assignment
    issues.push({
      path: `${path}assignment`,
      message: `it is for the shards ${assignment.shards.join(', ')}, and the description has ${names.join(', ')}. Use reassign() to move buckets to other shards`,
    })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    issues.push({ path: `${path}assignment`, message: error.message })
  }
  return fresh
}
