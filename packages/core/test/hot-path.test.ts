import { AsyncLocalStorage } from 'node:async_hooks'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { defineCluster } from '../src/config/define-cluster.ts'
import { NodePool } from '../src/pool/node-pool.ts'
import { createRouter, type Router } from '../src/router.ts'
import { startRouted, tables, type Routed } from './routed-fixture.ts'

/** What keeps the way of a statement short, told by what happens on it and not by how long it takes: docs/hot-path.md. */
let routed: Routed
/** Nobody has run anything in a context of this one. */
let router: Router
const read = 'select id, note from orders where tenant_id = $1 order by id'

beforeAll(async () => {
  routed = await startRouted({ shards: 4 })
  router = await createRouter(defineCluster({ shards: routed.cluster.urls, tables }), { pg })
  for (const tenant of tenants()) {
    await routed.router.pool.query('insert into orders (tenant_id, id, note) values ($1, 1, $2)', [
      tenant,
      'x',
    ])
  }
  await routed.cluster.waitForReplay()
})
afterEach(() => vi.restoreAllMocks())
afterAll(async () => {
  await router.end()
  await routed.end()
})

/** One of each shard. */
const tenants = (): number[] => {
  const found = new Map<string, number>()
  for (let id = 1; found.size < 4; id++) {
    const { route } = routed.router.explain(read, [id])
    if (route.kind === 'single' && !found.has(route.shard)) found.set(route.shard, id)
  }
  return [...found.values()]
}

describe('a statement of one shard', () => {
  it.each([
    ['read', read],
    ['write', `update orders set note = 'y' where tenant_id = $1 returning id`],
  ])('hands out the very rows that pg made: %s', async (_, text) => {
    const made: unknown[][] = []
    const prototype = pg.Result.prototype as unknown as { addRow(row: unknown): void }
    vi.spyOn(prototype, 'addRow').mockImplementation(function (this: pg.QueryResult, row: unknown) {
      made.push(this.rows)
      this.rows.push(row)
    })
    const { rows } = await router.pool.query(text, [tenants()[0]])
    expect(made).toHaveLength(1)
    expect(rows).toBe(made[0])
  })

  it('is given to its node before the call returns', async () => {
    const run = vi.spyOn(NodePool.prototype, 'run')
    const answer = router.pool.query(read, [tenants()[0]])
    expect(run).toHaveBeenCalledTimes(1)
    await answer
  })

  it('keeps the text of its plan, whose hash is known, and the values as they are', async () => {
    const run = vi.spyOn(NodePool.prototype, 'run')
    const values = [tenants()[0]]
    await router.pool.query(read, values)
    expect(run.mock.calls[0]?.[0].values).toBe(values)
  })
})

describe('the asynchronous context', () => {
  it('is not looked up before the first run, and is afterwards', async () => {
    const getStore = vi.spyOn(AsyncLocalStorage.prototype, 'getStore')
    await router.pool.query(read, [tenants()[0]])
    await router.pool.query('select count(*) from orders')
    expect(getStore).not.toHaveBeenCalled()
    await routed.router.run({ role: 'primary' }, () => routed.router.pool.query(read, [tenants()[0]]))
    expect(getStore).toHaveBeenCalled()
  })
})

describe('a statement of several shards', () => {
  it.each([
    ['read', 'select count(*), max(note) from orders', []],
    ['read of keys', 'select id from orders where tenant_id = any($1)', [0]],
  ])('sends all its parts before the call returns: %s', async (_, text, values) => {
    const run = vi.spyOn(NodePool.prototype, 'run')
    const answer = router.pool.query(text, values.length === 0 ? [] : [tenants()])
    expect(run).toHaveBeenCalledTimes(4)
    expect(new Set((run.mock.contexts as NodePool[]).map(({ node }) => node.shard)).size).toBe(4)
    await answer
  })
})

describe('an error', () => {
  it('says where the statement was given, with no stack made for those that succeed', async () => {
    const capture = vi.spyOn(Error, 'captureStackTrace')
    await router.pool.query(read, [tenants()[0]])
    expect(capture).not.toHaveBeenCalled()
    const failing = async function theCaller(): Promise<unknown> {
      return await router.pool.query('select 1 / 0 from orders where tenant_id = $1', [tenants()[0]])
    }
    await expect(failing()).rejects.toMatchObject({
      code: '22012',
      stack: expect.stringContaining('theCaller'),
    })
  })
})
