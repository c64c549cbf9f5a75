/**
 * Writes src/statement/builtin-functions.ts from the system catalogs of a PostgreSQL 18:
 *
 *   node packages/core/scripts/generate-builtins.ts postgres://…     (an empty, freshly made database)
 *
 * Volatility alone does not say where a function may run, so the lists below sort those that are neither immutable nor
 * plainly dangerous. A volatile function that no list names counts as a write; `test/standby.test.ts` calls
 * everything else on a real standby.
 */
import { writeFile } from 'node:fs/promises'
import pg from 'pg'
import type { Nature } from '../src/statement/builtin-functions.ts'

const words = (text: string): Set<string> => new Set(text.trim().split(/\s+/))

/** Stable only because of settings (TimeZone, DateStyle, text search configuration) or of types' output functions. */
const settings = words(`
  anyarray_out anyarray_send anycompatiblearray_out anycompatiblearray_send anycompatiblemultirange_in
  anycompatiblemultirange_out anycompatiblerange_in anycompatiblerange_out anyenum_out anymultirange_in
  anymultirange_out anyrange_in anyrange_out anytextcat array_in array_out array_send array_to_json array_to_string
  bpcharsend cash_in cash_out concat concat_ws convert convert_from convert_to cstring_send date_add
  date_cmp_timestamptz date_eq_timestamptz date_ge_timestamptz date_gt_timestamptz date_le_timestamptz
  date_lt_timestamptz date_ne_timestamptz date_out date_part date_subtract date_trunc domain_in enum_first enum_in
  enum_last enum_out enum_range enum_send extract format generate_series in_range interval_in interval_out
  interval_pl_timestamptz json_agg json_agg_strict json_build_array json_build_object json_object_agg
  json_object_agg_strict json_object_agg_unique json_object_agg_unique_strict json_populate_record
  json_populate_recordset json_to_record json_to_recordset json_to_tsvector jsonb_agg jsonb_agg_strict
  jsonb_build_array jsonb_build_object jsonb_path_exists_tz jsonb_path_match_tz jsonb_path_query_array_tz
  jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record jsonb_populate_record_valid
  jsonb_populate_recordset jsonb_to_record jsonb_to_recordset jsonb_to_tsvector length make_timestamptz money
  multirange_in multirange_out multirange_send namesend numeric overlaps phraseto_tsquery plainto_tsquery pg_typeof
  quote_literal quote_nullable range_in range_out range_send record_in record_out record_send row_to_json textanycat
  textsend time timestamp_cmp_timestamptz timestamp_eq_timestamptz timestamp_ge_timestamptz
  timestamp_gt_timestamptz timestamp_le_timestamptz timestamp_lt_timestamptz timestamp_ne_timestamptz timestamp_out
  timestamptz_cmp_date timestamptz_cmp_timestamp timestamptz_eq_date timestamptz_eq_timestamp timestamptz_ge_date
  timestamptz_ge_timestamp timestamptz_gt_date timestamptz_gt_timestamp timestamptz_le_date timestamptz_le_timestamp
  timestamptz_lt_date timestamptz_lt_timestamp timestamptz_mi_interval timestamptz_ne_date timestamptz_ne_timestamp
  timestamptz_out timestamptz_pl_interval timetz timezone to_char to_date to_json to_jsonb to_number to_timestamp
  to_tsquery to_tsvector ts_headline ts_match_tq ts_match_tt varcharsend websearch_to_tsquery xml xml_in
  xml_is_well_formed xml_send date timestamp timestamptz pg_basetype pg_collation_for`)

/** Reads the clock or the transaction's start; the input functions know 'now' and 'today'. */
const time = words(`
  age clock_timestamp date_in mxid_age now pg_sleep pg_sleep_for pg_sleep_until statement_timestamp time_in timeofday
  timestamp_in timestamptz_in timetz_in transaction_timestamp`)

const chance = words('array_sample array_shuffle gen_random_uuid random random_normal uuidv4 uuidv7')

/** Reads settings or the identity of the session, alike on every node. */
const session = words(`
  current_database current_query current_schema current_schemas current_setting current_user get_current_ts_config
  getdatabaseencoding getpgusername pg_client_encoding pg_is_other_temp_schema pg_my_temp_schema pg_trigger_depth row_security_active session_user system_user`)

/** Answers for the one server or connection that is asked: only the primary's answer is that of one PostgreSQL. */
const server = words(`
  inet_client_addr inet_client_port inet_server_addr inet_server_port pg_available_extension_versions
  pg_available_extensions pg_backend_pid pg_blocking_pids pg_conf_load_time pg_config pg_control_checkpoint
  pg_control_init pg_control_recovery pg_control_system pg_current_logfile pg_current_snapshot
  pg_current_wal_flush_lsn pg_current_wal_insert_lsn pg_current_wal_lsn pg_current_xact_id_if_assigned
  pg_extension_update_paths pg_get_aios pg_get_backend_memory_contexts pg_get_loaded_modules pg_get_replication_slots
  pg_get_sequence_data pg_get_shmem_allocations pg_get_shmem_allocations_numa pg_get_wait_events
  pg_get_wal_replay_pause_state pg_get_wal_resource_managers pg_get_wal_summarizer_state pg_hba_file_rules
  pg_ident_file_mappings pg_is_in_recovery pg_is_wal_replay_paused pg_jit_available pg_last_committed_xact
  pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_lock_status pg_notification_queue_usage
  pg_numa_available pg_postmaster_start_time pg_prepared_xact pg_relation_filenode pg_relation_filepath
  pg_sequence_last_value pg_show_all_file_settings pg_show_all_settings pg_show_replication_origin_status
  pg_tablespace_databases pg_tablespace_location pg_timezone_abbrevs_abbrevs pg_timezone_abbrevs_zone
  pg_timezone_names pg_walfile_name pg_walfile_name_offset pg_xact_commit_timestamp pg_xact_commit_timestamp_origin
  pg_xact_status txid_current_if_assigned txid_current_snapshot txid_status version pg_visible_in_snapshot
  txid_visible_in_snapshot`)

/** Reads or leaves state of one session: locks, sequence values, cursors, settings. */
const state = words(`
  currval lastval nextval setval set_config setseed pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock
  pg_advisory_unlock_all pg_advisory_unlock_shared pg_advisory_xact_lock pg_advisory_xact_lock_shared
  pg_try_advisory_lock pg_try_advisory_lock_shared pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared
  pg_listening_channels pg_cursor pg_prepared_statement
  pg_replication_origin_session_setup pg_replication_origin_session_reset pg_replication_origin_session_progress
  pg_replication_origin_session_is_setup pg_backup_start pg_backup_stop`)

/** Runs SQL, or reads tables, that the statement does not show. */
const hidden = words(`
  cursor_to_xml cursor_to_xmlschema database_to_xml database_to_xml_and_xmlschema database_to_xmlschema query_to_xml
  query_to_xml_and_xmlschema query_to_xmlschema schema_to_xml schema_to_xml_and_xmlschema schema_to_xmlschema
  table_to_xml table_to_xml_and_xmlschema table_to_xmlschema ts_rewrite ts_stat`)

/** Not volatile, and yet refused on a standby. */
const refused = words('pg_current_xact_id pg_replication_origin_oid txid_current')

/** Volatile, and still only a read of the system catalogs. */
const volatileCatalog = words('amvalidate pg_partition_ancestors pg_partition_tree')

function natureOf(name: string, volatility: string): Nature {
  if (refused.has(name)) return 'refused'
  if (state.has(name)) return 'state'
  if (hidden.has(name)) return 'hidden'
  if (server.has(name) || /^pg_stat_get_|^pg_stat_have_|^pg_ls_|^pg_event_trigger_/.test(name))
    return 'server'
  if (time.has(name)) return 'time'
  if (chance.has(name)) return 'chance'
  if (session.has(name)) return 'session'
  if (settings.has(name)) return 'settings'
  if (volatileCatalog.has(name)) return 'catalog'
  if (volatility === 'v') return 'writes'
  return volatility === 's' ? 'catalog' : 'immutable'
}

interface FunctionRow {
  readonly schema: string
  readonly name: string
  readonly volatility: 'i' | 's' | 'v'
  readonly aggregate: boolean
  readonly window: boolean
  readonly set: boolean
}

/** One row per name: the worst volatility of its overloads. Functions with internal arguments cannot be called. */
const functionsSql = `
  select n.nspname as schema, proname as name, max(provolatile)::text as volatility,
         bool_or(prokind = 'a') as aggregate, bool_or(prokind = 'w') as window, bool_or(proretset) as set
  from pg_proc p join pg_namespace n on n.oid = pronamespace
  where n.nspname in ('pg_catalog', 'information_schema')
    and 'internal'::regtype <> all (proargtypes::regtype[])
    and prorettype <> all ('{internal,trigger,event_trigger,language_handler,fdw_handler,index_am_handler,table_am_handler,tsm_handler}'::regtype[])
  group by 1, 2 order by 2`

/** The functions and relations that a system view's rule mentions, by the OIDs in its stored tree. */
const viewsSql = `
  select c.oid::int, n.nspname as schema, c.relname as name, (select string_agg(r.ev_action::text, '') from pg_rewrite r where r.ev_class = c.oid) as action
  from pg_class c join pg_namespace n on n.oid = relnamespace
  where relkind = 'v' and n.nspname in ('pg_catalog', 'information_schema') order by 3`

const client = new pg.Client(process.argv[2] ?? process.env['DATABASE_URL'])
await client.connect()
const functions = (await client.query<FunctionRow>(functionsSql)).rows
const procs = (
  await client.query<{ oid: number; name: string; volatility: string }>(
    'select oid::int, proname as name, provolatile::text as volatility from pg_proc',
  )
).rows
const views = (await client.query<{ oid: number; schema: string; name: string; action: string }>(viewsSql))
  .rows
const operators = (
  await client.query<{ name: string; volatility: string }>(
    'select oprname as name, max(provolatile)::text as volatility from pg_operator join pg_proc p on p.oid = oprcode group by 1 order by 1',
  )
).rows
await client.end()

const perServer = new Set<Nature>(['server', 'state', 'writes', 'hidden', 'refused'])
const natureByOid = new Map(procs.map(({ oid, name, volatility }) => [oid, natureOf(name, volatility)]))
const viewByOid = new Map(views.map((view) => [view.oid, view]))

function isServerView(oid: number, seen = new Set<number>()): boolean {
  const view = viewByOid.get(oid)
  if (view === undefined || seen.has(oid)) return false
  seen.add(oid)
  const oids = (key: string): number[] =>
    [...view.action.matchAll(new RegExp(`:${key} (\\d+)`, 'g'))].map((match) => Number(match[1]))
  const called = [...oids('funcid'), ...oids('opfuncid'), ...oids('aggfnoid'), ...oids('winfnoid')]
  return (
    called.some((f) => perServer.has(natureByOid.get(f) ?? 'immutable')) ||
    oids('relid').some((r) => isServerView(r, seen))
  )
}

const groups = new Map<string, string[]>()
for (const { name, volatility, schema } of functions) {
  const key = `${natureOf(name, volatility)}:${volatility}`
  if (schema === 'information_schema') continue
  groups.set(key, [...(groups.get(key) ?? []), name])
}

function literal(names: readonly string[]): string {
  const lines: string[] = []
  let line = ''
  for (const name of names) {
    if (line.length + name.length > 112) {
      lines.push(line)
      line = ''
    }
    line += line === '' ? name : ` ${name}`
  }
  return `\`\n${[...lines, line].join('\n').replaceAll('\\', '\\\\').replaceAll('`', '\\`').replaceAll('${', '\\${')}\``
}

const inCatalog = functions.filter((f) => f.schema === 'pg_catalog')
const source = `// Written by scripts/generate-builtins.ts from PostgreSQL 18's pg_proc. Do not edit.

/** What a built-in function's answer depends on, or what it does. */
export type Nature =
  /** Nothing but its arguments. */
  | 'immutable'
  /** Settings such as TimeZone, and the output functions of types. */
  | 'settings'
  | 'time'
  | 'chance'
  /** The identity and the settings of the session, alike on every node. */
  | 'session'
  /** System catalogs, which replication keeps alike. */
  | 'catalog'
  /** The server or the connection that is asked. */
  | 'server'
  /** State of one session that it reads or leaves: locks, sequence values, settings. */
  | 'state'
  /** SQL or tables that the statement does not show. */
  | 'hidden'
  /** Not volatile, and yet refused on a standby. */
  | 'refused'
  /** Anything else that is volatile: taken for a write. */
  | 'writes'

/** Names in pg_catalog by \`nature:volatility\` (i, s, v), the worst over all overloads. */
export const builtinFunctions: Readonly<Record<string, string>> = {
${[...groups]
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([key, names]) => `  '${key}': ${literal(names)},`)
  .join('\n')}
}

export const builtinAggregates = ${literal(inCatalog.filter((f) => f.aggregate).map((f) => f.name))}

export const builtinWindowFunctions = ${literal(inCatalog.filter((f) => f.window).map((f) => f.name))}

export const builtinSetFunctions = ${literal(inCatalog.filter((f) => f.set).map((f) => f.name))}

/** Operator symbols of which some overload is stable. */
export const stableOperators = ${literal(operators.filter((o) => o.volatility !== 'i').map((o) => o.name))}

export const immutableOperators = ${literal(operators.filter((o) => o.volatility === 'i').map((o) => o.name))}

/** System views whose rows differ between a primary and its standbys. */
export const serverViews = ${literal(views.filter((v) => isServerView(v.oid)).map((v) => v.name))}
`
await writeFile(new URL('../src/statement/builtin-functions.ts', import.meta.url), source)
