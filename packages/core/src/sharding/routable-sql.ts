import { createHash } from 'node:crypto'
import { keyFamilies } from '../statement/key-type.ts'
import type { KeyedPlacement } from '../statement/catalog.ts'
import { bucketSql } from './bucket-sql.ts'
import { idEpochMs, ticksPerMs, type RoutableFormat } from './routable-id.ts'
import type { ShardMap } from './shard-map.ts'

/** A function in the schema `shardline`: its body is compared letter by letter with what a server has. */
export interface IdFunction {
  readonly name: string
  /** As `oidvectortypes` prints them. */
  readonly arguments: string
  readonly returns: string
  readonly body: string
  readonly isVolatile: boolean
  /** Runs with the rights of whoever installed it: the clock belongs to nobody else. */
  readonly isLent?: boolean
}

/** The name of the trigger that fills ids which an INSERT left out. */
export const idTrigger = 'shardline_routable_id'

/** One table with routable columns, as SQL has to know it. */
export interface RoutableTable {
  readonly schema: string
  readonly name: string
  readonly keyColumn: string
  readonly group: string
  readonly columns: readonly { readonly name: string; readonly format: RoutableFormat }[]
}

const formatTypes: Readonly<Record<RoutableFormat, string>> = { int8: 'bigint', uuid: 'uuid' }

/** Readers of ids: immutable, so that they may stand in constraints, indexes and row filters. */
const readers: readonly IdFunction[] = [
  reader('id_bucket', 'bigint', 'bigint', 'select ($1 >> 7) & 32767'),
  reader(
    'id_bucket',
    'uuid',
    'bigint',
    `select (((pg_catalog.get_byte(pg_catalog.uuid_send($1), 8) & 63) << 9)
       | (pg_catalog.get_byte(pg_catalog.uuid_send($1), 9) << 1)
       | (pg_catalog.get_byte(pg_catalog.uuid_send($1), 10) >> 7))::bigint`,
  ),
  reader(
    'id_time',
    'bigint',
    'timestamp with time zone',
    `select pg_catalog.to_timestamp((($1 >> 22) + ${idEpochMs})::double precision / 1000)`,
  ),
  reader(
    'id_time',
    'uuid',
    'timestamp with time zone',
    `select pg_catalog.to_timestamp(('x' || pg_catalog.substr(pg_catalog.encode(pg_catalog.uuid_send($1), 'hex'), 1, 12))::bit(48)::bigint::double precision / 1000)`,
  ),
]

function reader(name: string, type: string, returns: string, body: string): IdFunction {
  return { name, arguments: type, returns, body, isVolatile: false }
}

/**
 * The clock of one server's integer ids. Every tick passes through one lock, which is given back at once: a tick is
 * greater than all before it, whatever clocks, crashes and rollbacks do, because a sequence never goes back.
 * The sequence follows the clock within a second, and runs ahead of it while more ids are wanted than there are ticks.
 */
const clockBody = `
declare
  clock bigint;
  tick bigint;
begin
  -- The lock belongs to the session, so every way out must give it back.
  begin
    perform pg_advisory_lock(7815, 1);
    clock := floor(extract(epoch from clock_timestamp()) * 1000 - ${idEpochMs})::bigint * ${ticksPerMs};
    tick := nextval('shardline.ticks');
    if tick < clock - ${1_000 * ticksPerMs} then
      tick := clock;
      perform setval('shardline.ticks', tick + count - 1);
    elsif count > 1 then
      perform setval('shardline.ticks', tick + count - 1);
    end if;
    perform pg_advisory_unlock(7815, 1);
  exception
    when others or query_canceled or assert_failure then
      perform pg_advisory_unlock(7815, 1);
      raise;
  end;
  return tick;
end`

const raiseBody = `
begin
  begin
    perform pg_advisory_lock(7815, 1);
    if (select last_value from shardline.ticks) < tick then
      perform setval('shardline.ticks', tick);
    end if;
    perform pg_advisory_unlock(7815, 1);
  exception
    when others or query_canceled or assert_failure then
      perform pg_advisory_unlock(7815, 1);
      raise;
  end;
end`

const nextIdBody = `
declare
  tick bigint;
begin
  tick := shardline.next_ticks(1);
  return ((tick / ${ticksPerMs}) << 22) | (bucket << 7) | (tick % ${ticksPerMs});
end`

/** 122 random bits of a version 4 uuid, of which 59 are kept. */
const nextUuidBody = `
declare
  chance text := translate(gen_random_uuid()::text, '-', '');
  ms bigint := floor(extract(epoch from clock_timestamp()) * 1000);
begin
  return lpad(to_hex(ms), 12, '0') || '7' || substr(chance, 14, 3) || to_hex(32768 | (bucket >> 1))
    || to_hex(((bucket & 1) << 3) | (('x' || substr(chance, 21, 1))::bit(4)::int & 7)) || substr(chance, 22, 11);
end`

const makers: readonly IdFunction[] = [
  {
    name: 'next_ticks',
    arguments: 'count bigint',
    returns: 'bigint',
    body: clockBody,
    isVolatile: true,
    isLent: true,
  },
  {
    name: 'raise_ticks',
    arguments: 'tick bigint',
    returns: 'void',
    body: raiseBody,
    isVolatile: true,
    isLent: true,
  },
  { name: 'next_id', arguments: 'bucket bigint', returns: 'bigint', body: nextIdBody, isVolatile: true },
  { name: 'next_uuid', arguments: 'bucket bigint', returns: 'uuid', body: nextUuidBody, isVolatile: true },
]

/** What every server with routable ids has, whatever its tables. */
export const commonFunctions: readonly IdFunction[] = [...readers, ...makers]

/** The functions of one colocation group: the bucket of a key, and whether an id names it. */
export function groupFunctions(placement: KeyedPlacement, map: ShardMap): readonly IdFunction[] {
  const type = keyArgument(placement)
  // Of the group's tables each may spell its key in another type of the family; a text's length does not matter here.
  const bucket = bucketSql(
    { ...placement, keyType: keyFamilies[placement.keyType] === 'integer' ? 'int8' : placement.keyType },
    '$1',
    map,
  )
  const own = bucketName(placement.group)
  const matches = checkName(placement.group)
  const pinned = map.pins.size === 0 ? '' : ` or shardline.id_bucket($1) = ${bucketSql(placement, '$2')}`
  return [
    reader(own, type, 'bigint', `select ${bucket}`),
    ...(['int8', 'uuid'] as const).map((format) => ({
      name: matches,
      arguments: `${formatTypes[format]}, ${type}`,
      returns: 'boolean',
      // An id from before its key was pinned keeps the bucket that it was made with.
      body: `select shardline.id_bucket($1) = shardline.${quote(own)}($2)${pinned}`,
      isVolatile: false,
    })),
  ]
}

/** The trigger function of one table. */
export function fillFunction(table: RoutableTable): IdFunction {
  const fills = table.columns.map(
    ({ name, format }) => `  if new.${quote(name)} is null then
    new.${quote(name)} := shardline.${format === 'int8' ? 'next_id' : 'next_uuid'}(shardline.${quote(bucketName(table.group))}(new.${quote(table.keyColumn)}));
  end if;`,
  )
  return {
    name: cut(`fill ${table.schema}.${table.name}`),
    arguments: '',
    returns: 'trigger',
    body: `\nbegin\n${fills.join('\n')}\n  return new;\nend`,
    isVolatile: true,
  }
}

/** `CREATE OR REPLACE FUNCTION`, all names qualified. */
export function createFunctionSql(each: IdFunction): string {
  const strict = each.returns === 'trigger' ? '' : ' strict'
  // The path is fixed where rights are lent.
  const lent = each.isLent === true ? ' security definer set search_path = pg_catalog, pg_temp' : ''
  const traits = each.isVolatile
    ? `language plpgsql volatile${strict}${lent}`
    : 'language sql immutable strict parallel safe'
  return `create or replace function shardline.${quote(each.name)}(${each.arguments}) returns ${each.returns} ${traits} as ${dollars(each.body)}`
}

/** The name of the CHECK constraint of a routable column. */
export function constraintName(table: string, column: string): string {
  return cut(`${table}_${column}_routable`, '_routable')
}

/** The condition of the CHECK constraint, to be written after CHECK. */
export function constraintSql(placement: KeyedPlacement, column: string): string {
  return `shardline.${quote(checkName(placement.group))}(${quote(column)}, ${quote(placement.keyColumn)}${castSql(placement)})`
}

export function bucketName(group: string): string {
  return cut(`bucket of ${group}`)
}

export function checkName(group: string): string {
  return cut(`is id of ${group}`)
}

function castSql(placement: KeyedPlacement): string {
  return placement.keyType === 'int8' || placement.keyType === 'uuid' || placement.keyType === 'text'
    ? ''
    : `::${keyArgument(placement)}`
}

function keyArgument(placement: KeyedPlacement): string {
  const family = keyFamilies[placement.keyType]
  return family === 'integer' ? 'bigint' : family === 'uuid' ? 'uuid' : 'text'
}

export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function dollars(body: string): string {
  let tag = '$shardline$'
  while (body.includes(tag)) tag = `$shardline${tag.length}$`
  return `${tag}${body}${tag}`
}

/** Names of PostgreSQL end after 63 bytes: longer ones keep their end and get a digest of the whole. */
function cut(name: string, end = ''): string {
  if (Buffer.byteLength(name) <= 63) return name
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 8)
  let head = name.slice(0, name.length - end.length)
  while (Buffer.byteLength(`${head}_${digest}${end}`) > 63) head = head.slice(0, -1)
  return `${head}_${digest}${end}`
}
