import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createRouter, type ClusterConfig } from '@shardline/core'
import { expect, test } from 'vitest'

// the command as its own manifest names it
const manifest = createRequire(import.meta.url).resolve('@shardline/local-cluster/package.json')
const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: Record<string, string> }
const command = join(dirname(manifest), bin['local-cluster'] ?? '')

test('what the command local-cluster prints is a configuration that works', async () => {
  const argv = [command, '--shards', '2', '--replicas', '1']
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  let printed = ''
  for await (const chunk of child.stdout) {
    printed += String(chunk)
    if (printed.includes('Ctrl-C')) break
  }
  const module = new URL(`snippet-${process.pid}.tmp.ts`, import.meta.url)
  try {
    writeFileSync(module, /^import[^]*^\}\)$/m.exec(printed)?.[0] ?? '')
    const { cluster } = (await import(/* @vite-ignore */ module.href)) as { cluster: ClusterConfig }
    const router = await createRouter(cluster)
    expect((await router.pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    expect(router.explain('select 1').kind).toBe('select')
    await router.end()
  } finally {
    rmSync(module, { force: true })
    const exit = once(child, 'exit')
    child.kill('SIGINT')
    await exit
  }
})
