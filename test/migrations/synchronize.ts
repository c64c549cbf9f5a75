import { expect, it } from 'vitest'
import { synchronize } from './tools/synchronize.ts'
import { failureOf, type World } from './world.ts'

/** What a team does that lets TypeORM bring the schema in line with the entities. */
export function synchronizeSuite(world: World): void {
  const columns = async (shard: number): Promise<unknown[]> => {
    const sql = `select attname as name from pg_attribute where attrelid = 'orders'::regclass and attnum > 0 order by attnum`
    return (await world.at(shard, sql)).map(({ name }) => name)
  }

  it('synchronize reaches every shard, from several processes at once', async () => {
    const processes = await Promise.all([world.router(), world.router(), world.router()])
    await Promise.all(processes.map((router) => synchronize(router, 1)))
    await synchronize(processes[0], 2)
    for (const shard of [0, 1]) {
      expect(await columns(shard)).toEqual(['tenant_id', 'id', 'state', 'currency'])
      expect(await world.locks(shard)).toEqual([])
    }
    await processes[0].pool.query("insert into orders values (1, 1, 'paid', 'EUR')")
  })

  it('synchronize that fails on one shard is completed by the next', async () => {
    const router = await world.router()
    await synchronize(router, 1)
    await world.at(1, 'insert into orders values (1, 1)')
    const error = await failureOf(synchronize(router, 2))
    expect(error.details).toMatchObject({
      shards: { s0: { status: 'succeeded' }, s1: { status: 'failed', code: '23502' } },
    })
    expect(router.notices).toContainEqual(
      expect.objectContaining({ kind: 'set-apart', table: 'public.orders' }),
    )
    const insert = () => router.pool.query("insert into orders values (2, 1, 'open')")
    await expect(insert()).rejects.toMatchObject({ code: 'UNPROVED_WRITE' })

    await world.at(1, 'delete from orders')
    await synchronize(await world.router({ differences: 'set-apart' }), 2)
    expect(await columns(1)).toEqual(await columns(0))
    await router.refresh()
    await router.pool.query("insert into orders values (2, 1, 'paid', 'EUR')")
  })
}
