import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { startCluster, waitFor, type Cluster } from '@shardline/local-cluster'
import { childrenOf } from '../src/processes.ts'

const careless = fileURLToPath(new URL('careless.ts', import.meta.url))
const isRoot = process.getuid?.() === 0

const started: Cluster[] = []
afterEach(() => Promise.all(started.splice(0).map((cluster) => cluster.stop())))
async function start(): Promise<Cluster> {
  const cluster = await startCluster()
  started.push(cluster)
  return cluster
}

interface Run {
  readonly child: ChildProcess
  readonly dir: string
  readonly uid: number
  readonly redis: string | undefined
}

async function run(
  behaviour: string,
  options: { env?: Record<string, string>; uid?: number; gid?: number } = {},
): Promise<Run> {
  const { env, ...account } = options
  const child = spawn(process.execPath, [careless, behaviour], {
    ...account,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, ...(JSON.parse(line.toString()) as Omit<Run, 'child'>) }
}

/** Command lines of all processes that name the folder: postmasters do. */
const serversOf = (dir: string) =>
  execFileSync('ps', ['-A', '-o', 'args='], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(dir))

const isAllGone = (dir: string) =>
  waitFor('the folder and the servers to go', () => !existsSync(dir) && serversOf(dir).length === 0, {
    timeoutMs: 20_000,
  })

/** The System V segment that a node's pid file names: 56 bytes by which PostgreSQL knows that it is alone. */
const segmentOf = (node: string) =>
  readFileSync(join(node, 'postmaster.pid'), 'utf8').split('\n')[6]?.trim().split(/\s+/)[1]
const segmentTable = '/proc/sysvipc/shm'
const segments = () =>
  readFileSync(segmentTable, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/)[1])

describe('nothing is left', () => {
  test.each(['SIGKILL', 'SIGINT', 'SIGTERM', 'SIGHUP'] as const)('after %s', async (signal) => {
    const { child, dir } = await run('wait')
    expect(serversOf(dir).length).toBeGreaterThanOrEqual(2) // a child just forked still has its parent's name
    child.kill(signal)
    expect(await isAllGone(dir)).toBe(true)
  })

  test('after SIGKILL with a node that is frozen', async () => {
    const { child, dir } = await run('pause')
    child.kill('SIGKILL')
    expect(await isAllGone(dir)).toBe(true)
  })

  test.runIf(existsSync(segmentTable))(
    "after SIGKILL with a node that has crashed, whose shared memory is nobody's",
    async () => {
      const { child, dir } = await run('crash')
      const segment = segmentOf(join(dir, 's0r1'))
      expect(segments()).toContain(segment)
      child.kill('SIGKILL')
      expect(await isAllGone(dir)).toBe(true)
      expect(segments()).not.toContain(segment)
    },
  )

  test.each(['end', 'throw'])('when the program is careless and comes to its %s', async (behaviour) => {
    const { child, dir } = await run(behaviour)
    const [code] = (await once(child, 'exit')) as [number]
    expect(code).toBe(behaviour === 'end' ? 0 : 1)
    expect(await isAllGone(dir)).toBe(true)
  })

  test.each([{}, { REAPER_USES_PS: '1' }])('of a Redis, with %j', async (env: Record<string, string>) => {
    const { child, redis } = await run('redis', { env })
    const port = redis === undefined || process.env.REDIS_URL ? 0 : Number(new URL(redis).port)
    const isListening = () =>
      new Promise<boolean>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false))
        socket.once('connect', () => socket.destroy())
      })
    expect(await isListening()).toBe(port > 0)
    child.kill('SIGKILL')
    expect(await waitFor('Redis to end', async () => !(await isListening()))).toBe(true)
  })

  test('on a system without /proc', async () => {
    const { child, dir } = await run('pause', { env: { REAPER_USES_PS: '1' } })
    child.kill('SIGKILL')
    expect(await isAllGone(dir)).toBe(true)
  })

  test('by the next start, when the reaper was killed as well; other runs are not touched', async () => {
    const running = await start()
    const { child, dir } = await run('wait')
    const reapers = childrenOf(child.pid ?? 0).filter((pid) =>
      execFileSync('ps', ['-o', 'args=', '-p', `${pid}`], { encoding: 'utf8' }).startsWith('/bin/sh'),
    )
    expect(reapers).toHaveLength(1)
    child.kill('SIGSTOP') // it must not notice, or it would be swept while it lives
    for (const pid of reapers) process.kill(pid, 'SIGKILL')
    const whileItLives = await start()
    expect(existsSync(whileItLives.dir)).toBe(true)
    expect(existsSync(dir)).toBe(true)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(existsSync(dir)).toBe(true)
    const next = await start()
    expect(await isAllGone(dir)).toBe(true)
    expect(await next.nodes[0]?.sql('select 1 as one')).toEqual([{ one: 1 }])
    expect(await running.nodes[0]?.sql('select 1 as one')).toEqual([{ one: 1 }])
  })
})

test.runIf(isRoot)('a user who is not root has a cluster too', async () => {
  const { child, dir, uid } = await run('wait', { uid: 65_534, gid: 65_534, env: { HOME: '/tmp' } })
  expect(uid).toBe(65_534)
  child.kill('SIGKILL')
  expect(await isAllGone(dir)).toBe(true)
})
