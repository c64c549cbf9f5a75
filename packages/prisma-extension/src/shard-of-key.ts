import { ConfigError, type Router } from '@shardline/core'
import type { DescribedModel } from './described-models.ts'

/** A value of the shard key of a model. */
export interface ShardKey {
  /** As in the schema: `Order`. */
  readonly model: string
  readonly key: string | number | bigint | Date
}

/** The shard that the router would ask for a row with this key. */
export function shardOfKey(
  router: Router,
  models: ReadonlyMap<string, DescribedModel>,
  { model, key }: ShardKey,
): string {
  const described = models.get(model)
  if (described === undefined || !('column' in described.description)) {
    throw new ConfigError(
      'CONFIG_INVALID',
      `$shard: model "${model}" has no shard key in the extension's \`models\`. Name a shard instead: $shard('${router.shards[0]}').`,
    )
  }
  const from = described.table.split('.').map(quoted).join('.')
  const { shards } = router.explain(
    `select from ${from} where ${quoted(described.description.column)} = $1`,
    [key],
  )
  const [shard] = shards
  if (shard !== undefined && shards.length === 1) return shard
  throw new ConfigError(
    'CONFIG_INVALID',
    `$shard: the key given for model "${model}" is no value of its shard key, so it lies on no shard.`,
  )
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
