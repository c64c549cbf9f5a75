import { createHash } from 'node:crypto'
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
  readonly columns: readonly { readonly name: string; readonly format: RoutableFormat }[]
}

/** The first key of all advisory locks of routable ids. */
export const lockClass = 7815

/** Readers of ids: immutable, so that they may stand in constraints, indexes and row filters. */
const readers: readonly IdFunction[] = [
  reader('id_bucket', 'bigint', 'bigint', `select ${idBucketSql('int8', '$1')}`),
  reader('id_bucket', 'uuid', 'bigint', `select (${idBucketSql('uuid', '$1')})::bigint`),
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
 * Runs with the clock locked. The lock belongs to a transaction, and the block's own one is rolled back at its end, which
 * gives the lock back at once and whatever ends it: an error, a cancel, or several. What a sequence was set to stays.
 */
const locked = (work: string): string => `
  begin
    perform pg_advisory_xact_lock(${lockClass}, 1);
${work}
    raise sqlstate 'SL000';
  exception
    when sqlstate 'SL000' then null;
  end;`

/**
 * The clock of one server's integer ids: gives `count` ticks in a row and returns the first. It is later than all before it,
 * whatever clocks and rollbacks do, because a sequence never goes back.
 */
const clockBody = `
declare
  tick bigint;
begin
  if count is null or count < 1 or count > 1000000 then
    raise invalid_parameter_value using message = 'the clock gives 1 to 1000000 ticks at once';
  end if;
  -- Ticks that leave the server before anything else is written have to survive its crash.
  if count > 1 and current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'local', true);
  end if;${locked(`    tick := greatest(
      (select last_value + 1 from shardline.ticks),
      floor(extract(epoch from clock_timestamp()) * 1000 - ${idEpochMs})::bigint * ${ticksPerMs});
    perform setval('shardline.ticks', tick + count - 1);`)}
  return tick;
end`

const raiseBody = `
begin${locked(`    if (select last_value from shardline.ticks) < tick then
      perform setval('shardline.ticks', tick);
    end if;`)}
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

/** The bucket that an id carries, in built-ins alone. */
function idBucketSql(format: RoutableFormat, id: string): string {
  if (format === 'int8') return `((${id} >> 7) & 32767)`
  const byte = (number: number): string => `pg_catalog.get_byte(pg_catalog.uuid_send(${id}), ${number})`
  return `(((${byte(8)} & 63) << 9) | (${byte(9)} << 1) | (${byte(10)} >> 7))`
}

/** The trigger function of one table. */
export function fillFunction(table: RoutableTable, placement: KeyedPlacement, map: ShardMap): IdFunction {
  const bucket = bucketSql(placement, `new.${quote(placement.keyColumn)}`, map)
  const fills = table.columns.map(
    ({ name, format }) => `  if new.${quote(name)} is null then
    new.${quote(name)} := shardline.${format === 'int8' ? 'next_id' : 'next_uuid'}(${bucket});
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

/**
 * The condition of the CHECK constraint, to be written after CHECK: the id carries its key's bucket. It calls nothing but
 * built-ins, so that what was validated once stays true until the constraint itself is replaced.
 */
export function constraintSql(
  placement: KeyedPlacement,
  { name, format }: { readonly name: string; readonly format: RoutableFormat },
  map: ShardMap,
): string {
  const id = idBucketSql(format, quote(name))
  const key = quote(placement.keyColumn)
  const hashed = `${id} = ${bucketSql(placement, key)}`
  // An id from before its key was pinned keeps the bucket that it was made with.
  return map.pins.size === 0 ? hashed : `${hashed} or ${id} = ${bucketSql(placement, key, map)}`
}

const yearMs = 366 * 86_400_000

/**
 * The latest tick in a table's integer ids. Ids of more than a year ahead are left out: they come from no clock, and one
 * of them would leave the clock no numbers to give.
 */
export function latestTickSql(table: string, column: string): string {
  const limit = `((extract(epoch from now()) * 1000)::bigint - ${idEpochMs - yearMs}) << 22`
  return `select coalesce(max(((${column} >> 22) << 7) | (${column} & 127)), 0)::text as tick from ${table} where ${column} between 0 and ${limit}`
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
