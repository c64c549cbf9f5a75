import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startCluster, type Cluster } from '@shardline/local-cluster'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

const example = readFileSync(join(import.meta.dirname, 'readme-example.ts'), 'utf8')

describe('README.md', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await startCluster({ shards: 2, replicas: 1 })
  })
  afterAll(async () => {
    vi.unstubAllEnvs()
    await cluster?.stop()
  })

  it('shows the example that runs, and what that prints', async () => {
    expect(readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')).toContain(
      `\`\`\`ts sketch\n${example}\`\`\``,
    )
    for (const [index, { urls }] of cluster.shards.entries()) {
      vi.stubEnv(`EU${index}`, urls.primary)
      vi.stubEnv(`EU${index}_R1`, urls.replicas[0])
    }
    const printed: string[] = []
    vi.spyOn(console, 'log').mockImplementation((...words: unknown[]) => void printed.push(words.join(' ')))
    await import('./readme-example.ts')
    vi.restoreAllMocks()
    expect(printed).toEqual([...example.matchAll(/\/\/ → (.*)$/gm)].map(([, said]) => said))
  })
})
