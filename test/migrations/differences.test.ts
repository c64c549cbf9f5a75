import { entity } from '@shardline/core'
import { expect, it } from 'vitest'
import { useWorld } from './world.ts'

const world = useWorld()
const everywhere = async (sql: string): Promise<void> => {
  for (const shard of [0, 1]) await world.at(shard, sql)
}

it('a model may be ahead of the migration that makes it true', async () => {
  await everywhere('create table features (id bigint primary key)')
  const annotations = { features: entity('entity_id') }
  const strict = await world.router()
  expect(() => strict.describeTables(annotations)).toThrow(/"public\.features" has no column "entity_id"/)

  const migrating = await world.router({ differences: 'set-apart' })
  migrating.describeTables(annotations)
  const insert = () => migrating.pool.query("insert into features values (1, 'a')")
  await expect(insert()).rejects.toMatchObject({ code: 'UNPROVED_WRITE' })
  await migrating.eachShard(({ pool }) =>
    pool.query('alter table features add column entity_id text not null'),
  )
  await insert()
  const kinds = migrating.notices.filter(({ table }) => table === 'public.features').map(({ kind }) => kind)
  expect(kinds).not.toContain('set-apart')
})

it('servers that cannot be merged are refused all the same', async () => {
  await world.at(
    1,
    `do $$ begin execute format('alter database %I set search_path = other', current_database()); end $$`,
  )
  await expect(world.router({ differences: 'set-apart' })).rejects.toMatchObject({
    code: 'CATALOG_MISMATCH',
    details: { differences: ['search paths differ between shards "s0" and "s1"'] },
  })
})
