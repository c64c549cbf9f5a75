import type { ShardCatalog, SessionSettings } from './shard-catalog.ts'

/** Runs one query on one session and gives its rows; the caller decides on the connection and the deadline. */
export type RunQuery = (text: string) => Promise<readonly Record<string, unknown>[]>

/**
 * Reads what analysis and routing need of one server's catalogs (PostgreSQL 13 to 18), in one read-only
 * transaction. `to_jsonb(row) ->> 'column'` reads columns that only some versions have.
 */
export async function readShardCatalog(run: RunQuery): Promise<ShardCatalog> {
  await run('begin transaction isolation level repeatable read read only')
  try {
    const settings = readSettings(await run(settingsQuery))
    // pg_get_viewdef and format_type qualify every name that is not in the path: so nothing of a user's may be.
    await run('set local search_path = pg_catalog')
    const [row] = await run(`select ${documents.map(([name, query]) => `(${query}) as "${name}"`).join(', ')}`)
    return { settings, ...(row as unknown as Omit<ShardCatalog, 'settings'>) }
  } finally {
    await run('rollback')
  }
}

const settingsQuery = `
  select current_setting('server_version_num')::int as "serverVersion",
         to_json(current_schemas(true)) as "searchPath",
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
         json_build_object(
           'name', 'default',
           'provider', coalesce(to_jsonb(d) ->> 'datlocprovider', 'c'),
           'locale', case coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') when 'c' then datcollate
                     else coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') end,
           'isDeterministic', true) as collation
    from pg_database d where datname = current_database()`

function readSettings(rows: readonly Record<string, unknown>[]): SessionSettings {
  return rows[0] as unknown as SessionSettings
}

/** Schemas of users: not the system's, not those of temporary tables. */
const userSchema = (namespace: string): string =>
  `${namespace}.nspname not in ('pg_catalog', 'information_schema') and ${namespace}.nspname !~ '^pg_(toast|temp)'`

const collation = (oid: string): string => `(
  select json_build_object(
           'name', case when cn.nspname = 'pg_catalog' then co.collname else cn.nspname || '.' || co.collname end,
           'provider', co.collprovider::text,
           'locale', coalesce(to_jsonb(co) ->> 'colllocale', to_jsonb(co) ->> 'colliculocale', to_jsonb(co) ->> 'collcollate'),
           'isDeterministic', co.collisdeterministic)
    from pg_collation co join pg_namespace cn on cn.oid = co.collnamespace where co.oid = ${oid})`

const list = (query: string): string => `select coalesce(json_agg(row), '[]') from (${query}) row`

/** A body in C or one of the server's own functions reads no tables by itself; any other language may. */
const isOpaque = (procedure: string): string => `(
  ${procedure}.provolatile <> 'i' and exists (
    select from pg_language l where l.oid = ${procedure}.prolang and l.lanname not in ('c', 'internal')))`

const documents: readonly (readonly [keyof ShardCatalog, string])[] = [
  [
    'relations',
    list(`
      select c.oid::int8 as oid, n.nspname as schema, c.relname as name, c.relkind::text as kind,
             (select inhparent::int8 from pg_inherits i where i.inhrelid = c.oid order by inhseqno limit 1) as parent,
             (c.relkind in ('r', 'p', 'f') and (c.relhasrules or exists (
               select from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal))) as "hasTriggers",
             case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end as "viewText"
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and ${userSchema('n')}`),
  ],
  [
    'columns',
    list(`
      with recursive base as (
        select oid as type, oid as base, typbasetype, typtype from pg_type
        union all
        select base.type, t.oid, t.typbasetype, t.typtype from base join pg_type t on t.oid = base.typbasetype where base.typtype = 'd'
      )
      select a.attrelid::int8 as relation, a.attname as name, format_type(b.base, null) as type,
             a.attnotnull as "notNull", ${collation('a.attcollation')} as collation,
             a.attgenerated <> '' as "isGenerated",
             (a.atthasdef or a.attidentity <> '') as "hasDefault",
             case when a.atthasdef then pg_get_expr(d.adbin, d.adrelid) end as "defaultText",
             (select sn.nspname || '.' || s.relname from pg_depend p join pg_class s on s.oid = p.objid and s.relkind = 'S'
                join pg_namespace sn on sn.oid = s.relnamespace
               where p.classid = 'pg_class'::regclass and p.refclassid = 'pg_class'::regclass
                 and p.refobjid = a.attrelid and p.refobjsubid = a.attnum and p.deptype in ('a', 'i') limit 1) as sequence
        from pg_attribute a
        join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'v', 'm', 'f')
        join pg_namespace n on n.oid = c.relnamespace
        join base b on b.type = a.atttypid and b.typtype <> 'd'
        left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
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
       where f.contype = 'f' and f.convalidated and coalesce(to_jsonb(f) ->> 'conenforced', 'true') = 'true'
         and not exists (select from pg_trigger t where t.tgconstraint = f.oid and t.tgenabled not in ('O', 'A'))
       order by f.conrelid, f.conname`),
  ],
  [
    'functions',
    list(`
      select n.nspname as schema, p.proname as name, p.provolatile::text as volatility, p.prokind::text as kind,
             p.proretset as "returnsSet",
             (${isOpaque('p')} or p.prokind = 'p' or exists (
               select from pg_aggregate g join pg_proc s on s.oid in (g.aggtransfn, g.aggfinalfn) where g.aggfnoid = p.oid and ${isOpaque('s')})
             ) as "isOpaque"
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
       where ${userSchema('n')}`),
  ],
  [
    'operators',
    list(`
      select o.oprname as name, p.provolatile::text as volatility, ${isOpaque('p')} as "isOpaque"
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
    'viewReads',
    list(`
      select distinct r.ev_class::int8 as view, d.refobjid::int8 as reads
        from pg_rewrite r join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
         and d.refclassid = 'pg_class'::regclass and d.refobjid <> r.ev_class
        join pg_class c on c.oid = r.ev_class and c.relkind in ('v', 'm')
        join pg_namespace n on n.oid = c.relnamespace and ${userSchema('n')}`),
  ],
]
