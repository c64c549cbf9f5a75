import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRouter, defineCluster, ShardsError, tenant, type Router } from '@shardline/core'
import { startCluster, type Cluster } from '@shardline/local-cluster'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { migrateDeploy, type MigrateOptions } from '../src/migrate/migrate-deploy.ts'
import { resolveMigration } from '../src/migrate/resolve-migration.ts'
import {
  deployByPrisma,
  diagnoseByPrisma,
  pushSchema,
  resolveByPrisma,
  schemaSql,
} from './support/schema-engine.ts'

let cluster: Cluster
let folder: string
let urls: readonly string[]
let routers: Router[] = []
let databases = 0

beforeAll(async () => {
  cluster = await startCluster({ shards: 2, replicas: 0 })
})
afterAll(async () => {
  await cluster.stop()
})
beforeEach(async () => {
  const name = `migrated_${(databases += 1)}`
  await cluster.sql(`create database ${name}`)
  urls = cluster.shards.map(({ primary }) => primary.url.replace(/\/postgres$/, `/${name}`))
  folder = await mkdtemp(join(tmpdir(), 'shardline-migrations-'))
})
afterEach(async () => {
  await Promise.all(routers.map((router) => router.end()))
  routers = []
  await rm(folder, { recursive: true, force: true })
})

const start = async (): Promise<Router> => {
  const shards = Object.fromEntries(urls.map((primary, index) => [`s${index}`, { primary }]))
  const router = await createRouter(defineCluster({ shards, tables: { orders: tenant('tenant_id') } }))
  routers.push(router)
  return router
}

/** Straight at the server, past every router. */
const at = async <Row extends object>(shard: number, sql: string): Promise<Row[]> => {
  const client = new pg.Client({ connectionString: urls[shard] })
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

const write = async (migrations: Readonly<Record<string, string>>): Promise<void> => {
  for (const [name, script] of Object.entries(migrations)) {
    await mkdir(join(folder, name), { recursive: true })
    await writeFile(join(folder, name, 'migration.sql'), script)
  }
}

const orders = 'create table orders (tenant_id bigint not null, id bigint not null, note text);'
const schema =
  'datasource db {\n provider = "postgresql"\n}\nmodel orders {\n tenant_id BigInt\n id BigInt\n @@id([tenant_id, id])\n}'
const deploy = (router: Router, options: MigrateOptions = {}) => migrateDeploy(router, { folder, ...options })
const nothing = { applied: [], pending: [], edited: [] }
const bookOf = (shard: number) =>
  at(
    shard,
    `select migration_name as name, finished_at is not null as is_finished, rolled_back_at is not null as is_rolled_back
     from _prisma_migrations order by started_at`,
  )
const finished = (name: string) => ({ name, is_finished: true, is_rolled_back: false })
const locks = (shard: number) =>
  at(shard, `select 1 from pg_locks l join pg_database d on d.oid = l.database where locktype = 'advisory' and datname = current_database()`) // prettier-ignore

async function failure(promise: Promise<unknown>): Promise<ShardsError> {
  const error: unknown = await promise.then(() => undefined, (thrown: unknown) => thrown) // prettier-ignore
  if (error instanceof ShardsError) return error
  throw new Error('it did not fail on shards', { cause: error })
}

describe('migrations', () => {
  it('reach every shard, and routing knows of them at once', async () => {
    await write({
      '1_orders': orders,
      '2_note': 'alter table orders add paid boolean; create index on orders (id)',
    })
    const router = await start()
    const done = { ...nothing, applied: ['1_orders', '2_note'] }
    expect([...(await deploy(router))]).toEqual([
      ['s0', done],
      ['s1', done],
    ])
    await router.pool.query('insert into orders (tenant_id, id, paid) values (7, 1, true), (8, 1, true)')
    expect((await router.pool.query('select * from orders where tenant_id = 7')).rows).toHaveLength(1)
    expect([...(await deploy(router)).values()]).toEqual([nothing, nothing])
    for (const shard of [0, 1]) {
      expect(await bookOf(shard)).toEqual([finished('1_orders'), finished('2_note')])
      expect(await locks(shard)).toEqual([])
    }
  })

  it("are written down as Prisma's own engine writes them: each goes on where the other stopped", async () => {
    await write({ '1_init': await schemaSql(urls[0] ?? '', schema) })
    expect(await deployByPrisma(urls[0] ?? '', folder)).toEqual(['1_init'])
    await write({ '2_note': 'alter table orders add note text' })
    const router = await start().catch(() => undefined)
    expect(router, 'differing shards are refused at start').toBeUndefined()
    expect(await deployByPrisma(urls[1] ?? '', folder)).toEqual(['1_init', '2_note'])
    await at(0, 'alter table orders add note text')
    const later = await start()
    await at(0, 'alter table orders drop note')
    expect([...(await deploy(later)).values()]).toEqual([{ ...nothing, applied: ['2_note'] }, nothing])
    await write({ '3_paid': 'alter table orders add paid boolean' })
    await deploy(later)
    for (const url of urls) {
      expect(await deployByPrisma(url, folder)).toEqual([])
      expect(await diagnoseByPrisma(url, folder)).toEqual({ hasBook: true, failed: [], edited: [] })
    }
  })

  it('find a book that is made as Prisma makes its own', async () => {
    const shape = `select format('%s %s %s %s %s', attname, format_type(atttypid, atttypmod), attnotnull,
        pg_get_expr(adbin, adrelid), (select pg_get_constraintdef(c.oid) from pg_constraint c where conrelid = attrelid and contype = 'p')) as text
      from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
      where attrelid = '_prisma_migrations'::regclass and attnum > 0 order by attname`
    await write({ '1_orders': orders })
    await deployByPrisma(urls[0] ?? '', folder)
    const theirs = await at(0, shape)
    await at(0, 'drop table _prisma_migrations, orders')
    await deploy(await start())
    expect(await at(0, shape)).toEqual(theirs)
  })

  it('of several processes at once run once, one that no transaction takes as well', async () => {
    await write({
      '1_orders': orders,
      '2_index': 'create index concurrently orders_id on orders (id)',
      '3_note': 'select 3',
    })
    const processes = await Promise.all([start(), start(), start()])
    const reports = await Promise.all(processes.map((router) => deploy(router)))
    const applied = reports.map((report) => [...report.values()].map((shard) => shard.applied.length))
    expect(applied.toSorted(([a = 0], [b = 0]) => a - b)).toEqual([[0, 0], [0, 0], [3, 3]]) // prettier-ignore
    for (const shard of [0, 1]) {
      expect(await bookOf(shard)).toEqual([finished('1_orders'), finished('2_index'), finished('3_note')])
      expect(
        await at(shard, "select indisvalid from pg_index where indexrelid = 'orders_id'::regclass"),
      ).toEqual([{ indisvalid: true }])
      expect(await locks(shard)).toEqual([])
    }
  })

  it('leave none of their settings to anybody, and may not change what names mean', async () => {
    await write({ '1_path': `set lock_timeout = '7s'; set local statement_timeout = '8s'; ${orders}` })
    const router = await start()
    await deploy(router)
    const shown = await router.run({ shard: 's0' }, () => router.pool.query('show lock_timeout'))
    expect(shown.rows).toEqual([{ lock_timeout: '0' }])
    await write({ '2_path': 'create schema other; set search_path = other; create table more (id int)' })
    const error = await failure(deploy(router))
    expect(error.shards.get('s0')).toMatchObject({
      error: { details: { code: 'SESSION_STATE', isRolledBack: true } },
    })
  })

  it('need one connection of a shard, and no second shard', async () => {
    await write({ '1_orders': orders, '2_index': 'create index concurrently on orders (id)' })
    const [primary = ''] = urls
    const router = await createRouter(defineCluster({ shards: { only: { primary } }, pool: { max: 1 } }))
    routers.push(router)
    expect([...(await deploy(router))]).toEqual([['only', { ...nothing, applied: ['1_orders', '2_index'] }]])
    await write({ '3_wrong': 'select 1 / 0' })
    const error = await failure(deploy(router))
    expect(error.shards.get('only')).toMatchObject({
      error: { code: 'MIGRATION_FAILED', cause: { code: '22012' } },
    })
    expect((await router.pool.query('select * from orders')).rows).toEqual([])
  })

  it('of one keyspace leave the shards of others alone', async () => {
    await write({ '1_orders': orders })
    const [first = '', second = ''] = urls
    const keyspaces = {
      main: { shards: { a: { primary: first } } },
      logs: { shards: { b: { primary: second } } },
    }
    const router = await createRouter(defineCluster({ keyspaces }))
    routers.push(router)
    expect([...(await deploy(router, { keyspace: 'logs' })).keys()]).toEqual(['b'])
    expect(await at(0, "select to_regclass('orders') as found")).toEqual([{ found: null }])
    await expect(deploy(router, { keyspace: 'none' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })
})

describe('when one shard fails', () => {
  const unique = { '2_unique': 'alter table orders add total int; create unique index orders_id on orders (id)', '3_later': 'create table later (id int)' } // prettier-ignore

  it('says so of each shard, stops the others, refuses the table meanwhile, and completes when run again', async () => {
    await write({ '1_orders': orders })
    const router = await start()
    await deploy(router)
    await at(1, 'insert into orders values (1, 1), (2, 1)')
    await write(unique)
    const error = await failure(deploy(router))
    expect(error.message).toContain('It failed on "s1" (MIGRATION_FAILED) and succeeded on "s0".')
    expect(error.shards.get('s0')).toEqual({
      status: 'succeeded',
      result: { applied: ['2_unique'], pending: ['3_later'], edited: [] },
    })
    expect(error.shards.get('s1')).toMatchObject({
      error: {
        code: 'MIGRATION_FAILED',
        message:
          'Migration 2_unique failed on shard "s1" (23505). It was rolled back there: mend the cause and run it again.',
        details: { migration: '2_unique', shard: 's1', code: '23505', isRolledBack: true },
        cause: { code: '23505', constraint: 'orders_id' },
      },
    })
    expect(await bookOf(1)).toEqual([
      finished('1_orders'),
      { name: '2_unique', is_finished: false, is_rolled_back: true },
    ])
    expect(await at(1, "select to_regclass('later') as found")).toEqual([{ found: null }])
    expect(router.notices.map(({ kind }) => kind)).toContain('set-apart')
    await expect(router.pool.query('select * from orders where tenant_id = 1')).rejects.toMatchObject({
      code: 'UNPROVED_READ',
    })

    await at(1, 'delete from orders where tenant_id = 2')
    expect([...(await deploy(router))]).toEqual([
      ['s0', { ...nothing, applied: ['3_later'] }],
      ['s1', { ...nothing, applied: ['2_unique', '3_later'] }],
    ])
    expect(router.notices.map(({ kind }) => kind)).not.toContain('set-apart')
    expect((await router.pool.query('select id, total from orders where tenant_id = 1')).fields).toHaveLength(
      2,
    )
    for (const url of urls) expect(await deployByPrisma(url, folder)).toEqual([])
  })

  it('goes on with Prisma itself, which takes what was rolled back for new', async () => {
    await write({ '1_orders': orders })
    const router = await start()
    await deploy(router)
    await at(1, 'insert into orders values (1, 1), (2, 1)')
    await write(unique)
    await failure(deploy(router))
    await at(1, 'delete from orders where tenant_id = 2')
    expect(await deployByPrisma(urls[1] ?? '', folder)).toEqual(['2_unique', '3_later'])
    expect(await deployByPrisma(urls[0] ?? '', folder)).toEqual(['3_later'])
    expect([...(await deploy(router)).values()]).toEqual([nothing, nothing])
  })

  it('is not helped by another text, which would make the shards differ for good', async () => {
    await write({ '1_orders': orders })
    const router = await start()
    await deploy(router)
    await at(1, 'insert into orders values (1, 1), (2, 1)')
    await write(unique)
    await failure(deploy(router))
    await write({ '2_unique': 'alter table orders add total bigint' })
    await expect(deploy(router)).rejects.toMatchObject({
      code: 'MIGRATION_BLOCKED',
      details: { migration: '2_unique', shard: 's1', appliedOn: 's0', reason: 'edited' },
    })
    expect(await at(1, 'select * from orders limit 0')).toEqual([])
    await write({ '2_unique': unique['2_unique'].replaceAll('; ', ';\r\n') })
    await expect(deploy(router)).rejects.toMatchObject({ details: { reason: 'edited' } })
  })

  it('leaves a script half done only where no transaction can hold it, and then waits for a human', async () => {
    await write({ '1_orders': orders })
    const router = await start()
    await deploy(router)
    await at(1, 'insert into orders values (1, 1), (2, 1)')
    await write({ '2_index': 'create unique index concurrently orders_id on orders (id)' })
    const error = await failure(deploy(router))
    expect(error.shards.get('s1')).toMatchObject({
      error: { code: 'MIGRATION_FAILED', details: { isRolledBack: false } },
    })
    expect((await diagnoseByPrisma(urls[1] ?? '', folder)).failed).toEqual(['2_index'])
    await expect(deploy(router)).rejects.toMatchObject({
      code: 'MIGRATION_BLOCKED',
      details: { shard: 's1', migration: '2_index', reason: 'stopped' },
    })

    await at(1, 'drop index orders_id; delete from orders where tenant_id = 2')
    await resolveMigration(router, { migration: '2_index', as: 'rolled-back', shards: ['s1'], folder })
    expect([...(await deploy(router)).values()]).toEqual([nothing, { ...nothing, applied: ['2_index'] }])
    expect((await diagnoseByPrisma(urls[1] ?? '', folder)).failed).toEqual([])
  })

  it('by a lost connection has left nothing, and the next run completes', async () => {
    await write({ '1_orders': orders, '2_slow': 'alter table orders add slow int; select pg_sleep(30)' })
    const router = await start()
    const deploying = failure(deploy(router))
    const kill = `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`
    while ((await at(1, kill)).length === 0);
    while ((await at(0, kill.replace('pg_terminate_backend', 'pg_cancel_backend'))).length === 0);
    const error = await deploying
    expect(error.details).toMatchObject({ failed: ['s0', 's1'] })
    expect(error.shards.get('s0')).toMatchObject({
      error: { details: { isRolledBack: true, code: '57014' } },
    })
    expect(error.shards.get('s1')).toMatchObject({ error: { details: { code: '57P01' } } })
    for (const shard of [0, 1]) expect(await at(shard, 'select * from orders')).toEqual([])

    await write({ '2_slow': 'alter table orders add slow int' })
    expect([...(await deploy(router)).values()].map(({ applied }) => applied)).toEqual([
      ['2_slow'],
      ['2_slow'],
    ])
    for (const url of urls) expect((await diagnoseByPrisma(url, folder)).failed).toEqual([])
  })

  it('sees that a script has committed by itself', async () => {
    await write({ '1_own': `begin; ${orders} commit; begin; select 1 / 0; commit;` })
    const router = await start()
    const error = await failure(deploy(router))
    for (const shard of ['s0', 's1']) {
      expect(error.shards.get(shard)).toMatchObject({
        error: { details: { isRolledBack: false, code: '22012' } },
      })
    }
    await expect(deploy(router)).rejects.toMatchObject({ details: { reason: 'stopped' } })
    for (const url of urls) await resolveByPrisma(url, '1_own')
    await at(0, 'drop table orders')
    await at(1, 'drop table orders')
    await write({ '1_own': `begin; ${orders} commit; begin; select 1; commit;`, '2_more': 'select 2' })
    expect([...(await deploy(router)).values()].map(({ applied }) => applied)).toEqual([['1_own', '2_more'], ['1_own', '2_more']]) // prettier-ignore
    expect((await bookOf(0)).at(-2)).toEqual(finished('1_own'))
  })

  it('says of a statement that needs no transaction that it has to be alone', async () => {
    await write({ '1_both': `${orders} create index concurrently orders_id on orders (id)` })
    const error = await failure(deploy(await start()))
    expect(error.shards.get('s0')).toMatchObject({
      error: {
        message: expect.stringContaining('has to be alone in its migration') as string,
        details: { isRolledBack: true, code: '25001' },
      },
    })
    expect(await at(0, "select to_regclass('orders') as found")).toEqual([{ found: null }])
    expect((await diagnoseByPrisma(urls[0] ?? '', folder)).failed).toEqual([])
  })
})

describe('nothing is run', () => {
  it('on databases that have tables and no book, until somebody says what they have', async () => {
    await write({
      '1_orders': await schemaSql(urls[0] ?? '', schema),
      '2_note': 'alter table orders add paid boolean',
    })
    for (const url of urls) await pushSchema(url, schema)
    const router = await start()
    await expect(deploy(router)).rejects.toMatchObject({
      code: 'MIGRATION_BLOCKED',
      details: { shard: 's0', reason: 'not-empty' },
    })
    await resolveMigration(router, { migration: '1_orders', as: 'applied', folder })
    const done = { ...nothing, applied: ['2_note'] }
    expect([...(await deploy(router)).values()]).toEqual([done, done])
    for (const as of ['applied', 'rolled-back'] as const) {
      const resolving = resolveMigration(router, { migration: '1_orders', as, folder })
      await expect(resolving).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    }
  })

  it('while somebody else is migrating a shard', async () => {
    await write({ '1_orders': orders })
    const router = await start()
    const prisma = new pg.Client({ connectionString: urls[1] })
    await prisma.connect()
    await prisma.query('select pg_advisory_lock(72707369)')
    await expect(deploy(router, { lockTimeoutMs: 150 })).rejects.toMatchObject({
      code: 'MIGRATION_BLOCKED',
      details: { shard: 's1', reason: 'locked' },
    })
    expect(await at(0, "select to_regclass('orders') as found")).toEqual([{ found: null }])
    const waiting = deploy(router)
    await prisma.end()
    expect((await waiting).get('s1')?.applied).toEqual(['1_orders'])
  })

  it('of a folder that is wrong', async () => {
    const router = await start()
    const refused = (options: MigrateOptions) =>
      expect(migrateDeploy(router, options)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    await refused({ folder: join(folder, 'none') })
    await mkdir(join(folder, '1_empty'))
    await refused({ folder })
    await writeFile(join(folder, 'migration_lock.toml'), 'provider = "mysql"\n')
    await refused({ folder })
    await expect(
      resolveMigration(router, { migration: '9_none', as: 'applied', folder }),
    ).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })
})
