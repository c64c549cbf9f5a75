import type { Catalog, Column } from '../catalog.ts'
import { keyFamilies, type KeyType } from '../key-type.ts'
import type { TypeReading } from '../tree.ts'
import type { TypeGuess } from './model.ts'

/** Names as `format_type` prints them and as the grammar and users spell them. */
const typeNames: ReadonlyMap<string, KeyType> = new Map([
  ['smallint', 'int2'],
  ['int2', 'int2'],
  ['integer', 'int4'],
  ['int4', 'int4'],
  ['bigint', 'int8'],
  ['int8', 'int8'],
  ['text', 'text'],
  ['character varying', 'varchar'],
  ['varchar', 'varchar'],
  ['uuid', 'uuid'],
  ['date', 'date'],
  ['timestamp without time zone', 'timestamp'],
  ['timestamp', 'timestamp'],
  ['timestamp with time zone', 'timestamptz'],
  ['timestamptz', 'timestamptz'],
])

export function typeOfColumn(column: Column): TypeGuess {
  return typeNames.get(column.type)
}

/** The key type a cast gives; undefined for any other type, for `varchar(3)` and for arrays. */
export function typeOfCast(type: TypeReading, catalog: Catalog): KeyType | undefined {
  return type.isArray ? undefined : elementTypeOfCast(type, catalog)
}

/** The same without regard to `[]`. */
export function elementTypeOfCast(type: TypeReading, catalog: Catalog): KeyType | undefined {
  if (type.hasModifiers) return undefined
  if (type.schema === undefined) {
    // A user's type of the same name counts when the search path finds it first.
    if (catalog.searchPath[0] !== 'pg_catalog') {
      if (catalog.searchPath.some((schema) => catalog.types.has(`${schema}.${type.name}`))) return undefined
    }
  } else if (type.schema !== 'pg_catalog') return undefined
  return typeNames.get(type.name)
}

/**
 * True when a value of type `value` compared with a key of type `key` is equal exactly when the key's own equality
 * says so. Kinds of time are only comparable with themselves: between them TimeZone decides.
 */
export function isSameKind(key: KeyType, value: KeyType): boolean {
  const family = keyFamilies[key]
  return family === 'time' ? key === value : family === keyFamilies[value]
}
