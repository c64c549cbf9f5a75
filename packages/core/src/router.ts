import { AsyncLocalStorage } from 'node:async_hooks'
import type { CatalogNotice } from './catalog/notices.ts'
import { refuseDifferences } from './catalog/verify-catalogs.ts'
import { isKeyed, type ClusterConfig } from './config/cluster-config.ts'
import { mergeTables } from './config/table-config.ts'
import type { TableDescription } from './config/table-description.ts'
import { storeAssignment, type StoredAssignment } from './sharding/assignment-json.ts'
import { bucketSql } from './sharding/bucket-sql.ts'
import { SessionFloors } from './consistency/session-floors.ts'
import { ConfigError, ShardlineError } from './errors.ts'
import { createNodeChoice } from './execution/choose-nodes.ts'
import { layContext } from './execution/contexts.ts'
import { runOnEach } from './execution/each-shard.ts'
import { keepingNodes, shardReadAlone, stayWithNode } from './execution/kept-nodes.ts'
import type { Engine } from './execution/engine.ts'
import { underShardLocks } from './execution/shard-locks.ts'
import { started } from './execution/started.ts'
import type { IdTarget } from './ids/id-target.ts'
import { install, scriptsByKeyspace, type InstallEngine, type InstallReport } from './ids/install.ts'
import { scriptText } from './ids/install-script.ts'
import { createRouterIds } from './ids/router-ids.ts'
import { recoverPrepared } from './execution/recovery.ts'
import { NodeHealth } from './monitoring/node-health.ts'
import { Staleness } from './monitoring/staleness.ts'
import type { PgModule } from './pool/node-pool.ts'
import { preparedNames } from './pool/prepared-names.ts'
import { createRoutedPool, type RoutedPool } from './pool-facade/routed-pool.ts'
import { explain, type Explanation } from './routing/explain.ts'
import type { RouteContext } from './routing/context.ts'
import { contactNodes, type ShardNodes } from './start/contact-nodes.ts'
import { openNodes } from './start/open-nodes.ts'
import { readCatalogs } from './start/read-catalogs.ts'
import { LiveSnapshot } from './start/live-snapshot.ts'
import { createSnapshot, type Snapshot, type SnapshotEnvironment } from './start/snapshot.ts'
import { findRelation } from './statement/catalog.ts'
import { loadParser } from './statement/parser.ts'
import { PlanCache } from './statement/plan-cache.ts'
import { RouteCount, snapshotCounters, type Counters } from './telemetry/counters.ts'
import { traceWithInstalledApi } from './telemetry/open-telemetry.ts'

/** One shard, as `eachShard` hands it out: statements inside the callback go to its primary, whichever pool they go through. */
export interface ShardHandle {
  readonly name: string
  readonly keyspace: string
  readonly pool: RoutedPool
}

/** How `eachShard` runs its callback. */
export interface EachShardOptions {
  /**
   * Keeps out others who come with `lock` as well, in this and other processes: for migration tools without a lock of
   * their own. Takes one more connection of each shard. Default false.
   */
  readonly lock?: boolean | undefined
  /** How long to wait for them before MIGRATION_BLOCKED. Default 60,000. */
  readonly lockTimeoutMs?: number | undefined
}

export interface RouterOptions {
  /** The application's own copy of `pg`. Default: the one that `import('pg')` finds next to Shardline. */
  readonly pg?: PgModule | undefined
  /**
   * What becomes of tables in which the shards differ, or contradict their description, when the router starts or
   * `describeTables` names them: `refuse` is an error, `set-apart` refuses the statements on them until the shards agree. A
   * program that migrates takes `set-apart`: it is to end the differences. Default `refuse`.
   */
  readonly differences?: 'refuse' | 'set-apart' | undefined
}

/** The whole of Shardline for one cluster: made by `createRouter`, ended by `end`. */
export interface Router {
  /** Stands wherever a `pg.Pool` is taken. */
  readonly pool: RoutedPool
  /** What PostgreSQL enforces on one server and nobody enforces across shards, found at start. */
  readonly notices: readonly CatalogNotice[]
  /**
   * Runs `callback` so that all its statements have the context: a tenant to stay with, a role, a consistency, a
   * workload, a shard. Contexts nest; an inner one cannot leave the tenant or shard of an outer one. A query that would
   * run only when it is awaited, such as Drizzle's and Prisma's, is started inside of the context.
   */
  run<T>(context: RouteContext, callback: () => T): T
  /** Names of all shards, of all keyspaces. */
  readonly shards: readonly string[]
  /** What `run` and `eachShard` have laid around the caller; undefined outside of them. */
  readonly context: RouteContext | undefined
  /** True once `run` has been called: what mixes the asynchronous contexts of its callers, as data loaders do, matters then. */
  readonly hasRun: boolean
  /**
   * Runs `callback` so that all its reads of a shard are answered by one node while that one answers: what one operation
   * reads by several statements then fits together.
   */
  keepNodes<T>(callback: () => T): T
  /**
   * Runs `callback` once for every shard at the same time, with all its statements on that shard's primary: for DDL,
   * migrations and maintenance, which must see what others of their kind have just done. Returns the results by shard name.
   * @throws ShardsError SHARDS_FAILED when it failed on any shard; its `shards` has the error or the result of each
   */
  eachShard<T>(
    callback: (shard: ShardHandle) => T | Promise<T>,
    options?: EachShardOptions,
  ): Promise<ReadonlyMap<string, T>>
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
  /**
   * Buckets and their shards of a keyspace (default: the only or first one), as data that can be stored; with the buckets
   * of pinned keys, which ids carry.
   */
  assignment(keyspace?: string): StoredAssignment
  /**
   * A routable integer id: it carries the bucket of its tenant (or of a table's key), so that `WHERE id = $1` proves the
   * shard. Ids ascend roughly with time and never repeat; blocks of them are leased from the shard that holds the bucket.
   * Inside `run({ tenant })` the target may be left out.
   * @throws ConfigError CATALOG_MISMATCH before `install()`; StatementError SHARD_KEY_VALUE for what is no key
   */
  id(target?: IdTarget): Promise<bigint>
  /** `count` integer ids of one target, ascending. */
  ids(target: IdTarget, count: number): Promise<bigint[]>
  /** A routable uuid (version 7): as `id`, without asking a server. */
  uuid(target?: IdTarget): string
  /**
   * Puts on every shard what the columns described as `routable` need: the schema `shardline`, a trigger that fills ids
   * which an INSERT leaves out, and a CHECK constraint. Safe to run again and by several processes at once.
   * @throws ConfigError CATALOG_MISMATCH when existing rows contradict; DatabaseError SHARDS_FAILED
   */
  install(): Promise<InstallReport>
  /**
   * What `install` would run on each shard of a keyspace (default: the only or first one), as one text for those who run
   * DDL themselves; `install()` afterwards changes no table, and brings the shards' clocks together.
   */
  installSql(keyspace?: string): string
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
  const nodesByShard = new Map([...nodes].map(([name, shard]) => [name, [shard.primary, ...shard.replicas]]))
  const pools = [...nodesByShard.values()].flat()
  const environment = { random: Math.random, areDatesSentAsUtc: pg.defaults.parseInputDatesAsUTC === true }
  const now = (): number => performance.now()
  // Servers that do not fit together are no matter of tables.
  const judge = (found: Snapshot['differences']): void =>
    refuseDifferences(
      options.differences === 'set-apart' ? found.filter(({ table }) => table === undefined) : found,
    )

  let first: Snapshot
  try {
    await loadParser()
    first = await firstSnapshot(config, [...nodes.values()], environment)
    judge(first.differences)
  } catch (error) {
    await Promise.allSettled(pools.map((pool) => pool.end()))
    throw error
  }
  const live = new LiveSnapshot(first, async (previous) => {
    const perShard = await readCatalogs(nodesByShard, config.start.deadlineMs)
    preparedNames.renew()
    return createSnapshot(previous.config, perShard, previous.catalog.version + 1, environment)
  })
  const plans = new PlanCache({ maxPlans: config.planCache.max })
  const counts = new RouteCount()
  const { maxLagMs } = config.reads
  const knowledge = {
    health: new NodeHealth(pools, now),
    floors: new SessionFloors(nodes.values()),
    staleness: maxLagMs === undefined ? undefined : new Staleness(nodes.values(), { maxLagMs, now }),
  }
  const chooseNodes = createNodeChoice(config, knowledge, { now, random: environment.random })
  const stopTracing = await traceWithInstalledApi()
  const contexts = new AsyncLocalStorage<RouteContext>()
  // Programs that never call `run` make no look-up in the asynchronous context.
  let isContextUsed = false
  let hasRun = false
  let ended: Promise<void> | undefined

  const shardNamed = (name: string): ShardNodes => {
    const found = nodes.get(name)
    if (found === undefined)
      throw new ConfigError('CONFIG_INVALID', `There is no shard "${name}" in the cluster.`)
    return found
  }
  const typeName = (shard: string, oid: number): string | undefined =>
    live.current.catalog.typeOids.get(shard)?.get(oid)
  const end = async (): Promise<void> => {
    stopTracing?.()
    live.end()
    for (const part of Object.values(knowledge)) part?.end()
    await Promise.all(pools.map((one) => one.end()))
  }

  const engine: Engine = {
    pg,
    // One server counts as sharded when a guarded table needs its proofs.
    isSingleNode: pools.length === 1 && !first.catalog.isSharded,
    isReadCommittedByDefault: first.isReadCommittedByDefault,
    types: config.types,
    shards: [...config.shards.keys()],
    plan: (text) => plans.get(text, live.current.catalog),
    route(statement, values, context) {
      try {
        const route = live.current.route(statement, values, context)
        counts.routed(route)
        return route
      } catch (error) {
        if (error instanceof ShardlineError) counts.refused(error.code)
        throw error
      }
    },
    context: () => (isContextUsed ? contexts.getStore() : undefined),
    candidates(route, name) {
      const shard = shardNamed(name)
      const nodes = chooseNodes(route, shard)
      if (!isContextUsed) return nodes
      return stayWithNode(contexts.getStore(), name, nodes, shard.primary)
    },
    primary: (name) => shardNamed(name).primary,
    readShard: () => (isContextUsed ? shardReadAlone(contexts.getStore()) : undefined),
    pools: () => pools,
    wrote: (name) => knowledge.floors.markWritten(name),
    learnPrimary: (statement) => plans.learnPrimary(statement),
    async refreshCatalog(cause) {
      const { version } = live.current.catalog
      await (cause === 'ddl' ? live.afterDdl() : live.refresh())
      return live.current.catalog.version !== version
    },
    enumLabels: (name, oid) => live.current.catalog.types.get(typeName(name, oid) ?? '')?.labels,
    typeName,
    end: () => (ended ??= end()),
  }
  const pool = createRoutedPool(engine)
  // A crash of another process may have left writes over several shards half way: finish them in the background.
  if (engine.shards.length > 1) void recoverPrepared(engine)

  const ids = createRouterIds({
    snapshot: () => live.current,
    context: () => engine.context(),
    primary: (shard) => engine.primary(shard),
    now,
  })
  const installEngine = (): InstallEngine => ({
    described: live.current.withIds,
    perShard: live.current.perShard,
    mapOf: ({ placement }) => live.current.keys.mapOf(placement),
    primary: (shard) => engine.primary(shard),
  })

  const run = <T>(context: RouteContext, callback: () => T): T => {
    isContextUsed = true
    if (context.shard !== undefined) shardNamed(context.shard)
    return contexts.run(layContext(contexts.getStore(), context) ?? {}, () => started(callback()))
  }

  return {
    pool,
    get notices() {
      return live.current.notices
    },
    shards: engine.shards,
    get context() {
      const context = engine.context()
      return context !== undefined && Object.keys(context).length > 0 ? context : undefined
    },
    get hasRun() {
      return hasRun
    },
    run(context, callback) {
      hasRun = true
      return run(context, callback)
    },
    keepNodes(callback) {
      // Of one server nothing has to be kept, and no context is the fastest.
      if (pools.length === 1) return callback()
      isContextUsed = true
      return contexts.run(keepingNodes(contexts.getStore()), callback)
    },
    eachShard: (callback, { lock = false, lockTimeoutMs = 60_000 } = {}) => {
      const round = () =>
        runOnEach(engine.shards, async (name) =>
          run({ shard: name, role: 'primary' }, async () =>
            callback({ name, keyspace: shardNamed(name).keyspace, pool }),
          ),
        )
      return live.duringRound(() => (lock ? underShardLocks(engine, lockTimeoutMs, round) : round()))
    },
    explain(sql, values = [], context) {
      const statement = engine.plan(sql)
      return explain(statement, live.current.route(statement, values, layContext(engine.context(), context)))
    },
    async refresh() {
      await live.refresh()
      refuseDifferences(live.current.differences)
    },
    describeTables(tables) {
      const { config: known, perShard, catalog } = live.current
      const next = createSnapshot(mergeTables(known, tables), perShard, catalog.version + 1, environment)
      judge(next.differences)
      live.current = next
    },
    bucketSql(table) {
      const [schema, name] = table.includes('.') ? table.split('.') : [undefined, table]
      const placement = findRelation(live.current.catalog, schema, name ?? '')?.placement
      if (placement === undefined || !('keyColumn' in placement)) {
        throw new ConfigError('CONFIG_INVALID', `"${table}" is no sharded table, so its rows have no bucket.`)
      }
      const column = `"${placement.keyColumn.replaceAll('"', '""')}"`
      return bucketSql(placement, column, live.current.keys.mapOf(placement))
    },
    assignment(keyspace) {
      const found =
        keyspace === undefined ? [...config.keyspaces.values()][0] : config.keyspaces.get(keyspace)
      if (found === undefined) throw new ConfigError('CONFIG_INVALID', `There is no keyspace "${keyspace}".`)
      const [group] = [...found.tables.values()].flatMap((table) => (isKeyed(table) ? [table.group] : []))
      // The maps of a keyspace share its assignment, which has the buckets of the directory's keys.
      return storeAssignment(
        group === undefined ? found.assignment : live.current.keys.mapOf({ group }).assignment,
      )
    },
    ...ids,
    async install() {
      // What is judged must be what is there now.
      await live.refresh()
      try {
        return await install(installEngine())
      } finally {
        for (const shard of engine.shards) engine.wrote(shard)
        // What an install did must be known also when it failed, and a failure to read must not hide its own.
        await live.afterDdl()
      }
    },
    installSql(keyspace = [...config.keyspaces.keys()][0] ?? '') {
      if (!config.keyspaces.has(keyspace))
        throw new ConfigError('CONFIG_INVALID', `There is no keyspace "${keyspace}".`)
      const script = scriptsByKeyspace(installEngine()).get(keyspace)
      return script === undefined ? '' : scriptText(script)
    },
    counters: () => snapshotCounters(counts, pools),
    end: () => pool.end(),
    [Symbol.asyncDispose]: () => pool.end(),
  }
}

/** @throws what starting throws; see `createRouter`. */
async function firstSnapshot(
  config: ClusterConfig,
  nodes: readonly ShardNodes[],
  environment: SnapshotEnvironment,
): Promise<Snapshot> {
  const answering = await contactNodes(nodes, config.start.deadlineMs)
  const perShard = await readCatalogs(answering, config.start.deadlineMs)
  return createSnapshot(config, perShard, 1, environment)
}
