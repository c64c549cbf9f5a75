import type { KeyType } from '../statement/key-type.ts'

/** `format_type` names of the types a shard key may have. */
const keyTypes: Readonly<Record<string, KeyType>> = {
  smallint: 'int2',
  integer: 'int4',
  bigint: 'int8',
  text: 'text',
  'character varying': 'varchar',
  uuid: 'uuid',
  date: 'date',
  'timestamp without time zone': 'timestamp',
  'timestamp with time zone': 'timestamptz',
}

export function keyTypeOf(typeName: string): KeyType | undefined {
  return Object.hasOwn(keyTypes, typeName) ? keyTypes[typeName] : undefined
}
