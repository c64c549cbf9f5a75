import { createRouter, defineCluster, type ClusterInput, type Router } from '@shardline/core'
import { startCluster, waitFor, type Cluster, type PgNode } from '@shardline/local-cluster'
import pg from 'pg'
import { expect } from 'vitest'
import type { Application, ErrorDescription, Orm } from '../application.ts'
import { fill, type Data } from '../domain/data.ts'
import { tableNames, plainSchema, schema } from '../domain/schema.ts'
import { createIds, type Ids } from '../domain/ids.ts'
import { applicationName, logging, plainName, loggingConf, type Logged } from './statement-log.ts'
import { Tally } from './tally.ts'

/** What `touched` saw. */
export interface Touched<T> {
  readonly result: T
  readonly statements: readonly Logged[]
  /** Names of the servers that ran something, in alphabetical order: `s0p`, `s0r1`, `s1p`, `s1r1`. */
  readonly nodes: readonly string[]
}

/** The servers, the routers and the applications of one ORM, and the data that every scenario starts with. */
export interface World {
  readonly orm: Orm
  readonly cluster: Cluster
  readonly router: Router
  /** Through Shardline on 2 × (1 + 1). */
  readonly application: Application
  /** The same ORM on one PostgreSQL with its native driver, with the same data. */
  readonly plain: Application
  readonly plainUrl: string
  readonly data: Data
  readonly ids: Ids
  /** Runs `act` and tells which servers ran statements of the application, by their own logs. */
  touched<T>(act: () => Promise<T>): Promise<Touched<T>>
  /**
   * Runs `act` with the application and with the plain one, and expects both to return alike (undefined and absent are the
   * same). Returns what Shardline's returned, and the servers it touched.
   */
  alike<T>(act: (application: Application) => Promise<T>): Promise<Touched<T>>
  /** The same of errors: both must reject, and alike in the ORM's own description. Returns Shardline's. */
  alikeRejected(act: (application: Application) => Promise<unknown>): Promise<unknown>
  /** Resolves when reads go to the replicas again: they have replayed everything, and the router knows. */
  settle(): Promise<void>
  /** The data as at the beginning, everywhere. */
  reset(): Promise<void>
  /** Ends all sessions of both applications on the primaries, and waits until they are gone. */
  endSessions(): Promise<void>
  /** Ends all sessions of the application on the replicas. */
  endReplicaSessions(): Promise<void>
  /** Waits until one of them sleeps in `pg_sleep`, and ends that one. */
  endSleepers(): Promise<void>
  /** A router of its own for one scenario, and an application over it; both are ended with the scenario. */
  open(
    options?: Partial<ClusterInput>,
  ): Promise<{ readonly router: Router; readonly application: Application }>
  /** Both replicas: what a read of everything reaches. */
  readonly nodesOfReads: readonly string[]
  /** Both primaries. */
  readonly nodesOfWrites: readonly string[]
  /** The primary and the replica of the shard with this tenant. */
  primaryOf(tenantId: number): string
  replicaOf(tenantId: number): string
  shardNodesOf(tenantId: number): readonly string[]
  nodeNamed(name: string): PgNode
}

/** All that one test file starts; `begin` gives each scenario a fresh world. */
export interface Stage {
  begin(isCounted: boolean): Promise<World>
  /** Ends what the scenario opened, and waits until nothing of it runs on the servers. */
  finish(): Promise<void>
  readonly tally: Tally
  stop(): Promise<void>
}

const nothing = tableNames.map((name) => `delete from ${name}`).join('; ')

export async function startStage(orm: Orm): Promise<Stage> {
  const cluster = await startCluster({ shards: 2, replicas: 1, conf: loggingConf })
  const [first, second] = cluster.shards
  if (first === undefined || second === undefined) throw new Error('two shards were asked for')
  await cluster.sql(schema)
  await first.primary.sql('create database plain')
  const plainUrl = first.primary.url.replace(/\/postgres$/, '/plain')
  const plain = await orm.openPlain(plainUrl)
  const runPlain = (text: string) => runOn(plainUrl, text)
  await runPlain(plainSchema)
  await cluster.waitForReplay()

  const newRouter = async (options: Partial<ClusterInput> = {}): Promise<Router> =>
    createRouter(
      defineCluster({
        shards: Object.fromEntries(cluster.shards.map((shard) => [shard.name, shard.urls])),
        client: { application_name: applicationName },
        // Idling closes no session: one that ends was ended.
        pool: { idleTimeoutMs: 0 },
        ...options,
      } as ClusterInput),
    )
  const router = await newRouter()
  const application = await orm.open(router)
  const ids = await createIds(router)
  await cluster.waitForReplay()
  const data = await fill(router, ids)
  const tally = new Tally()
  const opened: { readonly router: Router; readonly application: Application }[] = []
  let isCounted = false

  const shardOf = (tenantId: number): string => {
    const { shards } = router.explain('select from tenants where id = $1', [tenantId])
    expect(shards).toHaveLength(1)
    return shards[0] ?? ''
  }
  const primaries = cluster.shards.map(({ primary }) => primary)
  const replicas = cluster.shards.flatMap((shard) => shard.replicas)
  const nodeNamed = (name: string): PgNode => {
    const node = cluster.nodes.find((one) => one.name === name)
    if (node === undefined) throw new Error(`There is no node ${name}.`)
    return node
  }

  const touched = async <T>(act: () => Promise<T>): Promise<Touched<T>> => {
    const { result, statements } = await logging(cluster, act)
    if (isCounted) tally.count(statements)
    const nodes = [...new Set(statements.map(({ node }) => node.name))].sort()
    return { result, statements, nodes }
  }

  const settle = async (): Promise<void> => {
    await cluster.waitForReplay()
    await waitFor('reads to go to the replicas', async () => {
      for (const shard of cluster.shards) {
        const { rows } = await router.run({ shard: shard.name }, () =>
          router.pool.query<{ port: number }>(
            `select current_setting('port')::int as port from pg_am limit 1`,
          ),
        )
        if (rows[0]?.port === shard.primary.port) return false
      }
      return true
    })
  }

  const reset = async (): Promise<void> => {
    await Promise.all([
      ...cluster.shards.map(({ name, primary }) => primary.sql(`${nothing}; ${data.sqlOf(name)}`)),
      runPlain(`${nothing}; ${data.sqlOf(undefined)}`),
    ])
  }

  const world: World = {
    orm,
    cluster,
    router,
    application,
    plain,
    plainUrl,
    data,
    ids,
    touched,
    async alike(act) {
      const expected = await act(plain)
      const seen = await touched(() => act(application))
      expect(seen.result).toEqual(expected)
      return seen
    },
    async alikeRejected(act) {
      const expected = await rejection(act(plain))
      const actual = await rejection(act(application))
      expect(withoutNumbers(application.describeError(actual))).toEqual(
        withoutNumbers(plain.describeError(expected)),
      )
      return actual
    },
    settle,
    reset,
    async endSessions() {
      await endSessions(primaries, 'true')
    },
    async endReplicaSessions() {
      await endSessions(replicas, 'true')
    },
    async endSleepers() {
      await waitFor('a session to sleep', () =>
        endSessions(primaries, `wait_event = 'PgSleep'`),
      )
    },
    async open(options) {
      const own = await newRouter(options)
      const created = { router: own, application: await orm.open(own) }
      opened.push(created)
      return created
    },
    nodesOfReads: ['s0r1', 's1r1'],
    nodesOfWrites: ['s0p', 's1p'],
    primaryOf: (tenantId) => `${shardOf(tenantId)}p`,
    replicaOf: (tenantId) => `${shardOf(tenantId)}r1`,
    shardNodesOf: (tenantId) => [`${shardOf(tenantId)}p`, `${shardOf(tenantId)}r1`],
    nodeNamed,
  }

  return {
    tally,
    async begin(counted) {
      isCounted = counted
      await reset()
      await settle()
      return world
    },
    async finish() {
      isCounted = false
      for (const one of opened.splice(0)) {
        await one.application.end()
        if (!one.router.pool.ending) await one.router.end()
      }
      await waitFor('transactions to end', async () => {
        const open = await Promise.all(
          cluster.nodes
            .filter((node) => node.isRunning)
            .map((node) =>
              node.sql(
                `select from pg_stat_activity where application_name = $1 and state not in ('idle', 'disabled')`,
                [applicationName],
              ),
            ),
        )
        return open.every((rows) => rows.length === 0)
      })
    },
    async stop() {
      await application?.end()
      await plain?.end()
      if (!router.pool.ending) await router.end()
      await cluster.stop()
    },
  }
}

/** True when there were any. */
async function endSessions(nodes: readonly PgNode[], condition: string): Promise<boolean> {
  const ofApplications = `application_name in ('${applicationName}', '${plainName}') and ${condition}`
  const ended = await Promise.all(
    nodes.map((node) =>
      node.sql(
        `select pg_terminate_backend(pid, 5000) from pg_stat_activity where ${ofApplications} and pid <> pg_backend_pid()`,
      ),
    ),
  )
  return ended.flat().length > 0
}

async function runOn(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(text)
  await client.end()
}

/** PostgreSQL's deadlock report names processes and transactions, which differ from run to run. */
function withoutNumbers(description: ErrorDescription): unknown {
  return JSON.parse(
    JSON.stringify(description, (_key, value: unknown) =>
      typeof value === 'string'
        ? value.replaceAll(/\b(process|transaction) \d+/gi, '$1 …')
        : typeof value === 'bigint'
          ? String(value)
          : value,
    ),
  )
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  let value: unknown
  try {
    value = await promise
  } catch (error) {
    return error
  }
  throw new Error(
    `expected an error, and got ${JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v))}`,
  )
}
