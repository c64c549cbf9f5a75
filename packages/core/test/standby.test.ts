import { startCluster, type Cluster } from '@shardline/local-cluster'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildCatalog } from '../src/catalog/build-catalog.ts'
import { readShardCatalog } from '../src/catalog/read-shard-catalog.ts'
import { analyse } from '../src/statement/analyse.ts'
import { loadParser, parse } from '../src/statement/parser.ts'
import { classificationCatalog } from './support/classification-catalog.ts'
import { classificationVectors, describeStatement, expectedOf } from './support/classification-vectors.ts'

/**
 * What is called a read must run on a real standby, and say there what it says on the primary when it is cacheable.
 */
let cluster: Cluster
let primary: pg.Client
let standby: pg.Client

beforeAll(async () => {
  await loadParser()
  cluster = await startCluster({ shards: 1, replicas: 1 })
  const [shard] = cluster.shards
  const replica = shard?.replicas[0]
  if (shard === undefined || replica === undefined) throw new Error('the cluster has no standby')
  primary = new pg.Client(shard.primary.url)
  standby = new pg.Client(replica.url)
  await Promise.all([primary.connect(), standby.connect()])
  for (const sql of classificationVectors.setup) await primary.query(sql)
  await replica.waitForReplay()
  for (const client of [primary, standby]) await client.query(`set statement_timeout = '5s'`)
})

afterAll(async () => {
  await Promise.all([primary.end(), standby.end()])
  await cluster.stop()
})

interface Outcome {
  readonly code: string | undefined
  readonly message: string | undefined
  readonly rows: unknown
}

async function run(client: pg.Client, text: string, parameterCount = 0): Promise<Outcome> {
  try {
    const values = Array.from({ length: parameterCount }, () => null)
    const { rows } = await client.query({ text, values, rowMode: 'array' })
    return { code: undefined, message: undefined, rows }
  } catch (error) {
    const { code, message } = error as pg.DatabaseError
    return { code: code ?? 'none', message, rows: [] }
  }
}

describe('on a real standby', () => {
  const reads = classificationVectors.cases.filter((known) => known.role === 'replica' && known.run !== false)

  it.each(reads)('runs $sql', async ({ sql, isCacheable }) => {
    const { parameterCount } = analyse(sql, classificationCatalog)
    const there = await run(standby, sql, parameterCount)
    expect(there).toMatchObject({ code: undefined, message: undefined })
    if (isCacheable === true) expect(there.rows).toEqual((await run(primary, sql, parameterCount)).rows)
  })

  const explainedWrites = classificationVectors.cases.filter(
    ({ kind, role, run: isRunnable }) => kind === 'explain' && role === 'replica' && isRunnable !== false,
  )

  it('has statements of each kind to run', () => {
    expect(reads.length).toBeGreaterThan(90)
    expect(explainedWrites.length).toBeGreaterThan(10)
  })

  it('answers to every built-in function that is called a read as the primary does', async () => {
    const { rows: functions } = await primary.query<BuiltinFunction>(functionsSql)
    let called = 0
    const differences: string[] = []
    for (const builtin of functions) {
      const sql = callOf(builtin)
      const { role, isCacheable } = analyse(sql)
      if (role !== 'replica' || builtin.name.startsWith('pg_sleep')) continue
      called++
      const [here, there] = await Promise.all([run(primary, sql), run(standby, sql)])
      if (here.code !== there.code)
        differences.push(`${sql}: ${there.code} ${there.message} (${here.code} on the primary)`)
      else if (isCacheable && JSON.stringify(here.rows) !== JSON.stringify(there.rows))
        differences.push(`${sql}: other rows`)
    }
    expect(differences).toEqual([])
    expect(called).toBeGreaterThan(2_000)
  }, 120_000)

  it('knows the system views whose rows are those of one server', async () => {
    const { rows: views } = await primary.query<{ name: string }>(viewsSql)
    const differences: string[] = []
    for (const { name } of views) {
      const sql = `select * from ${name} order by 1`
      if (analyse(sql).role !== 'replica') continue
      const [here, there] = await Promise.all([run(primary, sql), run(standby, sql)])
      if (here.code !== there.code) differences.push(`${name}: ${there.message}`)
    }
    expect(differences).toEqual([])
    expect(views.length).toBeGreaterThan(120)
  })
})

describe('the catalog read from the server', () => {
  it('classifies every case as the one written by hand', async () => {
    const shardCatalog = await readShardCatalog(async (text) => {
      const { rows } = await primary.query<Record<string, unknown>>(text)
      return rows
    })
    const keyspace = { name: 'default', shards: ['only'], home: 'only', tables: new Map() }
    const expectation = { keyspaces: [keyspace], localFunctions: new Set<string>() }
    const catalog = buildCatalog(new Map([['only', shardCatalog]]), expectation, 1)
    const outcomes = classificationVectors.cases.map(({ sql }) => [
      sql,
      describeStatement(analyse(sql, catalog)),
    ])
    expect(outcomes).toEqual(classificationVectors.cases.map((known) => [known.sql, expectedOf(known)]))
  })
})

describe('a syntax error', () => {
  it.each([
    'select from where',
    'selec 1',
    `select 'abc`,
    'select "abc',
    'select 1 /* open',
    `select 'ä😀' frm x y`,
    'select 1 +',
    'insert into t values (1,',
    'select 1)',
    `select E'\\u12'`,
    `select U&'\\zzzz'`,
    'select ""',
    'select 123abc',
    `select 'a' /* x */\n 'b'`,
    'select 1 fetch first 1 rows with ties',
    'create assertion x check (true)',
    'select 1; selec 2',
    '\n\n  select 1 1 1',
    'select ? from t',
    'select json_array(returning text format json encoding latin7)',
    'create table parts (a int) partition by magic (a)',
    'alter index t_pkey alter column 0 set statistics 10',
    'create schema if not exists apart create table inner_one (a int)',
    'create table child (a int, b int, foreign key (a, b) references t on update set null (b))',
    `select ${'('.repeat(10_000)}1${')'.repeat(10_000)}`,
    '/* shardline: role=primary */ select 1 frm x y',
  ])('is that of PostgreSQL: %s', async (sql) => {
    const error: unknown = await primary.query(sql).catch((caught: unknown) => caught)
    const { code, message, position } = error as pg.DatabaseError
    const told = { sqlState: code, message, position: Number(position) }
    expect(parse(sql).syntaxError).toEqual(told)
    expect(analyse(sql).syntaxError).toEqual(told)
  })
})

interface BuiltinFunction {
  readonly name: string
  readonly kind: string
  readonly arguments: readonly string[]
  readonly isVariadic: boolean
}

const functionsSql = `
  select proname as name, prokind as kind, proargtypes::regtype[]::text[] as arguments,
         provariadic <> 0 and provariadic <> '"any"'::regtype as "isVariadic"
  from pg_proc
  where pronamespace = 'pg_catalog'::regnamespace and 'internal'::regtype <> all (proargtypes::regtype[])
    and prorettype <> all ('{internal,trigger,event_trigger,language_handler,fdw_handler,index_am_handler,table_am_handler,tsm_handler}'::regtype[])
  order by proname, proargtypes::text`

const viewsSql = `
  select n.nspname || '.' || relname as name from pg_class c join pg_namespace n on n.oid = relnamespace
  where relkind = 'v' and nspname in ('pg_catalog', 'information_schema') order by 1`

/** An expression of each type; other types get a NULL, which strict functions are not even called with. */
const samples: Readonly<Record<string, string>> = {
  integer: '1',
  bigint: '1::int8',
  smallint: '1::int2',
  text: `'a'::text`,
  oid: `'t'::regclass::oid`,
  regclass: `'t'::regclass`,
  boolean: 'true',
  numeric: '1.5',
  'double precision': '1.5::float8',
  real: '1.5::float4',
  name: `'t'::name`,
  '"char"': `'a'::"char"`,
  bytea: `'\\x01'::bytea`,
  uuid: `'6b0f1f5c-0b0e-4c0e-8b0e-0b0e4c0e8b0e'::uuid`,
  json: `'{"a":1}'::json`,
  jsonb: `'{"a":1}'::jsonb`,
  date: `'2020-01-01'::date`,
  'timestamp without time zone': `'2020-01-01'::timestamp`,
  'timestamp with time zone': `'2020-01-01Z'::timestamptz`,
  'time without time zone': `'10:00'::time`,
  'time with time zone': `'10:00Z'::timetz`,
  interval: `'1 second'::interval`,
  anyelement: '1',
  anynonarray: '1',
  anycompatible: '1',
  anycompatiblenonarray: '1',
  anyarray: 'array[1]',
  anycompatiblearray: 'array[1]',
  anyrange: 'int4range(1, 3)',
  anymultirange: `'{[1,3)}'::int4multirange`,
  anyenum: `'happy'::mood`,
  '"any"': `'a'::text`,
  'text[]': `array['a']`,
  'integer[]': 'array[1]',
  xml: `'<a/>'::xml`,
  tsvector: `'a'::tsvector`,
  tsquery: `'a'::tsquery`,
  regconfig: `'english'::regconfig`,
  regproc: `'now'::regproc`,
  regtype: `'int4'::regtype`,
  regrole: `'postgres'::regrole`,
  inet: `'1.1.1.1'::inet`,
  cidr: `'1.1.1.0/24'::cidr`,
  character: `'a'::char`,
  bit: `B'1'`,
  'bit varying': `B'1'::varbit`,
  xid: `'1'::xid`,
  xid8: `'1'::xid8`,
  pg_lsn: `'0/1'::pg_lsn`,
  point: `'(1,1)'::point`,
  box: `'(1,1),(2,2)'::box`,
  cstring: `'1'::cstring`,
  record: 'row(1)',
  jsonpath: `'$.a'::jsonpath`,
  money: `'1'::money`,
}

function callOf({ name, kind, arguments: types, isVariadic }: BuiltinFunction): string {
  const values = types.map((type, index) => {
    const value = samples[type] ?? `null::${type}`
    return isVariadic && index === types.length - 1 ? `variadic ${value}` : value
  })
  return `select pg_catalog."${name}"(${values.join(', ')})${kind === 'w' ? ' over ()' : ''}`
}
