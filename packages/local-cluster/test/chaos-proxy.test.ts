import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ChaosProxy, proxy, startCluster, waitFor, type Cluster } from '@shardline/local-cluster'

/** Collects what arrives until the other side ends. */
async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

describe('a line to an echo server', () => {
  let echo: Server
  let chaos: ChaosProxy
  const open = async () => {
    const socket = connect({ port: chaos.port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    return socket
  }

  beforeAll(async () => {
    echo = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      socket.on('error', () => undefined)
      socket.pipe(socket)
    })
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve))
  })
  afterAll(() => echo.close())
  beforeEach(async () => (chaos = await proxy({ port: (echo.address() as AddressInfo).port })))
  afterEach(() => chaos.stop())

  test('carries every byte in order through jitter, and the end behind them', async () => {
    await chaos.set({ latencyMs: 5, jitterMs: 30 })
    const socket = await open()
    const sent = Buffer.concat(
      Array.from({ length: 60 }, () => randomBytes(1 + Math.floor(Math.random() * 30_000))),
    )
    const received = readAll(socket)
    for (let at = 0; at < sent.length; at += 10_000) {
      socket.write(sent.subarray(at, at + 10_000))
      if (at % 50_000 === 0) await sleep(2)
    }
    socket.end()
    expect(digest(await received)).toBe(digest(sent))
    await waitFor('the connection to be forgotten', () => chaos.connectionCount === 0)
  })

  test('is late by the latency, both ways', async () => {
    await chaos.set({ latencyMs: 60 })
    const socket = await open()
    const sentAt = performance.now()
    socket.write('x')
    await once(socket, 'data')
    const roundTripMs = performance.now() - sentAt
    expect(roundTripMs).toBeGreaterThan(118)
    expect(roundTripMs).toBeLessThan(1_000)
    socket.destroy()
  })

  test('carries no more than its bandwidth', async () => {
    await chaos.set({ bytesPerSecond: 200_000 })
    const socket = await open()
    const startedAt = performance.now()
    const received = readAll(socket)
    socket.end(randomBytes(100_000))
    expect((await received).length).toBe(100_000)
    expect(performance.now() - startedAt).toBeGreaterThan(480)
  })

  test('a slow line slows the sender: nothing is heaped up here', async () => {
    await chaos.set({ mode: 'blackhole' })
    const socket = await open()
    const flood = randomBytes(1 << 16)
    let sentBytes = 0
    while (sentBytes < 2 ** 26 && socket.write(flood)) sentBytes += flood.length
    for (let quiet = 0; quiet < 5 && sentBytes < 2 ** 26; quiet += 1) {
      await Promise.race([once(socket, 'drain').then(() => (quiet = 0)), sleep(50)])
      while (sentBytes < 2 ** 26 && !socket.writableNeedDrain) {
        socket.write(flood)
        sentBytes += flood.length
      }
    }
    expect(sentBytes).toBeLessThan(2 ** 25)
    socket.destroy()
  })

  test('a black hole is silent, and afterwards what was on its way arrives', async () => {
    const socket = await open()
    await chaos.set({ mode: 'blackhole' })
    const heard: string[] = []
    socket.on('data', (bytes) => heard.push(bytes.toString())).on('close', () => heard.push('closed'))
    socket.write('hello')
    const late = await open()
    late.write('new')
    await sleep(100)
    expect(heard).toEqual([])
    await chaos.heal()
    const [answer] = (await once(late, 'data')) as [Buffer]
    expect(answer.toString()).toBe('new')
    await waitFor('the held bytes', () => heard.join('') === 'hello')
    for (const each of [socket, late]) each.destroy()
  })

  test('refuses new connections and leaves the open ones; comes back on its port', async () => {
    const socket = await open()
    const { port } = chaos
    await chaos.set({ mode: 'refuse' })
    await expect(open()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    socket.write('still here')
    expect(String(await once(socket, 'data'))).toBe('still here')
    await chaos.heal()
    expect(chaos.port).toBe(port)
    const again = await open()
    for (const each of [socket, again]) each.destroy()
  })

  test('resets open and new connections', async () => {
    const socket = await open()
    socket.write('x')
    await once(socket, 'data')
    const reset = once(socket, 'error').catch((error: unknown) => [error])
    await chaos.set({ mode: 'reset' })
    expect((await reset)[0]).toMatchObject({ code: 'ECONNRESET' })
    const next = connect(chaos.port, '127.0.0.1')
    const [error] = (await new Promise((resolve) => next.once('error', (e) => resolve([e])))) as [unknown]
    expect(error).toMatchObject({ code: 'ECONNRESET' })
  })

  test('a server that breaks off breaks the client off', async () => {
    const abrupt = createServer((socket) => socket.once('data', () => socket.resetAndDestroy()))
    await new Promise<void>((resolve) => abrupt.listen(0, '127.0.0.1', resolve))
    const line = await proxy({ port: (abrupt.address() as AddressInfo).port })
    const socket = connect(line.port, '127.0.0.1')
    socket.write('x')
    const error = await new Promise((resolve) => socket.once('error', resolve))
    expect(error).toMatchObject({ code: 'ECONNRESET' })
    await waitFor('the connection to be forgotten', () => line.connectionCount === 0)
    await line.stop()
    abrupt.close()
  })

  test('a port that nobody listens on behind the proxy ends the connection', async () => {
    const line = await proxy({ port: 1 })
    const socket = connect(line.port, '127.0.0.1')
    const error = await new Promise((resolve) => socket.once('error', resolve))
    expect(error).toMatchObject({ code: 'ECONNRESET' })
    await line.stop()
  })

  test('has no port before it is started', () => {
    expect(() => new ChaosProxy({ port: 1 }).port).toThrow(expect.objectContaining({ code: 'NOT_RUNNING' }))
  })
})

describe('before PostgreSQL', () => {
  let cluster: Cluster
  beforeAll(async () => (cluster = await startCluster({ replicas: 1, proxied: true })))
  afterAll(() => cluster.stop())

  test('every node has one; url leads through it, and replication and sql() do not', async () => {
    const [primary, replica] = cluster.nodes
    expect(primary?.url).toBe(primary?.proxy?.url)
    expect(primary?.url).not.toBe(primary?.directUrl)
    const client = new Client(primary?.url)
    await client.connect()
    expect((await client.query('select inet_server_port() as port')).rows).toEqual([{ port: primary?.port }])
    await primary?.proxy?.set({ mode: 'blackhole' })
    let answered = false
    const answer = client.query('select 1').then(() => (answered = true))
    await primary?.sql('create table notes (id int)')
    await replica?.waitForReplay()
    expect(answered).toBe(false)
    await primary?.proxy?.heal()
    await answer
    await client.end()
  })
})
