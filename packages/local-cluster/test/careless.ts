// A program that starts a cluster and never stops it; leftovers.test.ts ends it in every way there is.
import { startCluster, startRedis } from '@shardline/local-cluster'

const [, , behaviour] = process.argv
const cluster = await startCluster({ replicas: 1 })
if (behaviour === 'pause') cluster.nodes[1]?.pause()
const redis = behaviour === 'redis' ? await startRedis() : undefined
if (behaviour === 'crash') await cluster.nodes[1]?.kill()
process.stdout.write(`${JSON.stringify({ dir: cluster.dir, uid: process.getuid?.(), redis: redis?.url })}\n`)
if (behaviour === 'throw') throw new Error('a program that fails')
if (behaviour !== 'end') setInterval(() => undefined, 1_000)
