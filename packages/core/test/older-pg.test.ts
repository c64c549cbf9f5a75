import { startCluster, type Cluster } from '@shardline/local-cluster'
import current from 'pg'
import older from 'pg-8-16'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defineCluster } from '../src/config/define-cluster.ts'
import { createRouter } from '../src/router.ts'
import { rejection, schema, tables } from './routed-fixture.ts'

/** What an application has that has not come to the newest `pg`: everything, but its reads share no connections. */

let cluster: Cluster

beforeAll(async () => {
  cluster = await startCluster({ shards: 2, replicas: 1 })
  await cluster.sql(schema)
  await cluster.waitForReplay()
})
afterAll(() => cluster.stop())

describe.each([
  ['pg 8.16', older, false],
  ['this pg', current, true],
] as const)('%s', (_name, pg, isShared) => {
  it('reads, writes and transacts with 64 callers over two connections', async () => {
    await cluster.sql('truncate orders')
    const router = await createRouter(
      defineCluster({ shards: cluster.urls, tables, pool: { max: 2, multiplex: {} } }),
      { pg },
    )
    try {
      const { pool } = router
      const ids = Array.from({ length: 64 }, (_, index) => 1 + index)
      await Promise.all(
        ids.map((id) =>
          pool.query('insert into orders (tenant_id, id, note) values ($1, $1, $2)', [id, `n${id}`]),
        ),
      )
      const shared = (): number => router.counters().nodes.reduce((sum, node) => sum + node.shared, 0)
      // On a crowded machine plans are known to be short somewhat later.
      const most = isShared ? 100 : 4
      for (let round = 0; round < 4 || (round < most && shared() === 0); round++) {
        const text = 'select id, note from orders where tenant_id = $1'
        const answers = await Promise.all(ids.map((id) => pool.query(text, [id])))
        expect(answers.map(({ rows }) => rows)).toEqual(ids.map((id) => [{ id: String(id), note: `n${id}` }]))
      }
      expect((await pool.query('select count(*)::int as n from orders')).rows).toEqual([{ n: 64 }])
      expect(
        await rejection(pool.query('select 1 / (id - id) from orders where tenant_id = 1')),
      ).toMatchObject({
        code: '22012',
      })
      const client = await pool.connect()
      await client.query('begin')
      await client.query('delete from orders where tenant_id = 1')
      await client.query('rollback')
      client.release()
      expect((await pool.query('select note from orders where tenant_id = 1')).rows).toEqual([{ note: 'n1' }])
      expect(shared() > 0).toBe(isShared)
    } finally {
      await router.end()
    }
  })
})
