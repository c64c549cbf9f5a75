import { createRouter, defineCluster, type Router } from '@shardline/core'
import { typeormDriver } from '@shardline/typeorm-driver'
import pg from 'pg'
import { DataSource, QueryFailedError, type EntitySubscriberInterface } from 'typeorm'
import { expect, test } from 'vitest'
import { Customer, entities } from './entities.ts'
import { failureOf, withDataSource, type Harness } from './harness.ts'

/** Leases, replicas, options, and what ends what. */
export function connectionsSuite(harness: Harness): void {
  const portOf = `select current_setting('port')::int as port from customers where tenant_id = 1`
  const nodesOf = (router: Router) => {
    const { shards } = router.explain('select from customers where tenant_id = 1')
    const shard = harness.cluster.shards.find(({ name }) => name === shards[0])
    return { primary: shard?.primary.port, replica: shard?.replicas[0]?.port }
  }

  test('reads go where they may, those of a slave runner to a replica, those of a transaction with it', async () => {
    const { cluster } = harness
    const router = await createRouter(defineCluster({ shards: cluster.urls, consistency: 'eventual' }), {
      pg,
    })
    await withDataSource(router, { entities }, async (db) => {
      const { primary, replica } = nodesOf(router)
      await db.getRepository(Customer).upsert({ tenantId: 1, email: 'reader' }, ['tenantId', 'email'])
      await cluster.waitForReplay()
      expect(await db.query(portOf)).toContainEqual({ port: replica })
      expect(await router.run({ role: 'primary' }, () => db.query(portOf))).toContainEqual({ port: primary })
      // TypeORM reads through slave runners by itself; that is not what somebody means who asks for one.
      const builtPort = () =>
        db
          .createQueryBuilder(Customer, 'c')
          .select(`current_setting('port')::int`, 'port')
          .where('c.tenantId = 1')
          .getRawOne<{ port: number }>()
      expect(await builtPort()).toEqual({ port: replica })
      expect(await router.run({ role: 'primary' }, builtPort)).toEqual({ port: primary })
      const slave = db.createQueryRunner('slave')
      expect(slave.getReplicationMode()).toBe('slave')
      expect(await slave.query(portOf)).toContainEqual({ port: replica })
      const streamed: unknown[] = []
      for await (const row of await slave.stream(portOf)) streamed.push(row)
      expect(streamed).toContainEqual({ port: replica })
      await slave.query('START TRANSACTION READ ONLY')
      expect(await slave.query(portOf)).toContainEqual({ port: replica })
      await slave.query('COMMIT')
      await slave.release()
      await db.transaction(async (manager) => {
        expect(await manager.query(portOf)).toContainEqual({ port: primary })
      })
    })
    await router.end()
  })

  test('a DataSource ends itself, and the router when it was asked to', async () => {
    const { cluster, router } = harness
    const own = await createRouter(defineCluster({ shards: cluster.urls }), { pg })
    const listeners = own.pool.listenerCount('error')
    const first = new DataSource({ type: 'postgres', driver: typeormDriver(own), entities: [] })
    await first.initialize()
    const runner = first.createQueryRunner()
    await runner.connect()
    await first.destroy()
    expect(runner.isReleased).toBe(true)
    expect(own.pool.ending).toBe(false)
    expect(own.pool.listenerCount('error')).toBe(listeners)
    await first.initialize()
    expect(await first.query('select 1 as one')).toEqual([{ one: 1 }])
    await first.destroy()

    const last = new DataSource({
      type: 'postgres',
      driver: typeormDriver(own, { endRouter: true }),
      entities: [],
    })
    await last.initialize()
    await last.destroy()
    expect(own.pool.ending).toBe(true)
    expect(router.pool.ending).toBe(false)
  })

  test('a copy of the driver, as frameworks make them, is the driver', async () => {
    const db = new DataSource({ type: 'postgres', driver: { ...typeormDriver(harness.router) }, entities })
    await db.initialize()
    expect(await db.query('select 1 as one')).toEqual([{ one: 1 }])
    await db.destroy()
  })

  test('options that the cluster has are refused by name', async () => {
    for (const [option, value] of Object.entries({
      replication: { master: {}, slaves: [] },
      poolSize: 3,
      extra: { statement_timeout: 1 },
      applicationName: 'x',
      connectTimeoutMS: 1,
    })) {
      const db = new DataSource({ type: 'postgres', driver: typeormDriver(harness.router), [option]: value })
      const error = await failureOf(db.initialize())
      expect(error).toMatchObject({ code: 'UNSUPPORTED_OPTION' })
      expect((error as Error).message).toContain(`"${option}"`)
    }
  })

  test('a driver outside of a DataSource says what is wrong', () => {
    const { Pool } = typeormDriver(harness.router)
    expect(() => new Pool()).toThrow(expect.objectContaining({ code: 'DEPENDENCY_UNSUPPORTED' }))
  })

  test('parseInt8 holds for its DataSource alone', async () => {
    const text = 'select 9007199254740991::int8 as id'
    await withDataSource(harness.router, { parseInt8: true }, async (db) => {
      expect(await db.query(text)).toEqual([{ id: 9_007_199_254_740_991 }])
    })
    expect((await harness.router.pool.query(text)).rows).toEqual([{ id: '9007199254740991' }])
  })

  test('subscribers, loggers and errors see what they see with pg', async () => {
    const events: string[] = []
    class Watcher implements EntitySubscriberInterface<Customer> {
      listenTo() {
        return Customer
      }
      beforeInsert({ entity }: { entity: Customer }) {
        events.push(`before ${entity.id}`)
      }
      afterInsert({ entity }: { entity: Customer }) {
        events.push(`after ${typeof entity.id}`)
      }
    }
    const logged: string[] = []
    const logger = {
      logQuery: (text: string) => void logged.push(text),
      logQueryError: (error: unknown) => void logged.push(`error ${(error as Error).constructor.name}`),
      logQuerySlow: (ms: number) => void logged.push(`slow ${ms > 0}`),
      logSchemaBuild() {},
      logMigration() {},
      log() {},
    }
    await withDataSource(harness.router, { entities, logger, maxQueryExecutionTime: 5 }, async (db) => {
      db.subscribers.push(new Watcher())
      await db.getRepository(Customer).save({ tenantId: 1, email: 'watched' })
      expect(events).toEqual(['before undefined', 'after string'])
      expect(logged.filter((text) => text.startsWith('INSERT'))).toHaveLength(1)
      await db.query('select pg_sleep(0.02)')
      expect(logged).toContain('slow true')
      const error = await failureOf(db.query('select 1/0'))
      expect(error).toBeInstanceOf(QueryFailedError)
      expect(error).toMatchObject({
        code: '22012',
        driverError: { code: '22012', routine: 'int4div' },
      })
      expect((error as QueryFailedError).driverError).toBeInstanceOf(pg.DatabaseError)
      expect(logged.at(-1)).toBe('error DatabaseError')
    })
  })

  test('logNotifications tells of notices and notifications', async () => {
    const logged: string[] = []
    const logger = {
      logQuery() {},
      logQueryError() {},
      logQuerySlow() {},
      logSchemaBuild() {},
      logMigration() {},
      log: (_level: string, message: unknown) => void logged.push(String(message)),
    }
    await withDataSource(harness.router, { logger, logNotifications: true }, async (db) => {
      const runner = db.createQueryRunner()
      await harness.router.run({ shard: 's0' }, async () => {
        await runner.query(`do $$ begin raise notice 'heard'; end $$`)
        await runner.query('listen news')
        await runner.query(`notify news, 'today'`)
        await runner.query('unlisten news')
      })
      await runner.release()
    })
    expect(logged).toEqual(['heard', 'Received NOTIFY on channel news: today.'])
  })

  test('on one server everything is as with pg', async () => {
    const [first] = harness.cluster.shards
    const url = first?.primary.url ?? ''
    const router = await createRouter(defineCluster({ shards: { only: { primary: url } } }), { pg })
    const seen = async (driver: object) => {
      const db = new DataSource({ type: 'postgres', url, driver, cache: true })
      await db.initialize()
      const slave = db.createQueryRunner('slave')
      const client = (await slave.connect()) as pg.PoolClient & { readonly processID: number | null }
      const facts = [
        typeof client.processID,
        db.defaultReplicationModeForReads(),
        slave.getReplicationMode(),
        await slave.query(`select 1 as one, 2::int8 as two, null as three`),
        await slave.query('create temp table mine (id int); insert into mine values (1); select * from mine'),
        ((await failureOf(slave.query('select 1/0'))) as { driverError: object }).driverError.constructor
          .name,
      ]
      await slave.release()
      await db.destroy()
      return facts
    }
    expect(await seen(typeormDriver(router))).toEqual(await seen(pg))
    await router.end()
  })
}
