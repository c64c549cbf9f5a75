import { idTrigger } from '../sharding/routable-sql.ts'
import type { ShardCatalog } from './shard-catalog.ts'

/** Runs one query on one session and gives its rows; the caller decides on the connection and the deadline. */
export type RunQuery = (text: string) => Promise<readonly Record<string, unknown>[]>

/**
 * Reads what analysis and routing need of one server's catalogs (PostgreSQL 13 to 18), in one read-only
 * transaction. `to_jsonb(row) ->> 'column'` reads columns that only some versions have.
 */
export async function readShardCatalog(run: RunQuery): Promise<ShardCatalog> {
  await run('begin transaction isolation level repeatable read read only')
  let catalog: ShardCatalog
  try {
    const settings = document(await run(`select row_to_json(s)::text as document from (${settingsQuery}) s`))
    // pg_get_viewdef and format_type qualify every name that is not in the path: so nothing of a user's may be.
    // A query of this kind looks expensive enough to be compiled, which would take longer than to run it.
    // Definitions are read under their relation's lock, which an open migration may hold for long.
    await run(
      `select set_config('search_path', 'pg_catalog', true), set_config('jit', 'off', true), set_config('lock_timeout', '${lockTimeoutMs}', true)`,
    )
    const pairs = documents.map(([name, query]) => `'${name}', (${query})`)
    const facts = document(await run(`select json_build_object(${pairs.join(', ')})::text as document`))
    catalog = { ...facts, settings } as unknown as ShardCatalog
  } catch (error) {
    // The first failure is the one to tell, whatever becomes of the session.
    await run('rollback').catch(() => undefined)
    throw error
  }
  await run('rollback')
  return catalog
}

/** As text, because an application may have type parsers of its own for JSON and numbers. */
function document([row]: readonly Record<string, unknown>[]): Record<string, unknown> {
  return JSON.parse(String(row?.['document'])) as Record<string, unknown>
}

const lockTimeoutMs = 3_000

const settingsQuery = `
  select current_setting('server_version_num')::int as "serverVersion",
         (select to_json(array_agg(s order by n)) from unnest(current_schemas(true)) with ordinality u(s, n)
           -- A session may have one that nobody asked for: REFRESH MATERIALIZED VIEW CONCURRENTLY leaves it behind.
           where s !~ '^pg_temp_') as "searchPath",
         current_setting('TimeZone') as "timeZone",
         current_setting('DateStyle') as "dateStyle",
         current_setting('IntervalStyle') as "intervalStyle",
         current_setting('bytea_output') as "byteaOutput",
         current_setting('extra_float_digits')::int as "extraFloatDigits",
         current_setting('standard_conforming_strings') as "standardConformingStrings",
         current_setting('default_transaction_isolation') as "defaultIsolation",
         current_setting('max_prepared_transactions')::int as "maxPreparedTransactions",
         pg_is_in_recovery() as "isInRecovery",
         pg_encoding_to_char(encoding) as encoding,
         pg_postmaster_start_time()::text || ' ' || current_setting('port') || ' ' || d.oid as identity,
         json_build_object(
           'name', 'default',
           'provider', coalesce(to_jsonb(d) ->> 'datlocprovider', 'c'),
           'locale', case coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') when 'c' then datcollate
                     else coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') end,
           'isDeterministic', true) as collation
    from pg_database d where datname = current_database()`

/** Our own trigger runs nothing that could write elsewhere or change a shard key. */
const isIdTrigger = (trigger: string): string => `(
  ${trigger}.tgname = '${idTrigger}' and exists (
    select from pg_proc f join pg_namespace fn on fn.oid = f.pronamespace where f.oid = ${trigger}.tgfoid and fn.nspname = 'shardline'))`

/** Schemas of users: not the system's, not those of temporary tables. */
const userSchema = (namespace: string): string =>
  `${namespace}.nspname not in ('pg_catalog', 'information_schema') and ${namespace}.nspname !~ '^pg_(toast|temp)'`

const collation = (oid: string): string => `(
  select json_build_object(
           'name', co.collname,
           'schema', nullif(cn.nspname, 'pg_catalog'),
           'provider', co.collprovider::text,
           'locale', coalesce(to_jsonb(co) ->> 'colllocale', to_jsonb(co) ->> 'colliculocale', to_jsonb(co) ->> 'collcollate'),
           'isDeterministic', co.collisdeterministic)
    from pg_collation co join pg_namespace cn on cn.oid = co.collnamespace where co.oid = ${oid})`

const list = (query: string): string => `select coalesce(json_agg(row), '[]') from (${query}) row`

/** A body in C or one of the server's own functions reads no tables by itself; any other language may. */
const isOpaque = (procedure: string): string => `(
  ${procedure}.provolatile <> 'i' and exists (
    select from pg_language l where l.oid = ${procedure}.prolang and l.lanname not in ('c', 'internal')))`

/** `i` < `s` < `v`, whatever the database's collation. */
const volatility = (procedure: string): string => `${procedure}.provolatile::text collate "C"`

/** The functions that run when an aggregate does. */
const partsOf = (aggregate: string, procedure: string): string => `${procedure}.oid in (
  ${['aggtransfn', 'aggfinalfn', 'aggcombinefn', 'aggmtransfn', 'aggminvtransfn', 'aggmfinalfn']
    .map((part) => `${aggregate}.${part}`)
    .join(', ')})`

const documents: readonly (readonly [keyof ShardCatalog, string])[] = [
  [
    'relations',
    list(`
      select c.oid::int8 as oid, n.nspname as schema, c.relname as name, c.relkind::text as kind,
             (select coalesce(json_agg(inhparent::int8 order by inhseqno), '[]') from pg_inherits i where i.inhrelid = c.oid) as parents,
             c.relpersistence = 'u' as "isUnlogged",
             (exists (select from pg_rewrite r where r.ev_class = c.oid and r.rulename <> '_RETURN') or exists (
               select from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal and not ${isIdTrigger('t')})) as "hasTriggers",
             exists (select from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal and not ${isIdTrigger('t')}
                and t.tgenabled <> 'D' and t.tgtype & 3 = 3 and t.tgtype & 20 <> 0) as "hasBeforeTriggers",
             case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end as "viewText"
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and ${userSchema('n')}`),
  ],
  [
    'columns',
    list(`
      with recursive base as (
        select oid as type, oid as base, typbasetype, typtype, typtypmod as modifier from pg_type
        union all
        select base.type, t.oid, t.typbasetype, t.typtype, greatest(base.modifier, t.typtypmod)
          from base join pg_type t on t.oid = base.typbasetype where base.typtype = 'd'
      ),
      sequence as (
        select p.refobjid as relation, p.refobjsubid as number, min(p.objid) as oid
          from pg_depend p
         where p.classid = 'pg_class'::regclass and p.refclassid = 'pg_class'::regclass and p.deptype = 'i'
         group by 1, 2
        union all
        select d.adrelid, d.adnum, min(p.refobjid)
          from pg_attrdef d join pg_depend p on p.classid = 'pg_attrdef'::regclass and p.objid = d.oid
           and p.refclassid = 'pg_class'::regclass
          join pg_class c on c.oid = p.refobjid and c.relkind = 'S'
         group by 1, 2
      )
      select a.attrelid::int8 as relation, a.attname as name, format_type(b.base, null) as type,
             greatest(a.atttypmod, b.modifier) as modifier,
             (a.attnotnull and not exists (
               select from pg_constraint k where k.conrelid = a.attrelid and k.contype = 'n' and not k.convalidated
                  and k.conkey = array[a.attnum])) as "notNull",
             ${collation('a.attcollation')} as collation,
             a.attgenerated <> '' as "isGenerated", a.attidentity <> '' as "isIdentity",
             (a.atthasdef or a.attidentity <> '') as "hasDefault",
             case when a.atthasdef then pg_get_expr(d.adbin, d.adrelid) end as "defaultText",
             (select json_build_object('start', s.seqstart::text, 'increment', s.seqincrement::text,
                       'min', s.seqmin::text, 'max', s.seqmax::text)
                from pg_sequence s where s.seqrelid = q.oid) as sequence
        from pg_attribute a
        join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'v', 'm', 'f')
        join pg_namespace n on n.oid = c.relnamespace
        join base b on b.type = a.atttypid and b.typtype <> 'd'
        left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        left join sequence q on q.relation = a.attrelid and q.number = a.attnum
       where a.attnum > 0 and not a.attisdropped and ${userSchema('n')}
       order by a.attrelid, a.attnum`),
  ],
  [
    'uniqueKeys',
    list(`
      select i.indrelid::int8 as relation, x.relname as name,
             (select json_agg(a.attname order by k.n)
                from unnest(i.indkey::int2[]) with ordinality k (attnum, n)
                join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
               where k.n <= i.indnkeyatts) as columns
        from pg_index i join pg_class x on x.oid = i.indexrelid
        join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
       where i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null and ${userSchema('n')}
       order by i.indrelid, i.indisprimary desc, x.relname`),
  ],
  [
    'foreignKeys',
    list(`
      select f.conrelid::int8 as relation, f.conname as name, f.confrelid::int8 as target,
             (select json_agg(a.attname order by k.n) from unnest(f.conkey) with ordinality k (attnum, n)
                join pg_attribute a on a.attrelid = f.conrelid and a.attnum = k.attnum) as columns,
             (select json_agg(a.attname order by k.n) from unnest(f.confkey) with ordinality k (attnum, n)
                join pg_attribute a on a.attrelid = f.confrelid and a.attnum = k.attnum) as "targetColumns"
        from pg_constraint f
       where f.contype = 'f' and f.convalidated and not f.condeferrable and coalesce(to_jsonb(f) ->> 'conenforced', 'true') = 'true'
         and coalesce(to_jsonb(f) ->> 'conperiod', 'false') = 'false'
         and not exists (select from pg_trigger t where t.tgconstraint = f.oid and t.tgenabled not in ('O', 'A'))
       order by f.conrelid, f.conname`),
  ],
  [
    'functions',
    list(`
      select n.nspname as schema, p.proname as name, p.prokind::text as kind,
             greatest(${volatility('p')}, (select max(${volatility('s')}) from pg_aggregate g join pg_proc s on ${partsOf('g', 's')}
                                            where g.aggfnoid = p.oid)) as volatility,
             p.proretset as "returnsSet",
             (${isOpaque('p')} or p.prokind = 'p' or exists (
               select from pg_aggregate g join pg_proc s on ${partsOf('g', 's')} where g.aggfnoid = p.oid and ${isOpaque('s')})
             ) as "isOpaque"
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
       where ${userSchema('n')}`),
  ],
  [
    'operators',
    list(`
      select o.oprname as name, ${volatility('p')} as volatility, ${isOpaque('p')} as "isOpaque"
        from pg_operator o join pg_namespace n on n.oid = o.oprnamespace join pg_proc p on p.oid = o.oprcode
       where ${userSchema('n')}`),
  ],
  [
    'types',
    list(`
      select t.oid::int8 as oid, n.nspname as schema, t.typname as name, t.typtype::text as kind,
             case when t.typtype = 'e' then
               (select json_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid) end as labels
        from pg_type t join pg_namespace n on n.oid = t.typnamespace
       where ${userSchema('n')}`),
  ],
  [
    'volatileCasts',
    `select coalesce(json_agg(format_type(k.castsource, null) || ' → ' || format_type(k.casttarget, null)), '[]')
       from pg_cast k join pg_proc p on p.oid = k.castfunc join pg_namespace n on n.oid = p.pronamespace
      where p.provolatile = 'v' and ${userSchema('n')}`,
  ],
  [
    'viewReads',
    list(`
      select distinct r.ev_class::int8 as view, d.refobjid::int8 as reads
        from pg_rewrite r join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
         and d.refclassid = 'pg_class'::regclass and d.refobjid <> r.ev_class
        join pg_class c on c.oid = r.ev_class and c.relkind in ('v', 'm')
        join pg_namespace n on n.oid = c.relnamespace and ${userSchema('n')}`),
  ],
  [
    'idFunctions',
    list(`
      select p.proname as name, oidvectortypes(p.proargtypes) as types, p.prosrc as body
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'shardline'`),
  ],
  [
    'idChecks',
    list(`
      select k.conrelid::int8 as relation, k.conname as name, pg_get_expr(k.conbin, k.conrelid) as condition,
             k.convalidated and not k.connoinherit
               and coalesce(to_jsonb(k) ->> 'conenforced', 'true') = 'true' as "isValidated"
        from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
       where k.contype = 'c' and ${userSchema('n')}`),
  ],
  [
    'idTriggers',
    list(`
      select t.tgrelid::int8 as relation, f.proname as function
        from pg_trigger t join pg_proc f on f.oid = t.tgfoid
       where ${isIdTrigger('t')} and t.tgenabled in ('O', 'A')`),
  ],
]
