import { Kysely, sql } from 'kysely'
import { shardlinePlugin } from '../../src/index.ts'
import { beforeAll, describe, expect, it } from 'vitest'
import { order, port, tables, tenants, until, type DB, type Harness } from './harness.ts'

/** Streams arrive merged, in bounded pieces, and give their connections back. */
export function streamsSuite(harness: Harness): void {
  const rowsPerTenant = 250

  const connect = () => {
    const shardline = shardlinePlugin<DB>(harness.router, { tables })
    return new Kysely<DB>({ dialect: shardline.dialect(), plugins: [shardline] })
  }
  const active = async () => {
    const counts = await Promise.all(
      harness.cluster.nodes.map((node) =>
        node.sql<{ count: number }>(
          `select count(*)::int from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() and (state = 'active' or state like 'idle in%')`,
        ),
      ),
    )
    return counts.reduce((sum, [row]) => sum + (row?.count ?? 0), 0)
  }

  beforeAll(async () => {
    await harness.reset()
    const { a, b } = tenants(harness)
    for (const [shard, tenant] of [a, b].entries()) {
      await harness
        .primary(shard)
        .sql('insert into orders (tenant_id, id, total) select $1, i, i from generate_series(1, $2) i', [
          tenant,
          rowsPerTenant,
        ])
    }
    await harness.cluster.waitForReplay()
  })

  describe('stream()', () => {
    it('reads one shard on its replica', async () => {
      const { b } = tenants(harness)
      const seen = []
      for await (const row of connect()
        .selectFrom('orders')
        .select(['id', port.as('port')])
        .where('tenant_id', '=', b)
        .orderBy('id')
        .stream(7))
        seen.push(row)
      expect(seen).toEqual(
        Array.from({ length: rowsPerTenant }, (_, index) => ({
          id: index + 1,
          port: harness.replica(1).port,
        })),
      )
    })

    it('merges several shards in order', async () => {
      const { a, b } = tenants(harness)
      const seen = []
      for await (const row of connect()
        .selectFrom('orders')
        .select(['id', 'tenant_id'])
        .orderBy('id')
        .orderBy('tenant_id')
        .stream(50))
        seen.push(row)
      const pair = [a, b].sort((x, y) => x - y)
      expect(seen).toEqual(
        Array.from({ length: rowsPerTenant }, (_, index) =>
          pair.map((tenant_id) => ({ id: index + 1, tenant_id })),
        ).flat(),
      )
    })

    it('gives its connections back when the reader stops early', async () => {
      for await (const row of connect().selectFrom('orders').select('id').orderBy('id').stream(10)) {
        expect(row.id).toBe(1)
        break
      }
      await until('all servers to be idle', async () => (await active()) === 0)
    })

    it('ends with the error of a server that fails in the middle', async () => {
      const { b } = tenants(harness)
      const db = connect()
      const seen: number[] = []
      const read = async () => {
        const query = db
          .selectFrom('orders')
          .select(['id', sql<number>`1 / (id - 120)`.as('boom')])
          .where('tenant_id', '=', b)
        for await (const row of query.orderBy('id').stream(10)) seen.push(row.id)
      }
      await expect(read()).rejects.toMatchObject({ code: '22012' })
      await until('all servers to be idle', async () => (await active()) === 0)
    })

    it('works in a transaction, and sees its writes', async () => {
      const { b } = tenants(harness)
      const db = connect()
      const counted = db.transaction().execute(async (trx) => {
        await trx.insertInto('orders').values(order(b, 9_999)).execute()
        let count = 0
        for await (const row of trx
          .selectFrom('orders')
          .select(['id', port.as('port')])
          .where('tenant_id', '=', b)
          .stream(100)) {
          expect(row.port).toBe(harness.primary(1).port)
          count++
        }
        expect(count).toBe(rowsPerTenant + 1)
        throw new Error('undo')
      })
      await expect(counted).rejects.toThrow('undo')
    })

    it.each([0, -1, 1.5, Number.NaN])('refuses a chunk of %d rows', async (size) => {
      await expect(connect().selectFrom('orders').select('id').stream(size).next()).rejects.toThrow(/chunk/i)
    })

    it('refuses what cannot be merged, before the first row', async () => {
      const window = connect()
        .selectFrom('orders')
        .select(({ fn }) =>
          fn
            .agg<number>('row_number')
            .over((over) => over.orderBy('total'))
            .as('rank'),
        )
      await expect(window.stream(10).next()).rejects.toMatchObject({ family: 'statement' })
    })
  })
}
