import type { ClusterConfig, KeyspaceConfig, ShardConfig } from './cluster-config.ts'
import type { ClusterInput } from './cluster-input.ts'
import { clusterSchema, shortClusterSchema, type ClusterShape } from './cluster-schema.ts'
import { invalidCluster, issuesOf, type ConfigIssue } from './config-issues.ts'
import { createKeyspace, createShards } from './keyspace-config.ts'
import { checkNodes } from './node-config.ts'
import { poolDefaults } from './pool-defaults.ts'

/**
 * Describes the servers and the sharding, once, for every part of an application:
 *
 * ```ts
 * export const cluster = defineCluster({
 *   shards: { eu0: { primary: env.EU0, replicas: [env.EU0_R1] }, eu1: { primary: env.EU1 } },
 *   tables: { orders: tenant('tenant_id'), countries: reference() },
 * })
 * ```
 *
 * Nothing is connected to. Table names are `table` (in schema public) or `schema.table`, columns are SQL names.
 * @throws ConfigError CONFIG_INVALID with every problem and its path; CONFIG_CONFLICT for tables described twice.
 */
export function defineCluster(input: ClusterInput): ClusterConfig {
  const shape = parseInput(input)
  const issues: ConfigIssue[] = []
  const isSingle = 'shards' in input
  const shards = new Map<string, ShardConfig>()
  const keyspaces = new Map<string, KeyspaceConfig>()
  for (const [name, keyspace] of Object.entries(shape.keyspaces)) {
    const context = { name, path: isSingle ? '' : `keyspaces.${name}.`, shape, issues }
    const own = createShards(keyspace, context)
    for (const [shardName, shard] of own) {
      if (shards.has(shardName)) issues.push({ path: `${context.path}shards.${shardName}`, message: 'another keyspace has a shard of this name' }) // prettier-ignore
      shards.set(shardName, shard)
    }
    keyspaces.set(name, createKeyspace(keyspace, own, context))
  }
  checkNodes(shards, issues)
  if (issues.length > 0) throw invalidCluster(issues)
  const { pool = {}, reads = {}, prepare = {} } = shape
  return Object.freeze({
    keyspaces,
    shards,
    reads: { balance: reads.balance ?? 'p2c', zone: reads.zone, maxLagMs: reads.maxLagMs },
    consistency: shape.consistency ?? 'session',
    pool: {
      max: pool.max ?? poolDefaults.max,
      min: pool.min ?? 0,
      idleTimeoutMs: pool.idleTimeoutMs ?? 10_000,
      connectTimeoutMs: pool.connectTimeoutMs ?? 5_000,
      acquireTimeoutMs: pool.acquireTimeoutMs ?? 10_000,
      maxWaiting: pool.maxWaiting ?? Number.POSITIVE_INFINITY,
      maxUses: pool.maxUses ?? Number.POSITIVE_INFINITY,
      maxLifetimeMs: pool.maxLifetimeMs ?? 0,
      allowExitOnIdle: pool.allowExitOnIdle ?? false,
      multiplex: pool.multiplex ?? poolDefaults.multiplex,
    },
    prepare: { isEnabled: prepare.enabled ?? true, max: prepare.max ?? 256 },
    planCache: { max: shape.planCache?.max ?? 10_000 },
    start: { deadlineMs: shape.start?.deadlineMs ?? 10_000 },
    searchPath: shape.searchPath,
    functions: new Map(Object.entries(shape.functions ?? {})),
    isGuarded: shape.guard === 'required',
    types: input.client?.types,
  })
}

/** The name that the only keyspace has in the short form. */
const mainKeyspace = 'main'

function parseInput(input: unknown): ClusterShape {
  const hasKeyspaces =
    typeof input === 'object' && input !== null && 'keyspaces' in input && input.keyspaces !== undefined
  if (hasKeyspaces) {
    const parsed = clusterSchema.safeParse(input)
    if (parsed.success) return parsed.data
    throw invalidCluster(issuesOf(parsed.error))
  }
  const parsed = shortClusterSchema.safeParse(input)
  if (!parsed.success) throw invalidCluster(issuesOf(parsed.error))
  const { shards, tables, home, directory, assignment, ...settings } = parsed.data
  return { ...settings, keyspaces: { [mainKeyspace]: { shards, tables, home, directory, assignment } } }
}
