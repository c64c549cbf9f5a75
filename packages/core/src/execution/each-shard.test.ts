import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import { DatabaseError, ShardsError } from '../errors.ts'
import { runOnEach } from './each-shard.ts'

const secret = 'Key (email)=(ann@example.org) already exists.'
const outcomes = {
  eu0: async () => ['applied 1'],
  eu1: async () => Promise.reject(Object.assign(new Error(secret), { code: '23505' })),
  eu2: async () => Promise.reject(new TypeError('no')),
  eu3: async () =>
    Promise.reject(new Error('wrapped', { cause: Object.assign(new Error(''), { code: '42P07' }) })),
}
const shards = ['eu0', 'eu1', 'eu2', 'eu3'] as const

it('gives the results by shard, in the order of the shards', async () => {
  const results = await runOnEach(['eu1', 'eu0'], async (shard) => (shard === 'eu1' ? 1 : 0))
  expect([...results]).toEqual([
    ['eu1', 1],
    ['eu0', 0],
  ])
})

it('says of a failure how it ended on each shard', async () => {
  const error: unknown = await runOnEach(shards, async (shard) => {
    return await outcomes[shard as keyof typeof outcomes]()
  }).catch((thrown: unknown) => thrown)
  if (!(error instanceof ShardsError)) throw new Error('it is no ShardsError')
  expect(error).toBeInstanceOf(DatabaseError)
  expect(error.message).toContain(
    'It failed on "eu1" (23505), "eu2" (TypeError), "eu3" (42P07) and succeeded on "eu0".',
  )
  expect(error.details).toEqual({
    failed: ['eu1', 'eu2', 'eu3'],
    succeeded: ['eu0'],
    shards: {
      eu0: { status: 'succeeded' },
      eu1: { status: 'failed', code: '23505' },
      eu2: { status: 'failed', code: 'TypeError' },
      eu3: { status: 'failed', code: '42P07' },
    },
  })
  expect(error.shards.get('eu0')).toEqual({ status: 'succeeded', result: ['applied 1'] })
  expect(error.shards.get('eu1')).toMatchObject({ status: 'failed', error: { code: '23505' } })
  expect(error.cause).toMatchObject({ code: '23505' })
})

it('shows what it failed with only to those who ask', async () => {
  const error: unknown = await runOnEach(shards, async (shard) => {
    return shard === 'eu0' ? await outcomes.eu2() : await outcomes.eu1()
  }).catch((thrown: unknown) => thrown)
  expect(`${inspect(error, { depth: 9 })} ${JSON.stringify(error)}`).not.toContain('ann@example.org')
})
