import { setTimeout as sleep } from 'node:timers/promises'
import { createRouter, defineCluster } from '@shardline/core'
import { expect, it } from 'vitest'
import { useWorld } from './world.ts'

const world = useWorld()

it('work under the lock runs one after the other, wherever it comes from', async () => {
  const processes = await Promise.all([world.router(), world.router(), world.router()])
  let running = 0
  let most = 0
  const work = async () => {
    most = Math.max(most, (running += 1))
    await sleep(5)
    running -= 1
  }
  // Two shards of one round run at the same time; two rounds do not.
  await Promise.all([...processes, ...processes].map((router) => router.eachShard(work, { lock: true })))
  expect(most).toBe(2)
  for (const shard of [0, 1]) expect(await world.locks(shard)).toEqual([])
})

it('work that comes too late has not begun, and work that fails gives the lock back', async () => {
  const [first, second] = await Promise.all([world.router(), world.router()])
  let finish = (): void => undefined
  const finished = new Promise<void>((resolve) => (finish = resolve))
  let begun = (): void => undefined
  const hasBegun = new Promise<void>((resolve) => (begun = resolve))
  const holding = first.eachShard(
    async () => {
      begun()
      await finished
      throw new Error('over')
    },
    { lock: true },
  )
  await hasBegun
  let ran = false
  const late = second.eachShard(() => (ran = true), { lock: true, lockTimeoutMs: 50 })
  await expect(late).rejects.toMatchObject({
    code: 'MIGRATION_BLOCKED',
    details: { shard: 's0', reason: 'locked' },
  })
  expect(ran).toBe(false)
  finish()
  await expect(holding).rejects.toMatchObject({ code: 'SHARDS_FAILED' })
  await second.eachShard(() => (ran = true), { lock: true })
  expect(ran).toBe(true)
})

it('a process that dies leaves no lock', async () => {
  const first = await world.router()
  let begun = (): void => undefined
  const hasBegun = new Promise<void>((resolve) => (begun = resolve))
  const dying = first.eachShard(async ({ name }) => {
    if (name === 's0') begun()
    await first.pool.query('select pg_sleep(60)')
  }, { lock: true }) // prettier-ignore
  const over = dying.catch((error: unknown) => error)
  await hasBegun
  for (const shard of [0, 1]) {
    await world.at(shard, `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`) // prettier-ignore
  }
  // Only now: its own sessions shall live.
  const second = await world.router()
  await second.eachShard(() => undefined, { lock: true })
  expect(await over).toMatchObject({ code: 'SHARDS_FAILED' })
})

it('needs a second connection', async () => {
  const [a] = await world.at(0, `select current_setting('port') as port, current_database() as name`)
  const primary = `postgres://postgres@127.0.0.1:${String(a?.['port'])}/${String(a?.['name'])}`
  const router = await createRouter(defineCluster({ shards: { one: { primary } }, pool: { max: 1 } }))
  await expect(router.eachShard(() => 1, { lock: true })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  expect([...(await router.eachShard(() => 1))]).toEqual([['one', 1]])
  await router.end()
})
