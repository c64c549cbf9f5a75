import type { Catalog } from '../statement/catalog.ts'
import type { ShardCatalog } from './shard-catalog.ts'

/** Something PostgreSQL enforces on one server and nobody enforces across shards: told at start, not refused. */
export interface CatalogNotice {
  readonly kind: 'unique-without-key' | 'sequence-per-shard' | 'not-prepared-for-two-phase'
  readonly table: string | undefined
  readonly message: string
}

export function catalogNotices(catalog: Catalog, perShard: ReadonlyMap<string, ShardCatalog>): readonly CatalogNotice[] {
  if (perShard.size < 2) return []
  const notices: CatalogNotice[] = []
  const [first] = perShard.values()
  for (const [name, { placement, uniqueKeys, kind }] of catalog.relations) {
    if (placement.strategy === 'unsharded' || placement.strategy === 'per-shard' || kind === 'view') continue
    if (placement.strategy !== 'reference') {
      for (const key of uniqueKeys.filter((columns) => !columns.includes(placement.keyColumn))) {
        notices.push({
          kind: 'unique-without-key',
          table: name,
          message: `The unique key (${key.join(', ')}) of "${name}" lacks the shard key "${placement.keyColumn}": each shard enforces it for its own rows only. Use values that are unique by construction (uuid), or add the shard key.`,
        })
      }
    }
    for (const column of sequencesOf(first, name)) {
      notices.push({
        kind: 'sequence-per-shard',
        table: name,
        message: `"${name}"."${column}" takes its default from a sequence, and every shard counts for itself. Give the sequences disjoint values (START and INCREMENT BY the number of shards), or use uuid.`,
      })
    }
  }
  for (const [shard, { settings }] of perShard) {
    if (settings.maxPreparedTransactions === 0) {
      notices.push({
        kind: 'not-prepared-for-two-phase',
        table: undefined,
        message: `max_prepared_transactions is 0 on shard "${shard}": writes over several shards are refused there. Set it to at least max_connections.`,
      })
    }
  }
  return notices
}

function sequencesOf(catalog: ShardCatalog | undefined, name: string): readonly string[] {
  const relation = catalog?.relations.find((row) => `${row.schema}.${row.name}` === name)
  return relation === undefined || catalog === undefined
    ? []
    : catalog.columns
        .filter((column) => column.relation === relation.oid && column.sequence !== null)
        .map((column) => column.name)
}
