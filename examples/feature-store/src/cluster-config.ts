import { defineCluster, entity, reference, tenant, time } from '@shardline/core'
import type { ShardUrls } from '@shardline/local-cluster'

/** The one place where the servers and the sharding are described. */
export function describeCluster(urls: Readonly<Record<string, ShardUrls>>) {
  const shards = Object.entries(urls).map(([name, { primary, replicas }]) => [
    name,
    { primary, replicas: replicas.map((url) => ({ url, tags: ['training'] })) },
  ])
  return defineCluster({
    shards: Object.fromEntries(shards),
    tables: {
      airports: reference(),
      flights: tenant('origin'),
      route_features: entity('route'),
      readings: time('recorded_on', { every: 'month' }),
    },
  })
}
