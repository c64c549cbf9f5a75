import { expect, it } from 'vitest'
import type { Step, Tool } from './tool.ts'
import { failureOf, type World } from './world.ts'

const start: Step = {
  name: 'start',
  statements: [
    'create extension citext',
    `create type state as enum ('open', 'closed')`,
    'create table tenants (id bigint primary key, name citext not null)',
    `create table orders (
      tenant_id bigint not null references tenants (id), id bigint not null, state state not null default 'open',
      primary key (tenant_id, id)
    )`,
    'create table countries (code text primary key, name text not null)',
  ],
}
const paid: Step = {
  name: 'paid',
  statements: [
    `alter type state add value 'paid' before 'closed'`,
    'alter table orders add column note text',
    'create index orders_by_note on orders (note)',
  ],
}
/** Fails on a shard where two tenants have one name. */
const unique: Step = {
  name: 'unique',
  statements: [
    'alter table tenants add column city text',
    'create unique index tenants_by_name on tenants (name)',
  ],
}
const later: Step = { name: 'later', statements: ['alter table countries add column region text'] }
const alone: Step = {
  name: 'alone',
  statements: ['create index concurrently orders_by_state on orders (state)'],
  isAlone: true,
}

/** What a team does that migrates its shards, with one tool. */
export function migrationsSuite(world: World, tool: Tool): void {
  const { at, locks } = world
  const newRouter = world.router.bind(world)
  const bookOf = async (shard: number): Promise<unknown> => (await at(shard, tool.book))[0]?.['count']
  const books = async (): Promise<unknown[]> => [await bookOf(0), await bookOf(1)]

  it('brings every shard to the same schema, each with a book of its own, and the router knows of it', async () => {
    const router = await newRouter()
    await tool.migrate(router, [start])
    for (let id = 1; id <= 9; id++) {
      await router.pool.query('insert into tenants values ($1, $2)', [id, `tenant ${id}`])
      await router.pool.query('insert into orders values ($1, 1)', [id])
    }
    await tool.migrate(router, [start, paid])
    await tool.migrate(router, [start, paid])
    expect(await books()).toEqual([2, 2])

    await router.pool.query("update orders set state = 'paid', note = 'thanks' where tenant_id = 3")
    await router.pool.query("update orders set state = 'closed' where tenant_id = 4")
    const { rows } = await router.pool.query('select distinct state from orders order by state')
    expect(rows).toEqual([{ state: 'open' }, { state: 'paid' }, { state: 'closed' }])
    const differing = router.notices.filter(({ kind }) => kind === 'set-apart' || kind === 'missing-table')
    expect(differing).toEqual([])
    for (const shard of [0, 1]) expect(await locks(shard)).toEqual([])
  })

  it('when one shard fails: a report, the others stay, the table is refused, and the next run completes', async () => {
    const router = await newRouter()
    await tool.migrate(router, [start, paid])
    await at(1, "insert into tenants values (1001, 'Ann'), (1002, 'ann')")

    const unaware = await newRouter()
    const error = await failureOf(tool.migrate(router, [start, paid, unique]))
    expect(error.code).toBe('SHARDS_FAILED')
    expect(error.details).toMatchObject({
      failed: ['s1'],
      succeeded: ['s0'],
      shards: { s0: { status: 'succeeded' }, s1: { status: 'failed', code: tool.errorCode } },
    })
    const outcome = error.shards.get('s1')
    const cause = outcome?.status === 'failed' ? tool.databaseError(outcome.error) : undefined
    expect(cause).toMatchObject({ code: '23505', table: 'tenants', constraint: 'tenants_by_name' })
    expect(await books()).toEqual([3, 2])
    for (const shard of [0, 1]) expect(await locks(shard)).toEqual([])

    expect(router.notices).toContainEqual(
      expect.objectContaining({ kind: 'set-apart', table: 'public.tenants' }),
    )
    await expect(router.pool.query('select name from tenants where id = 1')).rejects.toMatchObject({
      code: 'UNPROVED_READ',
    })
    await expect(router.pool.query("insert into tenants (id, name) values (1, 'Cid')")).rejects.toMatchObject(
      { code: 'UNPROVED_WRITE' },
    )
    expect((await router.pool.query('select * from countries')).rows).toEqual([])

    // One that nobody told is right about what has not changed, and refuses to mix what has.
    const { rows } = await unaware.pool.query('select id from tenants order by id')
    expect(rows).toHaveLength(2)
    const mixed = unaware.pool.query('select * from tenants order by id')
    await expect(mixed).rejects.toMatchObject({ code: 'SHARDS_DISAGREE' })

    await expect(newRouter()).rejects.toMatchObject({ code: 'CATALOG_MISMATCH' })
    const migrating = await newRouter({ differences: 'set-apart' })
    await at(1, 'delete from tenants where id = 1002')
    await tool.migrate(migrating, [start, paid, unique, later])
    expect(await books()).toEqual([4, 4])
    expect(migrating.notices.map(({ kind }) => kind)).not.toContain('set-apart')
    await migrating.pool.query("insert into tenants (id, name, city) values (1, 'Cid', 'Rome')")

    // The router that was running all the time learns it from DDL of its own, or is told.
    await router.refresh()
    expect((await router.pool.query('select city from tenants where id = 1')).rows).toEqual([
      { city: 'Rome' },
    ])
    await newRouter()
  })

  it('by several processes at once runs each migration once', async () => {
    const processes = await Promise.all([newRouter(), newRouter(), newRouter()])
    await Promise.all(processes.map((router) => tool.migrate(router, [start, paid])))
    expect(await books()).toEqual([2, 2])
    for (const shard of [0, 1]) expect(await locks(shard)).toEqual([])
  })

  it('goes before the install of routable ids, and after it', async () => {
    const router = await newRouter()
    await tool.migrate(router, [start])
    await router.install()
    await router.pool.query("insert into tenants values (5, 'Eve')")
    const { rows } = await router.pool.query<{ id: string }>(
      'insert into orders (tenant_id) values (5) returning id',
    )
    await tool.migrate(router, [start, paid])
    expect((await router.install()).shards.size).toBe(2)
    expect(router.notices.map(({ kind }) => kind)).not.toContain('routable-not-installed')
    const byId = router.explain('select * from orders where id = $1', [rows[0]?.id])
    expect(byId.route.kind).toBe('single')
  })

  it('is told of by the schema check when somebody goes around it', async () => {
    const router = await newRouter()
    await tool.migrate(router, [start])
    await at(0, 'alter table orders add column by_hand int')
    await expect(router.refresh()).rejects.toMatchObject({ code: 'CATALOG_MISMATCH' })
    await expect(newRouter()).rejects.toThrow(/"public\.orders".*columns differ between shards "s0" and "s1"/)
    await at(1, 'alter table orders add column by_hand int')
    await router.refresh()
    await router.pool.query('select by_hand from orders where tenant_id = 1')
  })

  it(`builds an index without stopping writers${tool.canRunAlone ? '' : ', outside of its transaction'}`, async () => {
    const processes = await Promise.all([newRouter(), newRouter()])
    const [router] = processes
    if (tool.canRunAlone) {
      await Promise.all(processes.map((each) => tool.migrate(each, [start, alone, later])))
      expect(await books()).toEqual([3, 3])
    } else {
      await tool.migrate(router, [start])
      const error = await failureOf(tool.migrate(router, [start, alone]))
      const outcome = error.shards.get('s0')
      expect(outcome?.status === 'failed' && tool.databaseError(outcome.error)).toMatchObject({
        code: '25001',
      })
      const [statement = ''] = alone.statements
      await Promise.all(
        processes.map(
          (each) =>
          each.eachShard(({ pool }) => pool.query(statement.replace('concurrently', 'concurrently if not exists')), { lock: true }), // prettier-ignore
        ),
      )
    }
    for (const shard of [0, 1]) {
      const valid =
        "select indisvalid as is_valid from pg_index where indexrelid = 'orders_by_state'::regclass"
      expect(await at(shard, valid)).toEqual([{ is_valid: true }])
    }
  })
}
