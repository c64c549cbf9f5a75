import type { KeyedPlacement } from '../statement/catalog.ts'
import { keyFamilies } from '../statement/key-type.ts'
import { hashSeedSql } from './hash.ts'
import type { ShardMap } from './shard-map.ts'

/**
 * The SQL expression (a bigint) by which PostgreSQL computes the bucket of a row, pinned keys included. Only immutable
 * built-ins are used, so that it may stand in CHECK constraints, indexes and row filters of logical replication.
 * `columnSql` is the key column as SQL spells it there; a key that is no instant of the calendar (infinity) is an error.
 */
export function bucketSql(placement: KeyedPlacement, columnSql: string, map?: ShardMap): string {
  const key = placement.strategy === 'time' ? periodSql(placement, columnSql) : columnSql
  const hash = `(pg_catalog.${hashFunction(placement)}(${key}, ${hashSeedSql}) & 16383)`
  if (map === undefined || map.pins.size === 0) return hash
  const cases = [...map.pins].map(([pinned, bucket]) => `WHEN ${literal(pinned)} THEN ${bucket}`)
  // A pinned key of the group may be too large for the narrower integers of some of its tables.
  const wide = placement.keyType === 'int2' || placement.keyType === 'int4' ? `${key}::bigint` : key
  return `(CASE ${wide} ${cases.join(' ')} ELSE ${hash} END)`
}

function hashFunction(placement: KeyedPlacement): string {
  if (placement.strategy === 'time') return 'hashint8extended'
  const family = keyFamilies[placement.keyType]
  if (family === 'uuid') return 'uuid_hash_extended'
  return family === 'text' ? 'hashtextextended' : 'hashint8extended'
}

/** Counts in whole days and months: the epoch in seconds would be rounded on PostgreSQL 13. */
function periodSql(placement: KeyedPlacement, columnSql: string): string {
  const local = placement.keyType === 'timestamptz' ? `(${columnSql} AT TIME ZONE 'UTC')` : columnSql
  const date = placement.keyType === 'date' ? local : `${local}::date`
  const days = `(${date} - date '1970-01-01')::bigint`
  const every = placement.every ?? 'day'
  const part = (name: string) => `extract(${name} from ${local})::bigint`
  switch (every) {
    case 'hour':
      return placement.keyType === 'date' ? `(${days} * 24)` : `(${days} * 24 + ${part('hour')})`
    case 'week':
      return `pg_catalog.floor((${days} + 3) / 7.0)::bigint`
    case 'month':
      return `((${part('year')} - 1970) * 12 + ${part('month')} - 1)`
    case 'year':
      return `(${part('year')} - 1970)`
    case 'day':
      return days
  }
}

function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`
  return quoted.includes('\\') ? `E${quoted.replaceAll('\\', '\\\\')}` : quoted
}
