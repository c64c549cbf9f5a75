import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { findRedis, startRedis } from '@shardline/local-cluster'

afterEach(() => vi.unstubAllEnvs())

function ask(url: string, command: string): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(`${command}\r\n`))
    socket.once('error', reject).once('data', (reply) => {
      resolve(reply.toString().trim())
      socket.destroy()
    })
  })
}

const redis = await startRedis()

describe.skipIf(redis === undefined)('a real Redis', () => {
  const url = redis?.url ?? ''

  test('answers, and is a Redis', async () => {
    expect(await ask(url, 'PING')).toBe('+PONG')
    expect(await ask(url, 'SET word 1')).toBe('+OK')
    expect(await ask(url, 'INCR word')).toBe(':2')
  })

  test.skipIf(process.env.REDIS_URL)('several run side by side, and stop means stop', async () => {
    const other = await startRedis()
    const otherUrl = other?.url ?? ''
    expect(await ask(otherUrl, 'GET word')).toBe('$-1')
    await other?.stop()
    await expect(ask(otherUrl, 'PING')).rejects.toThrow('ECONNREFUSED')
    expect(await ask(url, 'PING')).toBe('+PONG')
  })
})

afterAll(() => redis?.stop())

test('REDIS_URL comes first', async () => {
  vi.stubEnv('REDIS_URL', 'redis://cache.example:6379')
  expect(await findRedis()).toEqual({ kind: 'url', url: 'redis://cache.example:6379' })
  const redis = await startRedis()
  expect(redis?.url).toBe('redis://cache.example:6379')
  await redis?.stop()
})

describe('where there is none', () => {
  // nothing on the PATH: neither a server nor apt-get; and a folder without a cache
  let folder = ''
  const nowhere = async () => {
    folder = mkdtempSync(join(tmpdir(), 'no-redis-'))
    vi.stubEnv('REDIS_URL', '')
    vi.stubEnv('PATH', folder)
    vi.spyOn(process, 'cwd').mockReturnValue(folder)
  }
  afterEach(() => {
    vi.restoreAllMocks()
    rmSync(folder, { recursive: true, force: true })
  })

  test('a cache that cannot be written is none either', async () => {
    await nowhere()
    writeFileSync(join(folder, 'node_modules'), 'no folder')
    vi.stubEnv('CI', 'true')
    await expect(findRedis()).rejects.toMatchObject({ code: 'REDIS_MISSING' })
  })

  test('CI fails', async () => {
    await nowhere()
    vi.stubEnv('CI', 'true')
    await expect(findRedis()).rejects.toMatchObject({
      code: 'REDIS_MISSING',
      message: expect.stringContaining('apt-get install redis-server'),
    })
  })

  test('a laptop hears about it', async () => {
    await nowhere()
    vi.stubEnv('CI', '')
    const heard = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    expect(await findRedis()).toBeUndefined()
    expect(heard).toHaveBeenCalledWith(expect.stringContaining('SKIPPED'))
  })
})
