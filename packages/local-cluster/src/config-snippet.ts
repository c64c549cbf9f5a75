import type { ShardUrls } from './shard.ts'

function shardLine([name, { primary, replicas }]: [string, ShardUrls]): string {
  const list = replicas.map((url) => `\n        '${url}',`).join('')
  return `    ${name}: {\n      primary: '${primary}',\n      replicas: [${list === '' ? '' : `${list}\n      `}],\n    },`
}

/** A ready module for an application that wants to use these servers through Shardline. */
export function configSnippet(urls: Readonly<Record<string, ShardUrls>>): string {
  return `import { defineCluster } from '@shardline/core'

export const cluster = defineCluster({
  shards: {
${Object.entries(urls).map(shardLine).join('\n')}
  },
  tables: {
    // orders: tenant('tenant_id'), features: entity('entity_id'), readings: time('at', { every: 'month' }), countries: reference(),
  },
})`
}
