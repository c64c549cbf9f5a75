import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRouter, type ClusterConfig } from '@shardline/core'
import { expect, test } from 'vitest'

const command = fileURLToPath(new URL('../node_modules/.bin/local-cluster', import.meta.url))

test('what the command local-cluster prints is a configuration that works', async () => {
  const child = spawn(command, ['--shards', '2', '--replicas', '1'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH']}` },
  })
  let printed = ''
  for await (const chunk of child.stdout) {
    printed += String(chunk)
    if (printed.includes('Ctrl-C')) break
  }
  const module = new URL(`snippet-${process.pid}.tmp.ts`, import.meta.url)
  try {
    writeFileSync(module, /^import[^]*^\}\)$/m.exec(printed)?.[0] ?? '')
    const { cluster } = (await import(/* @vite-ignore */ module.href)) as { cluster: ClusterConfig }
    await using router = await createRouter(cluster)
    expect((await router.pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    expect(router.explain('select 1').kind).toBe('select')
  } finally {
    rmSync(module, { force: true })
    const exit = once(child, 'exit')
    child.kill('SIGINT')
    await exit
  }
})
