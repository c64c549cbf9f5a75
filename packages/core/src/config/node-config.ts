import type pg from 'pg'
import type { NodeConfig, ShardConfig } from './cluster-config.ts'
import type { ClusterShape, NodeShape } from './cluster-schema.ts'
import type { ConfigIssue } from './config-issues.ts'
import { addressInUrl, hasOptionsInUrl, type NodeAddress } from './connection-url.ts'

interface NodeInputs {
  readonly shape: NodeShape
  readonly shard: string
  readonly role: NodeConfig['role']
  readonly name: string
  readonly path: string
  readonly cluster: ClusterShape
  readonly issues: ConfigIssue[]
}

export function createNode({ shape, shard, role, name, path, cluster, issues }: NodeInputs): NodeConfig {
  const { url, name: given, zone, tags = [], weight = 1, ...own } = shape
  const options: Record<string, unknown> = { ...cluster.client, ...own }
  if (url !== undefined) options['connectionString'] = url
  if (cluster.searchPath !== undefined) {
    if (url !== undefined && hasOptionsInUrl(url)) {
      issues.push({
        path: `${path}.url`,
        message: 'it sets "options", which would hide `searchPath`. Give them as `options`',
      })
    }
    const before = typeof options['options'] === 'string' ? `${options['options']} ` : ''
    options['options'] = `${before}-c search_path=${startupText(cluster.searchPath)}`
  }
  const node = { name: given ?? name, shard, role, zone, tags: Object.freeze([...tags]), weight }
  // Only `pg` needs it; what is enumerable ends up in logs.
  Object.defineProperty(node, 'clientConfig', {
    value: Object.freeze(options as pg.ClientConfig),
    enumerable: false,
  })
  return Object.freeze(node) as NodeConfig
}

/** Schemas as the startup packet's `options` wants them: quoted identifiers, with spaces and backslashes escaped. */
function startupText(schemas: readonly string[]): string {
  const list = schemas.map((schema) => `"${schema.replaceAll('"', '""')}"`).join(',')
  return list.replaceAll(/[\\\s]/g, (character) => `\\${character}`)
}

/** Node names are unique, and no server is described twice: its rows would be counted twice. */
export function checkNodes(shards: ReadonlyMap<string, ShardConfig>, issues: ConfigIssue[]): void {
  const names = new Map<string, string>()
  const servers = new Map<string, string>()
  for (const shard of shards.values()) {
    for (const [index, node] of [shard.primary, ...shard.replicas].entries()) {
      const path = `shards.${shard.name}.${index === 0 ? 'primary' : `replicas[${index - 1}]`}`
      const twin = names.get(node.name)
      if (twin !== undefined) issues.push({ path: `${path}.name`, message: `${twin} has the same name` })
      names.set(node.name, path)
      const address = addressOf(node)
      if (address === undefined) continue
      const server = `${address.host}\0${address.port}\0${address.database}`
      const other = servers.get(server)
      if (other !== undefined)
        issues.push({ path, message: `it is the same server and database as ${other}` })
      servers.set(server, path)
    }
  }
}

/** Undefined when a stream or a socket decides. */
function addressOf({ clientConfig }: NodeConfig): NodeAddress | undefined {
  const url = clientConfig.connectionString
  const inUrl = url === undefined ? {} : addressInUrl(url)
  if (inUrl === undefined || clientConfig.stream !== undefined) return undefined
  const host = inUrl.host ?? clientConfig.host ?? 'localhost'
  return {
    host: host.toLowerCase(),
    port: inUrl.port ?? clientConfig.port ?? 5_432,
    database: inUrl.database ?? clientConfig.database ?? clientConfig.user ?? '',
  }
}
