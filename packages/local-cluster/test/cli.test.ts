import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ShardUrls } from '@shardline/local-cluster'

const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url))
let folder: string
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'cli-test-'))))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const outcome = (...argv: string[]) =>
  new Promise<{ code: unknown; out: string; err: string }>((resolve) => {
    execFile(process.execPath, [cli, ...argv], (error, out, err) =>
      resolve({ code: error?.code ?? 0, out, err }),
    )
  })

/** Starts the command, reads until the text appears, gives what was printed, and ends it by Ctrl-C. */
async function whileRunning(
  argv: string[],
  until: string,
  use: (printed: string) => Promise<void> | void,
): Promise<number> {
  const child = spawn(process.execPath, [cli, ...argv], { stdio: ['ignore', 'pipe', 'inherit'] })
  let printed = ''
  for await (const chunk of child.stdout) {
    printed += String(chunk)
    if (printed.includes(until)) break
  }
  await use(printed)
  const exit = once(child, 'exit')
  child.kill('SIGINT')
  const [code] = (await exit) as [number]
  return code
}

async function rows(url: string, sql: string): Promise<unknown[]> {
  const client = new Client(url)
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

test('starts, loads the schema everywhere, prints URLs and a configuration, and ends by Ctrl-C', async () => {
  const schema = file('schema.sql', `create table notes (id int); insert into notes values (7)`)
  let urls: string[] = []
  const code = await whileRunning(
    ['--shards', '2', '--replicas', '1', '--sql', schema],
    'Ctrl-C',
    async (printed) => {
      urls = [...new Set(printed.match(/postgres:\/\/\S+?\/postgres/g))]
      expect(urls).toHaveLength(4)
      for (const url of urls) expect(await rows(url, 'select id from notes')).toEqual([{ id: 7 }])
      expect(printed).toContain(`import { defineCluster } from '@shardline/core'`)
      expect(printed).toContain(`primary: '${urls[0]}'`)
    },
  )
  expect(code).toBe(0)
  for (const url of urls) await expect(rows(url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test('prints JSON for programs', async () => {
  await whileRunning(['--json'], '\n', (printed) => {
    const urls = JSON.parse(printed) as Record<string, ShardUrls>
    expect(urls).toEqual({ s0: { primary: expect.stringMatching(/^postgres:/), replicas: [] } })
  })
})

describe('says what is wrong', () => {
  test('--help is no error', async () => {
    expect(await outcome('--help')).toMatchObject({
      code: 0,
      out: expect.stringContaining('--shards N'),
      err: '',
    })
  })
  test('an unknown option', async () => {
    expect(await outcome('--sharts', '2')).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining(`'--sharts'`),
    })
  })
  test('no shards', async () => {
    expect(await outcome('--shards', '0')).toMatchObject({
      code: 2,
      err: expect.stringContaining('from 1 to 64'),
    })
  })
  test('a file that is not there', async () => {
    expect(await outcome('--sql', '/no/such.sql')).toMatchObject({
      code: 2,
      err: expect.stringContaining('/no/such.sql cannot be read: ENOENT'),
    })
  })
  test('SQL that fails', async () => {
    const bad = file('bad.sql', 'create tabel notes ()')
    expect(await outcome('--sql', bad)).toMatchObject({
      code: 1,
      err: expect.stringContaining('syntax error at or near "tabel"'),
    })
  })
})
