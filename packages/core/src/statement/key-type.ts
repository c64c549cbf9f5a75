/**
 * The types a shard key may have, and the families within which equal keys hash equally.
 *
 * PostgreSQL guarantees equal hashes across int2/int4/int8 and across text/varchar (they share a hash operator
 * family), so a join between two such columns is a join on one key.
 */
export type KeyType =
  | 'int2'
  | 'int4'
  | 'int8'
  | 'text'
  | 'varchar'
  | 'uuid'
  | 'date'
  | 'timestamp'
  | 'timestamptz'

export type KeyFamily = 'integer' | 'text' | 'uuid' | 'time'

export const keyFamilies: Readonly<Record<KeyType, KeyFamily>> = {
  int2: 'integer',
  int4: 'integer',
  int8: 'integer',
  text: 'text',
  varchar: 'text',
  uuid: 'uuid',
  date: 'time',
  timestamp: 'time',
  timestamptz: 'time',
}
