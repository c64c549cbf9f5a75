import { existsSync, readdirSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { startCluster, type Cluster, type ClusterOptions } from '@shardline/local-cluster'
import { findBinaries } from '../src/binaries.ts'
import { createImage } from '../src/image.ts'
import { freePort } from '../src/ports.ts'
import { Postmaster } from '../src/postmaster.ts'
import { createScratchDir } from '../src/scratch-dir.ts'
import { nodeSettings } from '../src/settings.ts'

let cluster: Cluster | undefined
afterEach(async () => {
  vi.unstubAllEnvs()
  await cluster?.stop()
  cluster = undefined
})
const start = async (options?: ClusterOptions) => (cluster = await startCluster(options))

const systemBinaries = existsSync('/usr/lib/postgresql')
  ? readdirSync('/usr/lib/postgresql')
      .map((major) => `/usr/lib/postgresql/${major}/bin`)
      .filter((bin) => existsSync(join(bin, 'initdb')))
  : []

describe('which PostgreSQL', () => {
  test('the embedded one, by default', async () => {
    const { nodes } = await start()
    expect(await nodes[0]?.sql('show server_version')).toEqual([
      { server_version: expect.stringMatching(/^18\./) },
    ])
  })

  describe.skipIf(systemBinaries.length === 0)('a system one, by PG_BIN', () => {
    test.each(systemBinaries)('%s', async (bin) => {
      vi.stubEnv('PG_BIN', bin)
      const { nodes, shards } = await start({ replicas: 1, conf: { max_connections: 33 } })
      const major = bin.split('/')[4]
      for (const node of nodes) {
        expect(await node.sql('show server_version')).toEqual([
          { server_version: expect.stringMatching(`^${major}\\.`) },
        ])
        expect(await node.sql('show max_connections')).toEqual([{ max_connections: '33' }])
      }
      const late = await shards[0]?.clone()
      await late?.waitForReplay()
      await late?.promote()
    })
  })

  test('a PG_BIN without PostgreSQL is refused by name', async () => {
    vi.stubEnv('PG_BIN', '/usr/bin/nothing-here')
    await expect(start()).rejects.toMatchObject({
      code: 'BINARIES_MISSING',
      message: expect.stringContaining('/usr/bin/nothing-here'),
    })
  })
})

describe('collations', () => {
  const sorted = async (collation: ClusterOptions['collation']) => {
    const { nodes } = await start(collation && { collation })
    const rows = await nodes[0]?.sql<{ word: string }>(
      `select word from unnest(array['b', 'a', 'B', 'ä', 'Z']) word order by word`,
    )
    return rows?.map(({ word }) => word).join('')
  }

  test('C by default', async () => expect(await sorted(undefined)).toBe('BZabä'))
  test('libc by name', async () =>
    expect(await sorted({ provider: 'libc', locale: 'C.UTF-8' })).toBe('BZabä'))
  test('ICU', async () => expect(await sorted({ provider: 'icu', locale: 'en-US' })).toBe('aäbBZ'))
  test('builtin', async () => expect(await sorted({ provider: 'builtin', locale: 'C.UTF-8' })).toBe('BZabä'))
  test('an unknown locale is refused in the words of initdb', async () => {
    await expect(sorted({ provider: 'libc', locale: 'xx_YY' })).rejects.toMatchObject({
      code: 'START_FAILED',
      message: expect.stringContaining('xx_YY'),
    })
  })
})

describe('bad options', () => {
  test.each([
    { shards: 0 },
    { shards: 1.5 },
    { replicas: -1 },
    { shards: 65 },
    { shards: 30, replicas: 5 },
    { shards: Number.NaN },
  ])('%j', async (options) => {
    await expect(start(options)).rejects.toMatchObject({ code: 'BAD_OPTION' })
  })

  test('a setting that PostgreSQL does not know fails with its own words and leaves nothing', async () => {
    const before = ownFolders()
    await expect(start({ conf: { no_such_setting: 1 } })).rejects.toMatchObject({
      code: 'START_FAILED',
      message: expect.stringContaining('no_such_setting'),
    })
    expect(ownFolders()).toEqual(before)
  })
})

const ownFolders = () =>
  ['/dev/shm', '/tmp']
    .filter(existsSync)
    .flatMap((parent) => readdirSync(parent).filter((name) => name.includes(`-${process.pid}-`)))

describe('ports', () => {
  test('a server that loses the race for its port asks for another', async () => {
    const rival = createServer()
    await new Promise<void>((resolve) => rival.listen(0, '127.0.0.1', resolve))
    const { port: lost } = rival.address() as AddressInfo
    const scratch = createScratchDir()
    try {
      const binaries = await findBinaries()
      const dir = join(scratch.path, 'node')
      await createImage(binaries, dir, { settings: nodeSettings(binaries.major) })
      const offered = [lost, lost]
      const postmaster = new Postmaster(binaries, dir, async () => offered.shift() ?? freePort())
      await postmaster.start()
      expect(offered).toEqual([])
      expect(postmaster.port).not.toBe(lost)
      expect(postmaster.log).toContain('could not bind')
      await postmaster.end('SIGQUIT')
    } finally {
      rival.close()
      await scratch.remove()
    }
  })

  test('clusters start side by side', async () => {
    const clusters = await Promise.all([1, 2, 3].map(() => startCluster({ replicas: 1 })))
    const ports = clusters.flatMap(({ nodes }) => nodes.map(({ port }) => port))
    expect(new Set(ports).size).toBe(6)
    await Promise.all(clusters.map((each) => each.stop()))
  })
})
