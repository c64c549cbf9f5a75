import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createRouter, defineCluster } from '@shardline/core'
import { startCluster } from '@shardline/local-cluster'
import { expect, it } from 'vitest'
import { PrismaClient } from '../generated/extension/client.ts'
import { prismaAdapter, shardline } from '../src/index.ts'
import { schema } from './suites/harness.ts'

it('sends the statements of one operation to one replica, and operations to all', async () => {
  const cluster = await startCluster({ shards: 1, replicas: 2, conf: { log_statement: 'all' } })
  await cluster.sql(schema)
  await cluster.sql(`insert into tenants values (1, 'one'); insert into orders (tenant_id, id) values (1, 1)`)
  await cluster.waitForReplay()
  const router = await createRouter(
    defineCluster({ shards: cluster.urls, consistency: 'eventual', reads: { balance: 'round-robin' } }),
  )
  const base = new PrismaClient({ adapter: prismaAdapter(router) })
  const prisma = base.$extends(shardline(router))
  try {
    const logs = cluster.nodes.map((node) => join(node.dir, 'log'))
    const used = new Set<string>()
    for (let round = 0; round < 8; round++) {
      const sizes = logs.map((log) => statSync(log).size)
      await prisma.order.findMany({ include: { lines: true, tenant: true } })
      const statements = logs.map((log, index) => {
        const entries = readFileSync(log).subarray(sizes[index]).toString()
        return entries.match(/FROM "public"/g)?.length ?? 0
      })
      expect(statements.toSorted((a, b) => a - b)).toEqual([0, 0, 3])
      used.add(String(statements))
    }
    expect(used.size).toBe(2)
  } finally {
    await base.$disconnect()
    await router.end()
    await cluster.stop()
  }
})
