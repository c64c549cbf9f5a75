import { AsyncLocalStorage } from 'node:async_hooks'
import type { CatalogNotice } from './catalog/notices.ts'
import { refuseDifferences } from './catalog/verify-catalogs.ts'
import type { ClusterConfig } from './config/cluster-config.ts'
import { mergeTables } from './config/table-config.ts'
import type { TableDescription } from './config/table-description.ts'
import { storeAssignment, type StoredAssignment } from './sharding/assignment-json.ts'
import { bucketSql } from './sharding/bucket-sql.ts'
import { SessionFloors } from './consistency/session-floors.ts'
import { ConfigError, DatabaseError, ShardlineError, TopologyError } from './errors.ts'
import { layContext } from './execution/contexts.ts'
import type { Engine } from './execution/engine.ts'
import { recoverPrepared } from './execution/recovery.ts'
import { NodeHealth } from './monitoring/node-health.ts'
import { Staleness } from './monitoring/staleness.ts'
import type { NodePool, PgModule } from './pool/node-pool.ts'
import { createRoutedPool, type RoutedPool } from './pool-facade/routed-pool.ts'
import { explain, type Explanation } from './routing/explain.ts'
import type { RouteContext } from './routing/context.ts'
import { createSelector } from './selection/selector.ts'
import { contactNodes, type ShardNodes } from './start/contact-nodes.ts'
import { openNodes } from './start/open-nodes.ts'
import { readCatalogs } from './start/read-catalogs.ts'
import { createSnapshot, type Snapshot } from './start/snapshot.ts'
import { findRelation } from './statement/catalog.ts'
import { loadParser } from './statement/parser.ts'
import { PlanCache } from './statement/plan-cache.ts'
import { RouteCount, snapshotCounters, type Counters } from './telemetry/counters.ts'
import { traceWithInstalledApi } from './telemetry/open-telemetry.ts'

/** Pause before catalogs that could not be read after DDL are asked for again. */
const refreshPauseMs = 500

/** One shard, as `eachShard` hands it out: statements inside the callback go to it, whichever pool they go through. */
export interface ShardHandle {
  readonly name: string
  readonly keyspace: string
  readonly pool: RoutedPool
}

export interface RouterOptions {
  /** The application's own copy of `pg`. Default: the one that `import('pg')` finds next to Shardline. */
  readonly pg?: PgModule | undefined
}

/** The whole of Shardline for one cluster: made by `createRouter`, ended by `end`. */
export interface Router {
  /** Stands wherever a `pg.Pool` is taken. */
  readonly pool: RoutedPool
  /** What PostgreSQL enforces on one server and nobody enforces across shards, found at start. */
  readonly notices: readonly CatalogNotice[]
  /**
   * Runs `callback` so that all its statements have the context: a tenant to stay with, a role, a consistency, a
   * workload, a shard. Contexts nest; an inner one cannot leave the tenant or shard of an outer one.
   */
  run<T>(context: RouteContext, callback: () => T): T
  /**
   * Runs `callback` once for every shard at the same time, with all its statements on that shard: for DDL, migrations
   * and maintenance. Returns the results by shard name.
   * @throws DatabaseError SHARDS_FAILED when it failed on any shard; `details.shards` says on which
   */
  eachShard<T>(callback: (shard: ShardHandle) => T | Promise<T>): Promise<ReadonlyMap<string, T>>
  /** Where the statement would go and why: the route that execution would take. Sends nothing. */
  explain(sql: string, values?: readonly unknown[], context?: RouteContext): Explanation
  /**
   * Reads the servers' catalogs again, after DDL that did not go through this router.
   * @throws ConfigError CATALOG_MISMATCH when the shards disagree; statements on those tables are refused until they agree
   */
  refresh(): Promise<void>
  /** Adds descriptions that models carry. @throws ConfigError CONFIG_CONFLICT when they contradict the cluster's. */
  describeTables(tables: Readonly<Record<string, TableDescription>>): void
  /** The SQL expression by which PostgreSQL itself computes the bucket of a row of the table. */
  bucketSql(table: string): string
  /** Buckets and their shards of a keyspace (default: the only or first one), as data that can be stored. */
  assignment(keyspace?: string): StoredAssignment
  counters(): Counters
  end(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Connects to the cluster, reads the catalogs, verifies that the shards agree, and returns the router.
 *
 * @throws ConfigError when the description is wrong or the servers contradict it (all differences are listed);
 * TopologyError NODE_UNREACHABLE when a shard has no node that answers within `start.deadlineMs`.
 */
export async function createRouter(config: ClusterConfig, options: RouterOptions = {}): Promise<Router> {
  const pg = options.pg ?? (await import('pg')).default
  const nodes = openNodes(config, pg)
  const pools = [...nodes.values()].flatMap((shard) => [shard.primary, ...shard.replicas])
  const deadlineMs = config.start.deadlineMs
  const environment = { random: Math.random, areDatesSentAsUtc: pg.defaults.parseInputDatesAsUTC === true }
  const now = (): number => performance.now()
  const stopTracing = await traceWithInstalledApi()

  const everyNode = new Map([...nodes].map(([name, shard]) => [name, [shard.primary, ...shard.replicas]]))

  let snapshot: Snapshot
  try {
    await loadParser()
    const answering = await contactNodes([...nodes.values()], deadlineMs)
    snapshot = createSnapshot(config, await readCatalogs(answering, deadlineMs), 1, environment)
    refuseDifferences(snapshot.differences)
  } catch (error) {
    await Promise.allSettled(pools.map((pool) => pool.end()))
    throw error
  }

  const plans = new PlanCache({ maxPlans: config.planCache.max })
  const health = new NodeHealth(pools, now)
  const floors = new SessionFloors(nodes.values())
  const { maxLagMs } = config.reads
  const staleness = maxLagMs === undefined ? undefined : new Staleness(nodes.values(), { maxLagMs, now })
  const select = createSelector({ ...config.reads, now, random: environment.random })
  const counts = new RouteCount()
  const contexts = new AsyncLocalStorage<RouteContext>()
  const refresh = singleFlight(async () => {
    const perShard = await readCatalogs(everyNode, deadlineMs)
    snapshot = createSnapshot(snapshot.config, perShard, snapshot.catalog.version + 1, environment)
    isCatalogStale = false
  })
  const refreshLater = (): void => {
    if (ended !== undefined) return
    setTimeout(() => void (isCatalogStale && refresh().catch(refreshLater)), refreshPauseMs).unref()
  }
  const shardNamed = (name: string): ShardNodes => {
    const found = nodes.get(name)
    if (found === undefined) throw new ConfigError('CONFIG_INVALID', `There is no shard "${name}" in the cluster.`)
    return found
  }
  const isAvailable = (pool: NodePool): boolean => health.isAvailable(pool)
  const isFresh = staleness === undefined ? undefined : (pool: NodePool): boolean => staleness.isWithin(pool)
  const hasOwnWrites = (pool: NodePool): boolean => floors.isReplicaEligible(pool.node.shard, pool.node.name)
  const isEligible = {
    eventual: isFresh,
    session: isFresh === undefined ? hasOwnWrites : (pool: NodePool) => hasOwnWrites(pool) && isFresh(pool),
    // Goes to the primary, whatever replicas have.
    strong: undefined,
  } as const
  const primaryAlone = new Map([...nodes].map(([name, shard]) => [name, [shard.primary]]))
  // A look-up in the asynchronous context costs more than a plan hit: there is none before the first `run`.
  let isContextUsed = false
  // DDL on every shard makes them differ until the last one has run it: their catalogs are read when all have.
  let shardRounds = 0
  let isCatalogStale = false
  let ended: Promise<void> | undefined

  const engine: Engine = {
    pg,
    isSingleNode: pools.length === 1 && !isGuarded(config),
    isReadCommittedByDefault: snapshot.isReadCommittedByDefault,
    types: config.types,
    shards: [...config.shards.keys()],
    plan: (text) => plans.get(text, snapshot.catalog),
    route(statement, values, context) {
      try {
        const route = snapshot.route(statement, values, context)
        counts.routed(route)
        return route
      } catch (error) {
        if (error instanceof ShardlineError) counts.refused(error.code)
        throw error
      }
    },
    context: () => (isContextUsed ? contexts.getStore() : undefined),
    candidates(route, name) {
      if (route.role === 'primary') return primaryAlone.get(name) ?? []
      const shard = shardNamed(name)
      const isConsistent = isEligible[route.consistency]
      const found = select(shard, { workload: route.workload, isAvailable, isConsistent })
      if (found.length === 0) throw noReplicaFor(route.workload, name)
      if (staleness !== undefined && found.length === 1 && !isAvailable(shard.primary)) {
        // The primary is all that is left, and known to be away: the caller had better learn why nobody else is asked.
        if (shard.replicas.some((pool) => !staleness.isWithin(pool))) throw staleness.refusal(name, shard.replicas)
      }
      return found
    },
    primary: (name) => shardNamed(name).primary,
    pools: () => pools,
    wrote: (name) => floors.markWritten(name),
    learnPrimary: (statement) => plans.learnPrimary(statement),
    async refreshCatalog(cause) {
      isCatalogStale = true
      if (cause === 'ddl' && shardRounds > 0) return false
      const { version } = snapshot.catalog
      // The DDL has run, whatever comes of reading what it did: its caller must not think that it failed.
      await (cause === 'ddl' ? refresh().catch(refreshLater) : refresh())
      return snapshot.catalog.version !== version
    },
    enumLabels(name, oid) {
      const type = snapshot.catalog.typeOids.get(name)?.get(oid)
      return type === undefined ? undefined : snapshot.catalog.types.get(type)?.labels
    },
    typeName: (name, oid) => snapshot.catalog.typeOids.get(name)?.get(oid),
    end() {
      ended ??= (async () => {
        stopTracing?.()
        health.end()
        floors.end()
        staleness?.end()
        await Promise.all(pools.map((one) => one.end()))
      })()
      return ended
    },
  }
  const pool = createRoutedPool(engine)
  // A crash of another process may have left writes over several shards half way: finish them in the background.
  if (engine.shards.length > 1) void recoverPrepared(engine)

  const run = <T>(context: RouteContext, callback: () => T): T => {
    isContextUsed = true
    checkContext(context, snapshot)
    return contexts.run(layContext(contexts.getStore(), context) ?? {}, callback)
  }

  return {
    pool,
    get notices() {
      return snapshot.notices
    },
    run,
    async eachShard(callback) {
      const names = engine.shards
      shardRounds += 1
      const outcomes = await Promise.allSettled(
        names.map((name) =>
          run({ shard: name }, async () =>
            callback({ name, keyspace: config.shards.get(name)?.keyspace ?? '', pool }),
          ),
        ),
      )
      shardRounds -= 1
      if (isCatalogStale) await refresh()
      return resultsByShard(names, outcomes)
    },
    explain(sql, values = [], context = undefined) {
      const statement = engine.plan(sql)
      const effective = layContext(engine.context(), context)
      return explain(statement, snapshot.route(statement, values, effective))
    },
    async refresh() {
      await refresh()
      refuseDifferences(snapshot.differences)
    },
    describeTables(tables) {
      const described = mergeTables(snapshot.config, tables)
      const next = createSnapshot(described, snapshot.perShard, snapshot.catalog.version + 1, environment)
      refuseDifferences(next.differences)
      snapshot = next
    },
    bucketSql(table) {
      const [first = '', second] = table.split('.')
      const relation = findRelation(snapshot.catalog, second === undefined ? undefined : first, second ?? first)
      if (relation === undefined || !('keyColumn' in relation.placement)) {
        throw new ConfigError('CONFIG_INVALID', `"${table}" is no sharded table, so its rows have no bucket.`)
      }
      const { placement } = relation
      return bucketSql(placement, quoteIdentifier(placement.keyColumn), snapshot.keys.mapOf(placement))
    },
    assignment(keyspace) {
      const [first] = config.keyspaces.keys()
      const found = config.keyspaces.get(keyspace ?? first ?? '')
      if (found === undefined) throw new ConfigError('CONFIG_INVALID', `There is no keyspace "${keyspace}".`)
      return storeAssignment(found.assignment)
    },
    counters: () => snapshotCounters(counts, pools),
    end: () => pool.end(),
    [Symbol.asyncDispose]: () => pool.end(),
  }
}

/** Concurrent calls share one run; a call that comes while one is under way starts another after it. */
function singleFlight(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  const start = (): Promise<void> => {
    const own = work().finally(() => {
      if (running === own) running = undefined
    })
    running = own
    return own
  }
  return () => {
    if (running === undefined) return start()
    // What is being read may be older than the change that the caller wants to see.
    next ??= running.catch(() => undefined).then(() => {
      next = undefined
      return start()
    })
    return next
  }
}

function isGuarded(config: ClusterConfig): boolean {
  return [...config.keyspaces.values()].some((keyspace) =>
    [...keyspace.tables.values()].some((table) => 'isGuarded' in table && table.isGuarded),
  )
}

function checkContext(context: RouteContext, { config }: Snapshot): void {
  if (context.shard !== undefined && !config.shards.has(context.shard)) {
    throw new ConfigError(
      'CONFIG_INVALID',
      `There is no shard "${context.shard}". Known: ${[...config.shards.keys()].map((name) => `"${name}"`).join(', ')}.`,
    )
  }
}

function noReplicaFor(workload: string | undefined, shard: string): TopologyError {
  return new TopologyError(
    'NO_NODE_AVAILABLE',
    `No replica of shard "${shard}" carries the tag "${workload}" that the workload asks for. Tag one in defineCluster, or run the statement without the workload.`,
    { details: { shard, workload } },
  )
}

function resultsByShard<T>(
  names: readonly string[],
  outcomes: readonly PromiseSettledResult<T>[],
): ReadonlyMap<string, T> {
  const failures = outcomes.flatMap((outcome, index) =>
    outcome.status === 'rejected' ? [{ shard: names[index] ?? '', error: outcome.reason as unknown }] : [],
  )
  const [first] = failures
  if (first !== undefined) {
    const done = names.filter((name) => !failures.some((failure) => failure.shard === name))
    throw new DatabaseError(
      'SHARDS_FAILED',
      `It failed on ${failures.map((failure) => `"${failure.shard}"`).join(', ')}${
        done.length === 0 ? '' : ` and succeeded on ${done.map((name) => `"${name}"`).join(', ')}`
      }. The cause is the first failure; run it again where it failed, once that is mended.`,
      { cause: first.error, details: { failed: failures.map((failure) => failure.shard), succeeded: done } },
    )
  }
  return new Map(
    outcomes.flatMap((outcome, index) =>
      outcome.status === 'fulfilled' ? [[names[index] ?? '', outcome.value] as const] : [],
    ),
  )
}

function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
