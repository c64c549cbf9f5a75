import { expect, it } from 'vitest'
import * as core from '../src/index.ts'

it('offers these names and no others', () => {
  expect(Object.keys(core).toSorted()).toEqual([
    'ConfigError',
    'DatabaseError',
    'ShardlineError',
    'ShardsError',
    'StatementError',
    'TopologyError',
    'analyse',
    'contextKey',
    'createAssignment',
    'createRouter',
    'defineCluster',
    'emptyCatalog',
    'entity',
    'loadAssignment',
    'loadParser',
    'moves',
    'reassign',
    'reference',
    'routableConstraint',
    'storeAssignment',
    'tenant',
    'time',
    'unsharded',
  ])
})

it('has what it takes to plan another shard, and to describe the cluster with it', () => {
  const before = core.createAssignment(['eu0', 'eu1'])
  const kept = JSON.stringify(core.storeAssignment(before))
  const after = core.reassign(core.loadAssignment(kept), ['eu0', 'eu1', 'eu2'])
  const moved: core.BucketMove[] = core.moves(before, after)
  expect(moved).toHaveLength(Math.floor(16_384 / 3))
  expect(new Set(moved.map(({ to }) => to))).toEqual(new Set(['eu2']))
  const server = (name: string) => ({ primary: `postgres://localhost/${name}` })
  const cluster = core.defineCluster({
    shards: { eu0: server('eu0'), eu1: server('eu1'), eu2: server('eu2') },
    assignment: core.storeAssignment(after),
  })
  const [keyspace] = cluster.keyspaces.values()
  expect(core.moves(before, keyspace?.assignment ?? before)).toEqual(moved)
})
