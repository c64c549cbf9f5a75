import { createRouter, defineCluster, type ClusterInput, type Router } from '@shardline/core'
import { startCluster, waitFor, type PgNode } from '@shardline/local-cluster'
import { expect } from 'vitest'
import type { Application, Orm } from '../application.ts'
import { fill } from '../domain/data.ts'
import { createIds } from '../domain/ids.ts'
import { plainSchema, schema, tableNames } from '../domain/schema.ts'
import { rejection, withoutNumbers } from './compare-errors.ts'
import { DirectConnections } from './direct-connections.ts'
import { applicationName, logging, loggingConf, plainName } from './statement-log.ts'
import { Tally } from './tally.ts'
import type { Touched, World } from './world.ts'

/** All that one test file starts; `begin` gives each scenario a fresh world. */
export interface Stage {
  begin(isCounted: boolean): Promise<World>
  /** Ends what the scenario opened, and waits until nothing of it runs on the servers. */
  finish(): Promise<void>
  readonly tally: Tally
  stop(): Promise<void>
}

const ofRouters = `application_name = '${applicationName}'`
const ofApplications = `application_name in ('${applicationName}', '${plainName}')`
const nothing = tableNames.map((name) => `delete from ${name}`).join('; ')

export async function startStage(orm: Orm): Promise<Stage> {
  const cluster = await startCluster({ shards: 2, replicas: 1, conf: loggingConf })
  const [first, second] = cluster.shards
  if (first === undefined || second === undefined) throw new Error('two shards were asked for')
  const direct = new DirectConnections()
  await cluster.sql(schema)
  await first.primary.sql('create database plain')
  const plainUrl = first.primary.url.replace(/\/postgres$/, '/plain')
  const plain = await orm.openPlain(plainUrl)
  await direct.run(plainUrl, plainSchema)
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
  const begin = new Map(
    [...cluster.shards.map(({ name }) => name), undefined].map((shard) => [
      shard,
      `${nothing}; ${data.sqlOf(shard)}`,
    ]),
  )
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

  /** True when there were any. */
  const endSessions = async (nodes: readonly PgNode[], condition = 'true'): Promise<boolean> => {
    const ended = await Promise.all(
      nodes.map(({ url }) =>
        direct.run(
          url,
          `select pg_terminate_backend(pid, 5000) from pg_stat_activity where ${ofApplications} and ${condition}`,
        ),
      ),
    )
    return ended.some(({ rows }) => rows.length > 0)
  }

  const touched = async <T>(act: () => Promise<T>): Promise<Touched<T>> => {
    const { result, statements } = await logging(cluster, act)
    if (isCounted) tally.count(statements)
    const nodes = [...new Set(statements.map(({ node }) => node.name))].sort()
    return { result, statements, nodes }
  }

  const settle = async (settling = router): Promise<void> => {
    await direct.waitForReplay(cluster)
    await waitFor('reads to go to the replicas', async () => {
      for (const shard of cluster.shards) {
        const { rows } = await settling.run({ shard: shard.name }, () =>
          settling.pool.query<{ port: number }>(
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
      ...cluster.shards.map(({ name, primary }) => direct.run(primary.url, begin.get(name) ?? '')),
      direct.run(plainUrl, begin.get(undefined) ?? ''),
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
    async alikeOutcome(act) {
      const outcomeOf = (one: Application) =>
        act(one).then(
          (value) => ({ value }),
          (error: unknown) => ({ error: withoutNumbers(one.describeError(error)) }),
        )
      const expected = await outcomeOf(plain)
      const seen = await touched(() => outcomeOf(application))
      expect(seen.result).toEqual(expected)
      return seen
    },
    settle,
    reset,
    async endSessions() {
      await endSessions(primaries)
    },
    async endReplicaSessions() {
      await endSessions(replicas)
    },
    async endSleepers() {
      await waitFor('a session to sleep', () => endSessions(primaries, `wait_event = 'PgSleep'`))
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
              direct.run(node.url, `select from pg_stat_activity where ${ofRouters} and state <> 'idle'`),
            ),
        )
        return open.every(({ rows }) => rows.length === 0)
      })
    },
    async stop() {
      await application?.end()
      // Not waited for: Prisma 6 by itself never lets go of a transaction whose session died.
      plain?.end().catch(() => undefined)
      if (!router.pool.ending) await router.end()
      await direct.end()
      await cluster.stop()
    },
  }
}
