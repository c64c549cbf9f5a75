import { relationKey, type Catalog, type Relation } from '../statement/catalog.ts'
import type { SequenceRow, ShardCatalog } from './shard-catalog.ts'
import type { CatalogDifference } from './verify-catalogs.ts'

/** Something that one PostgreSQL would see to and several do not: told at start, not refused. */
export interface CatalogNotice {
  readonly kind:
    | 'unique-without-key'
    | 'sequence-per-shard'
    | 'before-trigger'
    | 'foreign-key-across-shards'
    | 'not-prepared-for-two-phase'
    | 'missing-table'
    | 'routable-not-installed'
    | 'set-apart'
  readonly table: string | undefined
  readonly message: string
}

/** Tables that are described and not there, and tables that were set apart: statements on both are refused. */
export function unusableTables(
  catalog: Catalog,
  described: Iterable<string>,
  differences: readonly CatalogDifference[],
): readonly CatalogNotice[] {
  return [
    ...[...described]
      .filter((table) => !catalog.relations.has(table))
      .map((table) => ({
        kind: 'missing-table' as const,
        table,
        message: `"${table}" is described, but no shard has it. Correct its name, or create it with router.eachShard(…).`,
      })),
    ...differences.map(({ table, message }) => ({ kind: 'set-apart' as const, table, message })),
  ]
}

/** @param keyspaces The shards of each keyspace; without them, every shard that has a table of the name counts. */
export function catalogNotices(
  catalog: Catalog,
  perShard: ReadonlyMap<string, ShardCatalog>,
  keyspaces: readonly { readonly name: string; readonly shards: readonly string[] }[] = [],
): readonly CatalogNotice[] {
  const shardsByKeyspace = new Map(keyspaces.map(({ name, shards }) => [name, shards]))
  const notices: CatalogNotice[] = []
  for (const [name, relation] of catalog.relations) {
    if (relation.placement.strategy === 'unsharded' || relation.placement.strategy === 'per-shard') continue
    const shards = (shardsByKeyspace.get(relation.keyspace) ?? [...perShard.keys()])
      .flatMap((shard) => perShard.get(shard) ?? [])
      .filter((shard) => rowOf(shard, name) !== undefined)
    if (shards.length < 2) continue
    notices.push(
      ...uniqueNotices(name, relation),
      ...sequenceNotices(name, shards),
      ...triggerNotices(name, relation, shards),
      ...foreignKeyNotices(name, relation, catalog),
    )
  }
  if (perShard.size > 1) {
    for (const [shard, { settings }] of perShard) {
      if (settings.maxPreparedTransactions > 0) continue
      notices.push({
        kind: 'not-prepared-for-two-phase',
        table: undefined,
        message: `max_prepared_transactions is 0 on shard "${shard}": writes over several shards are refused there. Set it to at least max_connections.`,
      })
    }
  }
  return notices
}

function uniqueNotices(
  name: string,
  { placement, uniqueKeys, routable }: Relation,
): readonly CatalogNotice[] {
  if (!('keyColumn' in placement)) return []
  return (
    uniqueKeys
      .filter((columns) => !columns.includes(placement.keyColumn))
      // Rows with equal routable ids lie on one shard, which sees to it.
      .filter((columns) => !columns.some((column) => routable?.has(column) === true))
      .map((columns) => ({
        kind: 'unique-without-key',
        table: name,
        message: `The unique key (${columns.join(', ')}) of "${name}" lacks the shard key "${placement.keyColumn}": each shard enforces it for its own rows only. Use values that are unique by construction (routable ids, uuid), or add the shard key.`,
      }))
  )
}

function sequenceNotices(name: string, shards: readonly ShardCatalog[]): readonly CatalogNotice[] {
  const perShard = shards.map((shard) => sequencesOf(shard, name))
  return [...new Set(perShard.flatMap((sequences) => [...sequences.keys()]))]
    .filter((column) => !areDisjoint(perShard.flatMap((sequences) => sequences.get(column) ?? [])))
    .map((column) => ({
      kind: 'sequence-per-shard',
      table: name,
      message: `"${name}"."${column}" takes its default from a sequence, and every shard counts for itself, so two shards give the same number. Give the sequences disjoint values (INCREMENT BY the number of shards, START different on each), or use uuid.`,
    }))
}

function sequencesOf(catalog: ShardCatalog, name: string): ReadonlyMap<string, SequenceRow> {
  const relation = rowOf(catalog, name)
  return new Map(
    catalog.columns.flatMap((column) =>
      column.relation === relation?.oid && column.sequence !== null ? [[column.name, column.sequence]] : [],
    ),
  )
}

/** True when no two of the sequences can give the same number. */
function areDisjoint(sequences: readonly SequenceRow[]): boolean {
  const ranges = sequences.map((sequence) => ({
    start: BigInt(sequence.start),
    step: BigInt(sequence.increment),
    min: BigInt(sequence.min),
    max: BigInt(sequence.max),
  }))
  return ranges.every((a, index) =>
    ranges.slice(index + 1).every((b) => {
      if (a.max < b.min || b.max < a.min) return true
      return a.step === b.step && (a.start - b.start) % a.step !== 0n
    }),
  )
}

function triggerNotices(
  name: string,
  { placement }: Relation,
  shards: readonly ShardCatalog[],
): readonly CatalogNotice[] {
  if (!('keyColumn' in placement) || !shards.some((shard) => rowOf(shard, name)?.hasBeforeTriggers === true))
    return []
  return [
    {
      kind: 'before-trigger',
      table: name,
      message: `"${name}" has a BEFORE trigger for rows. It must not change the shard key "${placement.keyColumn}": the row would lie on a shard where nobody looks for it.`,
    },
  ]
}

function foreignKeyNotices(
  name: string,
  { placement, foreignKeys }: Relation,
  catalog: Catalog,
): readonly CatalogNotice[] {
  return foreignKeys.flatMap(({ name: key, target }) => {
    const targetName = relationKey(target.schema, target.name)
    const other = catalog.relations.get(targetName)?.placement
    if (other === undefined || other.strategy === 'reference') return []
    if ('group' in other && 'group' in placement && other.group === placement.group) return []
    return [
      {
        kind: 'foreign-key-across-shards' as const,
        table: name,
        message: `The foreign key "${key}" of "${name}" refers to "${targetName}", whose rows may lie on another shard: a server finds only its own. Put both into one colocation group, make "${targetName}" a reference table, or drop the key.`,
      },
    ]
  })
}

function rowOf(catalog: ShardCatalog, name: string): ShardCatalog['relations'][number] | undefined {
  return catalog.relations.find((row) => relationKey(row.schema, row.name) === name)
}
