#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { parseArguments, usage, type Arguments } from './arguments.ts'
import { startCluster, type Cluster } from './cluster.ts'
import { LocalClusterError } from './errors.ts'
import { configSnippet } from './config-snippet.ts'

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

function readSql(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new LocalClusterError(
      'BAD_OPTION',
      `--sql ${file} cannot be read: ${(error as NodeJS.ErrnoException).code}.`,
    )
  }
}

async function loadSql(cluster: Cluster, file: string, text: string): Promise<void> {
  try {
    await cluster.sql(text)
  } catch (error) {
    throw new LocalClusterError('START_FAILED', `--sql ${file} failed: ${String(error)}`, { cause: error })
  }
}

async function serve({ files, json, ...options }: Arguments): Promise<void> {
  const texts = files.map((file) => ({ file, text: readSql(file) }))
  const startedAt = performance.now()
  const cluster = await startCluster(options)
  let signalled = () => {}
  const interrupted = new Promise<void>((resolve) => (signalled = resolve))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => signalled())
  try {
    for (const { file, text } of texts) await loadSql(cluster, file, text)
    await cluster.waitForReplay()
    if (json) print(JSON.stringify(cluster.urls))
    else {
      print(
        `\n  ${cluster.nodes.length} PostgreSQL servers, ready in ${Math.round(performance.now() - startedAt)} ms\n`,
      )
      for (const shard of cluster.shards) {
        print(`  ${shard.name}  primary  ${shard.primary.url}`)
        for (const replica of shard.replicas) print(`      replica  ${replica.url}`)
      }
      print(`\n${configSnippet(cluster.urls)}\n`)
      print('  Ctrl-C ends the servers and removes their data.\n')
    }
    const awake = setInterval(() => undefined, 2 ** 30)
    await interrupted
    clearInterval(awake)
  } finally {
    await cluster.stop()
  }
}

try {
  const parsed = parseArguments(process.argv.slice(2))
  if (parsed === 'help') print(usage)
  else await serve(parsed)
} catch (error) {
  if (!(error instanceof LocalClusterError)) throw error
  process.stderr.write(`local-cluster: ${error.message}\n`)
  if (error.code === 'BAD_OPTION') process.stderr.write('Try local-cluster --help.\n')
  process.exitCode = error.code === 'BAD_OPTION' ? 2 : 1
}
