import { afterEach, beforeEach, expect, test } from 'vitest'
import { startCluster, waitFor, type Cluster, type PgNode, type Shard } from '@shardline/local-cluster'

let cluster: Cluster
let shard: Shard
let first: PgNode
let second: PgNode
let third: PgNode

beforeEach(async () => {
  cluster = await startCluster({ replicas: 2 })
  const [only] = cluster.shards
  const [a, b, c] = cluster.nodes
  if (only === undefined || a === undefined || b === undefined || c === undefined)
    throw new Error('three nodes are missing')
  ;[shard, first, second, third] = [only, a, b, c]
  await shard.primary.sql('create table notes (word text)')
  await shard.waitForReplay()
})
afterEach(() => cluster.stop())

const words = async (node: PgNode) =>
  (await node.sql<{ word: string }>('select word from notes order by word')).map(({ word }) => word)

test('after a clean stop, the old primary follows the promoted replica with its own data', async () => {
  await first.stop()
  await second.promote()
  expect(shard.primary).toBe(second)
  expect(shard.replicas).toEqual([third])
  await second.sql(`insert into notes values ('after')`)
  expect(await first.rejoin(second)).toBe('followed')
  expect(await third.rejoin(second)).toBe('followed')
  expect(shard.replicas).toEqual([first, third])
  await shard.waitForReplay()
  expect(await words(first)).toEqual(['after'])
  expect(await words(third)).toEqual(['after'])
  await expect(first.sql(`insert into notes values ('no')`)).rejects.toMatchObject({ code: '25006' })
})

test('an old primary that wrote on after the fork is cloned again, and its lost write is gone', async () => {
  await second.promote()
  await first.sql(`insert into notes values ('lost')`)
  await second.sql(`insert into notes values ('kept')`)
  await first.kill()
  expect(await first.rejoin(second)).toBe('cloned')
  await shard.primary.sql(`insert into notes values ('later')`)
  await first.waitForReplay()
  expect(await words(first)).toEqual(['kept', 'later'])
  // and it can lead again
  await second.kill()
  await first.promote()
  expect(shard.primary).toBe(first)
  await first.sql(`insert into notes values ('third reign')`)
})

test('a replica joins late, while the primary is written to', async () => {
  const written = new AbortController()
  const writing = (async () => {
    while (!written.signal.aborted)
      await first.sql(`insert into notes select repeat('x', 100) from generate_series(1, 200)`)
  })()
  const late = await shard.clone()
  written.abort()
  await writing
  expect(late.name).toBe('s0r3')
  expect(shard.replicas).toContain(late)
  expect(cluster.nodes).toContain(late)
  await late.waitForReplay()
  expect(await words(late)).toEqual(await words(first))
  await late.promote()
  await late.sql(`insert into notes values ('mine')`)
})

test('a killed replica catches up on what it missed', async () => {
  await second.kill()
  await first.sql(`insert into notes select 'missed' from generate_series(1, 1000)`)
  await second.start()
  await second.waitForReplay()
  expect(await words(second)).toHaveLength(1000)
  await waitFor('it to be streaming again', () => second.isStreaming())
})
