import type { DataSourceOptions } from 'typeorm'
import { ConfigError } from '@shardline/core'

/** Options of TypeORM that describe servers or their connections, and where a cluster says the same. */
const elsewhere = {
  replication:
    'the primaries and replicas of each shard are those of defineCluster({ shards }), and every read is sent to one that is fresh enough',
  poolSize: 'connections per server are set by defineCluster({ pool: { max } })',
  connectTimeoutMS: 'the time to connect is set by defineCluster({ pool: { connectTimeoutMs } })',
  applicationName: 'connections are named by defineCluster({ client: { application_name } })',
  extra: 'options of connections are those of defineCluster({ client, pool })',
  nativeDriver: 'only the JavaScript driver is supported',
} as const

/**
 * Where the servers are (`url`, `host`, …) is TypeORM's to show and nothing else; what would change how they are used
 * must not be lost.
 * @throws ConfigError UNSUPPORTED_OPTION naming the option and the cluster's own
 */
export function refuseOptions(options: DataSourceOptions): void {
  for (const [option, reason] of Object.entries(elsewhere)) {
    const value = (options as unknown as Readonly<Record<string, unknown>>)[option]
    if (value === undefined || value === null) continue
    if (typeof value === 'object' && Object.keys(value).length === 0) continue
    throw new ConfigError(
      'UNSUPPORTED_OPTION',
      `DataSource option "${option}" has no effect with typeormDriver(): ${reason}. Remove it.`,
    )
  }
}
